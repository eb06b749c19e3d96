"""The notification centre (站内信): messages that wait in the platform for whom they concern.

What a change of a request is told of is decided here; the words are the API's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent
from mallcare.domain.errors import Fact
from mallcare.domain.vocabulary import LegStatus, ParcelPurpose, Role, State


class Audience(StrEnum):
    """Whose box a message lies in."""

    CUSTOMER = "customer"
    STAFF = "staff"
    """A person at a supplier."""


class NotificationKind(StrEnum):
    """What a message is about. Whatever else is stored as a kind is shown in general words."""

    REFUND_APPROVED = "refund_approved"
    RETURN_WANTED = "return_wanted"
    RETURN_APPROVED = "return_approved"
    """Agreed to, while nobody can say yet where the goods are to go."""
    REJECTED = "rejected"
    PROPOSED = "proposed"
    EVIDENCE_REQUESTED = "evidence_requested"
    REFUNDED = "refunded"
    RESHIPPED = "reshipped"
    OUT_OF_STOCK = "out_of_stock"
    GOODS_REFUSED = "goods_refused"
    SHIPPED_BACK = "shipped_back"
    EXPIRED = "expired"
    CLOSED = "closed"
    ENDED = "ended"
    """Through without the customer's word, or without anything to pay."""
    TO_REVIEW = "to_review"
    TO_INSPECT = "to_inspect"
    TO_RESHIP = "to_reship"
    REPLACEMENT_MISSING = "replacement_missing"
    REMINDER = "reminder"
    """Promises of a supplier run out (T3)."""
    DAILY_SMS = "daily_sms"
    """What is overdue at a supplier, once a day (T4)."""


EVERYONE = ""
"""Reader of a message to a supplier that each of its contacts gets, as they are when it is written."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message. `owner`: a customer, or a supplier whose `reader` (a contact's id) it is for; customers
    are their own readers.

    `link`: a path of the API that opens what it is about. `once`: written once for ever, to each reader.
    `facts`: no personal data and nothing that people wrote.
    """

    audience: Audience
    owner: str
    reader: str
    kind: str
    link: str
    created_at: datetime
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    once: str | None = None


TELLS: Mapping[str, NotificationKind] = {
    "return_address_set": NotificationKind.RETURN_WANTED,
    "rejected": NotificationKind.REJECTED,
    "proposed": NotificationKind.PROPOSED,
    "evidence_requested": NotificationKind.EVIDENCE_REQUESTED,
    "reshipped": NotificationKind.RESHIPPED,
    "out_of_stock": NotificationKind.OUT_OF_STOCK,
    "shipped_back": NotificationKind.SHIPPED_BACK,
    "expired": NotificationKind.EXPIRED,
    "closed": NotificationKind.CLOSED,
}
"""Events that concern the customer, whatever the request is; others only by what they lead to."""
AGREED = frozenset({"approved", "accepted", "refund_by_default", "refund_chosen"})
CONFIRMED = frozenset({"replacement_confirmed", "goods_back_with_customer"})
CUSTOMERS_WORD = CONFIRMED | {"refund_chosen"}
"""Events that the customer brings about, or the mall in the customer's name; else the clock or operations."""
STAFF_WAITS: Mapping[State, NotificationKind] = {
    State.PENDING_REVIEW: NotificationKind.TO_REVIEW,
    State.INSPECTING: NotificationKind.TO_INSPECT,
    State.AWAITING_RESHIPMENT: NotificationKind.TO_RESHIP,
}
"""What people at the supplier have to do in a state that a request enters."""
WITH_DEADLINE = frozenset(
    {
        NotificationKind.RETURN_WANTED,
        NotificationKind.RETURN_APPROVED,
        NotificationKind.PROPOSED,
        NotificationKind.EVIDENCE_REQUESTED,
        NotificationKind.OUT_OF_STOCK,
        NotificationKind.TO_REVIEW,
        NotificationKind.TO_INSPECT,
        NotificationKind.TO_RESHIP,
    }
)
"""Messages that wait for their reader, and say how long."""
PARCEL_OF: Mapping[NotificationKind, ParcelPurpose] = {
    NotificationKind.RESHIPPED: ParcelPurpose.RESHIPMENT,
    NotificationKind.SHIPPED_BACK: ParcelPurpose.SHIP_BACK,
}


def tell(case: AfterSalesCase, events: Iterable[CaseEvent]) -> tuple[Notification, ...]:
    """Everything that a change of a request tells people in the platform."""
    happened = tuple(events)
    return tell_customer(case, happened) + tell_staff(case, happened)


def tell_customer(case: AfterSalesCase, events: Iterable[CaseEvent]) -> tuple[Notification, ...]:
    """What the customer hears of a change: never of what they did themselves, or the mall for them.

    `case` is the request after all of `events`.
    """

    def told() -> Iterator[Notification]:
        for event in events:
            kind = _customer_kind(case, event)
            if kind is not None:
                once = f"{case.after_sales_no}:{event.version}:{event.name}"
                owner = case.customer_id
                yield _about(case, event, kind, Audience.CUSTOMER, owner, owner, once)

    return tuple(told())


def tell_staff(case: AfterSalesCase, events: Iterable[CaseEvent]) -> tuple[Notification, ...]:
    """What everyone at the supplier hears: a request that begins to wait for them, and still does."""

    def told() -> Iterator[Notification]:
        for event in events:
            kind = _staff_kind(case, event)
            if kind is not None:
                once = f"{case.after_sales_no}:{event.version}:{kind}"
                yield _about(case, event, kind, Audience.STAFF, case.supplier_id, EVERYONE, once)

    return tuple(told())


def _customer_kind(case: AfterSalesCase, event: CaseEvent) -> NotificationKind | None:
    if event.name in CUSTOMERS_WORD and event.actor.role in (Role.CUSTOMER, Role.MALL):
        return None
    if event.name in TELLS:
        return TELLS[event.name]
    if event.name in AGREED:
        return _agreed_kind(case)
    if event.name == "refused":
        return NotificationKind.REJECTED if case.state.final else NotificationKind.GOODS_REFUSED
    kind, holds = _consequence(case, event)
    return kind if holds else None


def _consequence(case: AfterSalesCase, event: CaseEvent) -> tuple[NotificationKind | None, bool]:
    """What an event tells, and whether the request is far enough for it to be true."""
    match event.name:
        case "replacement_confirmed" | "goods_back_with_customer":
            return NotificationKind.ENDED, case.state.final
        case "refund_succeeded" | "settled_offline":
            return NotificationKind.REFUNDED, all(leg.status is LegStatus.SUCCEEDED for leg in case.legs)
        case "goods_going_back":
            return NotificationKind.GOODS_REFUSED, case.parcel(ParcelPurpose.SHIP_BACK) is None
        case "completed":
            return NotificationKind.ENDED, case.refund_decided and not case.legs
        case _:
            return None, False


def _agreed_kind(case: AfterSalesCase) -> NotificationKind | None:
    if case.state is State.REFUNDING:
        return NotificationKind.REFUND_APPROVED
    if case.state is not State.AWAITING_RETURN:
        return None
    known = case.return_address_set
    return NotificationKind.RETURN_WANTED if known else NotificationKind.RETURN_APPROVED


def _staff_kind(case: AfterSalesCase, event: CaseEvent) -> NotificationKind | None:
    if event.name == "missing_reported":
        return NotificationKind.REPLACEMENT_MISSING
    entered = event.from_state is not event.to_state and event.to_state is case.state
    return STAFF_WAITS.get(event.to_state) if entered else None


def _about(
    case: AfterSalesCase,
    event: CaseEvent,
    kind: NotificationKind,
    audience: Audience,
    owner: str,
    reader: str,
    once: str,
) -> Notification:
    facts: dict[str, Fact] = {
        "after_sales_no": case.after_sales_no,
        "order_no": case.order_no,
        "kind": case.kind.value,
    }
    if kind in (NotificationKind.REFUND_APPROVED, NotificationKind.REFUNDED):
        facts["amount_fen"] = case.quote.total_fen
    if kind in WITH_DEADLINE and case.deadline_at is not None:
        facts["due_at"] = case.deadline_at.isoformat()
    parcel = case.parcel(PARCEL_OF[kind]) if kind in PARCEL_OF else None
    if parcel is not None:
        facts |= {"carrier": parcel.carrier, "waybill": parcel.waybill}
    link = f"/v1/after-sales/{case.after_sales_no}"
    return Notification(audience, owner, reader, kind.value, link, event.at, facts, once)
