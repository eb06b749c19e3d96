"""What Aliyun's codes mean for one message: one table, branched on by code alone.

A code is looked for in full, then by its family, the part before the first dot (`Throttling.User`,
`isv....` is the caller's doing, `isp....` the platform's). Codes marked [M] were not confirmed by public
documents and are treated as carefully as they can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from mallcare.gateways.transport import JsonObject
from mallcare.ports import GatewayError


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a caller may react to a code."""

    retryable: bool
    outcome_unknown: bool = False
    retry_after: timedelta | None = None


UNCLEAR: Final = Meaning(retryable=True, outcome_unknown=True)
REFUSED: Final = Meaning(retryable=False)
TOO_OFTEN: Final = Meaning(retryable=True, retry_after=timedelta(seconds=10))
LATER: Final = Meaning(retryable=True, retry_after=timedelta(minutes=5))

OK: Final = "OK"

BAD_NUMBERS: Final = frozenset({"isv.MOBILE_NUMBER_ILLEGAL"})
"""Codes that blame the receiver's number alone: another channel may still reach the person."""

MEANINGS: Final[dict[str, Meaning]] = {
    # The quota of this receiver for this template. Whether the minute, the hour or the day is used up
    # stands in the message only, and nobody branches on messages: final for this message, so that it is
    # never repeated inside a window of unknown length.
    "isv.BUSINESS_LIMIT_CONTROL": REFUSED,
    "isv.DAY_LIMIT_CONTROL": REFUSED,
    "isv.MONTH_LIMIT_CONTROL": REFUSED,
    "isv.MOBILE_COUNT_OVER_LIMIT": REFUSED,
    # Words in a variable that the vendor forbids: not the receiver's fault.
    "isv.BLACK_KEY_CONTROL_LIMIT": REFUSED,
    "isv.SMS_TEMPLATE_ILLEGAL": REFUSED,
    "isv.SMS_SIGNATURE_ILLEGAL": REFUSED,
    "isv.TEMPLATE_MISSING_PARAMETERS": REFUSED,
    "isv.INVALID_PARAMETERS": REFUSED,
    "isv.INVALID_JSON_PARAM": REFUSED,
    "isv.PARAM_LENGTH_LIMIT": REFUSED,
    "isv.PARAM_NOT_SUPPORT_URL": REFUSED,
    "isv.AMOUNT_NOT_ENOUGH": REFUSED,
    "isv.OUT_OF_SERVICE": REFUSED,
    "isv.ACCOUNT_ABNORMAL": REFUSED,
    "isv": REFUSED,
    "isp.RAM_PERMISSION_DENY": REFUSED,
    "isp.SYSTEM_ERROR": UNCLEAR,
    "isp.GATEWAY_ERROR": UNCLEAR,
    "isp": UNCLEAR,
    "Throttling": TOO_OFTEN,
    "ServiceUnavailable": UNCLEAR,
    "InternalError": UNCLEAR,
    # The vendor saw this very request before: something on the way repeated it, the first may have worked.
    "SignatureNonceUsed": UNCLEAR,
    # Our clock is off, or the request lay about for a quarter of an hour: the next one is dated anew.
    "InvalidTimeStamp": LATER,
    "SignatureDoesNotMatch": REFUSED,
    "IncompleteSignature": REFUSED,
    "InvalidAccessKeyId": REFUSED,
    "Forbidden": REFUSED,
    "MissingParameter": REFUSED,
    "InvalidParameter": REFUSED,
}


def code_of(answer: JsonObject) -> str | None:
    """The vendor's word in an answer; None when it said none, so that it is not the vendor's answer."""
    code = answer.get("Code")
    return code if isinstance(code, str) and code else None


def failure(status: int, code: str | None) -> GatewayError:
    """The error that an answer other than OK stands for. Its text holds code and status, never a message.

    Without a code it is some proxy's page: unclear, whatever its status says. 5xx is always unclear; an
    unknown code is a refusal at 4xx, too often at 429, and unclear anywhere else.
    """
    if code is None:
        code, meaning = f"HTTP_{status}", UNCLEAR
    elif status >= 500:
        meaning = UNCLEAR
    else:
        meaning = MEANINGS.get(code) or MEANINGS.get(code.partition(".")[0]) or _by_status(status)
    wait = meaning.retry_after
    return GatewayError(
        code,
        f"HTTP {status}",
        retryable=meaning.retryable,
        outcome_unknown=meaning.outcome_unknown,
        retry_after_seconds=None if wait is None else wait.total_seconds(),
    )


def _by_status(status: int) -> Meaning:
    if status == 429:
        return TOO_OFTEN
    return REFUSED if 400 <= status < 500 else UNCLEAR


def unclear_question(error: GatewayError) -> GatewayError:
    """The same failure, of a call that only asked: it never says that no message was sent."""
    if error.outcome_unknown:
        return error
    return GatewayError(
        error.code,
        error.detail,
        retryable=error.retryable,
        outcome_unknown=True,
        retry_after_seconds=error.retry_after_seconds,
    )
