"""Payment vendors: what the platform asks of them, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol


class GatewayError(Exception):
    """A vendor did not do what was asked.

    Args:
        code: the vendor's own code, or one of ours (`timeout`, `connection`, `bad_signature`,
            `bad_response`); callers branch on it, never on messages.
        retryable: the same call may succeed later without anybody doing anything.
        outcome_unknown: the vendor may have done it: ask before repeating.
        retry_after_seconds: the vendor's own wish, if it has one.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retryable: bool,
        outcome_unknown: bool,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.retry_after_seconds = retry_after_seconds


class RefundStanding(StrEnum):
    """Where a refund stands at the vendor."""

    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    FAILED = "failed"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """One refund leg, as the vendor needs it. Amounts in fen.

    `refund_no` is the business key for the leg's whole life: <= 32 alphanumeric characters.
    """

    refund_no: str
    order_no: str
    tender: str
    transaction_id: str | None
    amount_fen: int
    transaction_total_fen: int
    reason: str


@dataclass(frozen=True, slots=True)
class RefundReport:
    """The vendor's own word on a refund.

    `failure_code` is set when FAILED (`ABNORMAL`, `CLOSED`, or a business error code);
    `amount_fen` is what the vendor says it refunds.
    """

    refund_no: str
    standing: RefundStanding
    amount_fen: int | None = None
    vendor_refund_id: str | None = None
    failure_code: str | None = None


BILLED_AS_PAID: Final = "SUCCESS"
"""The status of a bill's row whose money is paid."""


@dataclass(frozen=True, slots=True)
class BillRow:
    """One refund of a vendor's daily bill.

    `status` is the vendor's own word, except for one: `BILLED_AS_PAID` where the money is paid.
    """

    refund_no: str
    transaction_id: str
    amount_fen: int
    status: str
    refunded_at: datetime


class PaymentGateway(Protocol):
    """Refunds money over one vendor. Same `refund_no`, at most one refund."""

    async def submit(self, request: RefundRequest) -> RefundReport:
        """Ask for the refund. Safe to repeat with an equal request.

        Raises:
            GatewayError: refused or unclear; a definite business refusal has
                `retryable=False, outcome_unknown=False`.
        """
        ...

    async def query(self, request: RefundRequest) -> RefundReport:
        """Where the refund stands; `NOT_FOUND` when the vendor never saw it."""
        ...


class RefundCallbacks(Protocol):
    """Verifies and decodes a vendor's refund callback."""

    def parse(self, headers: dict[str, str], body: bytes) -> RefundReport:
        """The report inside a callback.

        Raises:
            GatewayError: `bad_signature`, `stale_timestamp`, `bad_response`.
        """
        ...


class RefundBills(Protocol):
    """A vendor's daily bill of refunds, for reconciliation."""

    async def refunds_of(self, day: date) -> list[BillRow]: ...


class PaymentGateways(Protocol):
    """The payment gateways by the provider named in an order's tender."""

    def for_provider(self, provider: str) -> PaymentGateway:
        """The provider's gateway.

        Raises:
            GatewayError: `unknown_provider`, definite.
        """
        ...
