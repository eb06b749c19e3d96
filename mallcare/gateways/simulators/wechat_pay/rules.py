"""The vendor's rules for a refund, and the answers it gives to those who break them."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from mallcare.gateways.simulators.wechat_pay.ledger import Refund, Transaction

_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
_YEAR = timedelta(days=365).total_seconds()


class VendorError(Exception):
    """An answer that is not 2xx, with the vendor's code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Submission:
    """A well-formed refund request."""

    out_refund_no: str
    transaction_id: str | None
    out_trade_no: str | None
    amount_fen: int
    total_fen: int
    reason: str | None
    notify_url: str | None


def read_object(body: bytes) -> dict[str, object]:
    """A JSON object.

    Raises:
        VendorError: PARAM_ERROR.
    """
    try:
        decoded: object = json.loads(body)
    except ValueError as error:
        raise _param("body is not JSON") from error
    if not isinstance(decoded, dict):
        raise _param("body is not an object")
    return cast("dict[str, object]", decoded)


def read_submission(body: bytes) -> Submission:
    """The refund request in a body.

    Raises:
        VendorError: PARAM_ERROR for anything malformed.
    """
    fields = read_object(body)
    amount = fields.get("amount")
    if not isinstance(amount, dict):
        raise _param("amount is required")
    amount = cast("dict[str, object]", amount)
    if amount.get("currency") != "CNY":
        raise _param("amount.currency must be CNY")
    submission = Submission(
        out_refund_no=_text(fields, "out_refund_no") or "",
        transaction_id=_text(fields, "transaction_id"),
        out_trade_no=_text(fields, "out_trade_no"),
        amount_fen=_fen(amount, "refund"),
        total_fen=_fen(amount, "total"),
        reason=_text(fields, "reason"),
        notify_url=_text(fields, "notify_url"),
    )
    if not _REFUND_NO.fullmatch(submission.out_refund_no):
        raise _param("out_refund_no is at most 64 digits, letters and _-|*@")
    if (submission.transaction_id is None) == (submission.out_trade_no is None):
        raise _param("exactly one of transaction_id and out_trade_no")
    if submission.amount_fen > submission.total_fen:
        raise _param("amount.refund exceeds amount.total")
    if submission.reason is not None and len(submission.reason.encode()) > 80:
        raise _param("reason is longer than 80 bytes")
    _check_notify_url(submission.notify_url)
    return submission


def _check_notify_url(url: str | None) -> None:
    if url is not None and (not url.startswith(("http://", "https://")) or "?" in url or len(url) > 256):
        raise _param("notify_url is an address without a query, 256 characters at most")


def check_replay(submission: Submission, refund: Refund) -> None:
    """A repeated out_refund_no must be the same refund.

    Raises:
        VendorError: PARAM_ERROR.
    """
    same_payment = refund.transaction_id == submission.transaction_id or (
        submission.transaction_id is None and refund.out_trade_no == submission.out_trade_no
    )
    amounts = (submission.amount_fen, submission.total_fen)
    if not same_payment or amounts != (refund.amount_fen, refund.total_fen):
        raise _param("out_refund_no was used for another refund")


def learned_payment(submission: Submission) -> Transaction:
    """The payment a refund implies, for a simulator that was not told of it."""
    return Transaction(
        transaction_id=submission.transaction_id or "42" + _digits(26),
        out_trade_no=submission.out_trade_no or f"trade{_digits(20)}",
        total_fen=submission.total_fen,
        paid_at=None,
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas of one payment's refunds."""

    refunds: int
    interval_seconds: float


def check_payment(
    submission: Submission, payment: Transaction, earlier: Sequence[Refund], limits: Limits, now: float
) -> None:
    """A new refund must fit its payment and the refunds before it.

    Raises:
        VendorError: PARAM_ERROR, INVALID_REQUEST or FREQUENCY_LIMITED.
    """
    if submission.total_fen != payment.total_fen:
        raise _param("amount.total is not what was paid")
    if payment.paid_at is not None and now - payment.paid_at > _YEAR:
        raise VendorError(400, "INVALID_REQUEST", "paid more than a year ago")
    standing = [refund for refund in earlier if refund.status != "CLOSED"]
    if sum(refund.amount_fen for refund in standing) + submission.amount_fen > payment.total_fen:
        raise VendorError(400, "INVALID_REQUEST", "refunds exceed what was paid")
    if len(standing) >= limits.refunds:
        raise VendorError(400, "INVALID_REQUEST", "too many refunds of one payment")
    if earlier and now - max(refund.created_at for refund in earlier) < limits.interval_seconds:
        raise VendorError(429, "FREQUENCY_LIMITED", "refunds of one payment come too fast")


def new_refund(
    submission: Submission, payment: Transaction, outcome: str, now: float, settles_at: float
) -> Refund:
    """An accepted refund, not settled yet."""
    return Refund(
        out_refund_no=submission.out_refund_no,
        refund_id="503" + _digits(26),
        transaction_id=payment.transaction_id,
        out_trade_no=payment.out_trade_no,
        amount_fen=submission.amount_fen,
        total_fen=submission.total_fen,
        status="PROCESSING",
        outcome=outcome,
        channel="ORIGINAL",
        reason=submission.reason,
        notify_url=submission.notify_url,
        created_at=now,
        settles_at=settles_at,
        settled_at=None,
    )


def _digits(count: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(count))


def _text(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise _param(f"{name} is not a text")
    return value


def _fen(amount: dict[str, object], name: str) -> int:
    value = amount.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _param(f"amount.{name} is not a positive number of fen")
    return value


def _param(message: str) -> VendorError:
    return VendorError(400, "PARAM_ERROR", message)
