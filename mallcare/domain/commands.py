"""Commands on a case, and who gives them. Addresses, texts and evidence travel beside them, not in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mallcare.domain.vocabulary import Action, Choice, Kind, Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a role, and the subject of the token (never a name)."""

    role: Role
    subject: str


@dataclass(frozen=True, slots=True)
class Approve:
    """Agree to the request (supplier)."""

    action: ClassVar[Action] = Action.APPROVE


@dataclass(frozen=True, slots=True)
class Reject:
    """Decline the request, with the reason the customer is told."""

    reason: str
    action: ClassVar[Action] = Action.REJECT


@dataclass(frozen=True, slots=True)
class Propose:
    """Offer the customer less money, another kind of request, or both (supplier)."""

    message: str
    goods_fen: int | None = None
    kind: Kind | None = None
    action: ClassVar[Action] = Action.PROPOSE


@dataclass(frozen=True, slots=True)
class RequestEvidence:
    """Ask the customer to show more (supplier)."""

    message: str
    action: ClassVar[Action] = Action.REQUEST_EVIDENCE


@dataclass(frozen=True, slots=True)
class AcceptProposal:
    """Agree to what the supplier offered: the request goes on as approved (customer)."""

    action: ClassVar[Action] = Action.ACCEPT_PROPOSAL


@dataclass(frozen=True, slots=True)
class DeclineProposal:
    """Decline it: the request is before the supplier again (customer)."""

    action: ClassVar[Action] = Action.DECLINE_PROPOSAL


@dataclass(frozen=True, slots=True)
class SubmitEvidence:
    """Answer with evidence: the request is before the supplier again (customer)."""

    items: int
    action: ClassVar[Action] = Action.SUBMIT_EVIDENCE


@dataclass(frozen=True, slots=True)
class Cancel:
    """Withdraw the request (customer, rule A2)."""

    action: ClassVar[Action] = Action.CANCEL


@dataclass(frozen=True, slots=True)
class SetReturnAddress:
    """Name the address of the return that was missing at approval (supplier)."""

    action: ClassVar[Action] = Action.SET_RETURN_ADDRESS


@dataclass(frozen=True, slots=True)
class SubmitWaybill:
    """The goods were sent back (customer, rule A3)."""

    carrier: str
    waybill: str
    action: ClassVar[Action] = Action.SUBMIT_WAYBILL


@dataclass(frozen=True, slots=True)
class CorrectWaybill:
    """The waybill was mistyped (customer)."""

    carrier: str
    waybill: str
    action: ClassVar[Action] = Action.CORRECT_WAYBILL


@dataclass(frozen=True, slots=True)
class ChangeAddress:
    """Have the exchange delivered to another address (customer, rule A4)."""

    action: ClassVar[Action] = Action.CHANGE_ADDRESS


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """What came back of a line, in units by condition; what is not named did not come."""

    line_id: str
    good: int = 0
    damaged: int = 0
    wrong: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Receive:
    """Say what arrived (supplier). Lines not named did not arrive."""

    lines: tuple[ReceivedLine, ...]
    action: ClassVar[Action] = Action.RECEIVE


@dataclass(frozen=True, slots=True)
class AcceptedLine:
    """Units of a line that are accepted; lines not named are not."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Accept:
    """Accept goods after inspection (supplier); more than arrived good only with a reason."""

    lines: tuple[AcceptedLine, ...]
    reason: str | None = None
    action: ClassVar[Action] = Action.ACCEPT


@dataclass(frozen=True, slots=True)
class Refuse:
    """Accept nothing of what came back (supplier), with the reason and the evidence the customer sees."""

    reason: str
    items: int = 0
    action: ClassVar[Action] = Action.REFUSE


@dataclass(frozen=True, slots=True)
class ShipBack:
    """Refused goods are on their way back to the customer (supplier)."""

    carrier: str
    waybill: str
    action: ClassVar[Action] = Action.SHIP_BACK


@dataclass(frozen=True, slots=True)
class Reship:
    """The replacement is on its way (supplier)."""

    carrier: str
    waybill: str
    action: ClassVar[Action] = Action.RESHIP


@dataclass(frozen=True, slots=True)
class OutOfStock:
    """The replacement cannot be sent now: the customer chooses (supplier)."""

    action: ClassVar[Action] = Action.OUT_OF_STOCK


@dataclass(frozen=True, slots=True)
class Choose:
    """Wait for the replacement, or take the money (customer)."""

    choice: Choice
    action: ClassVar[Action] = Action.CHOOSE


@dataclass(frozen=True, slots=True)
class Confirm:
    """The parcel arrived (customer)."""

    action: ClassVar[Action] = Action.CONFIRM


@dataclass(frozen=True, slots=True)
class ReportMissing:
    """The replacement did not arrive (customer)."""

    action: ClassVar[Action] = Action.REPORT_MISSING


@dataclass(frozen=True, slots=True)
class RetryRefund:
    """Ask for the failed legs once more, under their own numbers (finance)."""

    action: ClassVar[Action] = Action.RETRY_REFUND


@dataclass(frozen=True, slots=True)
class SettleOffline:
    """Failed legs were paid by other means (finance): one person says so, a second one confirms it."""

    items: int
    action: ClassVar[Action] = Action.SETTLE_OFFLINE


@dataclass(frozen=True, slots=True)
class ExtendDeadline:
    """Move the deadline to a later instant, audited (operations)."""

    until: datetime
    reason: str
    action: ClassVar[Action] = Action.EXTEND_DEADLINE


@dataclass(frozen=True, slots=True)
class Close:
    """End a request that the mall took over (operations)."""

    reason: str
    action: ClassVar[Action] = Action.CLOSE


@dataclass(frozen=True, slots=True)
class Resume:
    """Give a failed refund back to finance after the mall reported a refund of its own (operations)."""

    reason: str
    action: ClassVar[Action] = Action.RESUME


WaybillCommand = SubmitWaybill | CorrectWaybill | ShipBack | Reship
"""Commands that give a parcel its waybill."""

Command = (
    Approve
    | Reject
    | Propose
    | RequestEvidence
    | AcceptProposal
    | DeclineProposal
    | SubmitEvidence
    | Cancel
    | SetReturnAddress
    | WaybillCommand
    | ChangeAddress
    | Receive
    | Accept
    | Refuse
    | OutOfStock
    | Choose
    | Confirm
    | ReportMissing
    | RetryRefund
    | SettleOffline
    | ExtendDeadline
    | Close
    | Resume
)
