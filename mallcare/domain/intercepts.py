"""Goods of a refund-only request that travel although their money goes back: stopped, or asked back.

An intercept begins once the refund is decided and goods are, or later get, under way. Pure: reports and
people's words move it, and every step keeps who said it, when, and why. Goods that stay with the customer,
because less was agreed for them, are never intercepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase
from mallcare.domain.commands import Actor
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.fulfilment import Fulfilment, OrderEvent, fold
from mallcare.domain.vocabulary import PARCEL_EVENTS, Kind, Role


class InterceptStatus(StrEnum):
    """Where refunded goods are, as far as anybody said."""

    WANTED = "wanted"  # 拦截中: they travel and have to be stopped
    INTERCEPTED = "intercepted"  # 已拦截: the carrier stopped them, they come back
    DELIVERED = "delivered"  # 拦截失败: the customer has the money and the goods
    RECOVERED = "recovered"  # 已追回: the supplier has them again
    CHARGED = "charged"  # 已补款: the customer paid for them
    WRITTEN_OFF = "written_off"  # 已核销: nobody asks for them any more

    @property
    def closed(self) -> bool:
        """Nothing is left to do, and nothing changes it any more."""
        return not WAYS[self]

    @property
    def asks_for_a_person(self) -> bool:
        """Operations has to call the carrier, or to talk with the customer; what was stopped just comes."""
        return self in (InterceptStatus.WANTED, InterceptStatus.DELIVERED)


CLOSING = frozenset({InterceptStatus.RECOVERED, InterceptStatus.CHARGED, InterceptStatus.WRITTEN_OFF})
WAYS: Mapping[InterceptStatus, frozenset[InterceptStatus]] = {
    InterceptStatus.WANTED: CLOSING | {InterceptStatus.INTERCEPTED},
    InterceptStatus.INTERCEPTED: CLOSING - {InterceptStatus.CHARGED},
    InterceptStatus.DELIVERED: CLOSING,
    InterceptStatus.RECOVERED: frozenset(),
    InterceptStatus.CHARGED: frozenset(),
    InterceptStatus.WRITTEN_OFF: frozenset(),
}
"""What people may say next. Reports may lack, so that the end can be told without a delivery; what the
carrier stopped is not with the customer, who then cannot be charged for it."""
SPEAKERS: Mapping[InterceptStatus, frozenset[Role]] = {
    InterceptStatus.INTERCEPTED: frozenset({Role.OPERATIONS, Role.SUPPLIER, Role.MALL}),
    **dict.fromkeys(CLOSING, frozenset({Role.OPERATIONS})),
}
"""Who may say it: whoever talks with the carrier that it stopped the goods, operations everything."""


@dataclass(frozen=True, slots=True)
class InterceptLine:
    """How many units of a line are refunded; `delivered_at`: when a parcel with them arrived all the same.

    Other units of the line may rightly arrive: it is for a person to see which ones did.
    """

    line_id: str
    quantity: int
    delivered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InterceptStep:
    """One thing said about an intercept; `note` is a person's."""

    status: InterceptStatus
    actor: Actor
    at: datetime
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Intercept:
    """The goods of one request. `steps` is never empty, and grows by what was said; amounts in fen."""

    after_sales_no: str
    order_no: str
    supplier_id: str
    lines: tuple[InterceptLine, ...]
    waybills: tuple[str, ...]
    refunded_fen: int
    refund_decided_at: datetime
    steps: tuple[InterceptStep, ...]

    @property
    def status(self) -> InterceptStatus:
        """What was said last."""
        return self.steps[-1].status

    @property
    def version(self) -> int:
        """Counts what was said, from 1."""
        return len(self.steps)

    @property
    def began_at(self) -> datetime:
        """When the platform first knew that refunded goods travel."""
        return self.steps[0].at

    @property
    def updated_at(self) -> datetime:
        """When something was said last."""
        return self.steps[-1].at

    @property
    def quantity(self) -> int:
        """Units concerned, of all lines."""
        return sum(line.quantity for line in self.lines)

    def sayable(self, role: Role) -> frozenset[InterceptStatus]:
        """What somebody of a role may say now."""
        return frozenset(word for word in WAYS[self.status] if role in SPEAKERS[word])


def begin(case: AfterSalesCase, events: Sequence[OrderEvent]) -> Intercept | None:
    """The intercept of a request whose refund was decided just now, None where nothing travels.

    What was reported as delivered until now is the customer's: the decision knew of it.
    """
    return _begun(case, fold(events, [line.line_id for line in case.lines]), events, case.updated_at)


def hear(
    case: AfterSalesCase,
    known: Intercept | None,
    before: Fulfilment,
    events: Sequence[OrderEvent],
    now: datetime,
) -> Intercept | None:
    """The intercept of a request whose refund is decided, after the order's events have become `events`.

    Args:
        known: as it was; None: none has begun.
        before: what the order's events folded to without the newest.

    A delivery that happened before the decision begins nothing, whenever it is reported. One of goods that
    had to be stopped is always told: the decision did not know of it. Where no report of a delivery is the
    order's any more, the goods are again where they were thought to be before.
    """
    if known is None:
        return _begun(case, before, events, now)
    if known.status.closed:
        return known
    delivered = fold(events, [line.line_id for line in known.lines]).delivered_at
    lines = tuple(replace(line, delivered_at=_arrived_at(line, delivered)) for line in known.lines)
    told = replace(known, lines=lines, waybills=_waybills(events, [line.line_id for line in lines]))
    arrived = _arrived(lines)
    if arrived - _arrived(known.lines):
        return _said(told, InterceptStatus.DELIVERED, SYSTEM, now)
    if known.status is InterceptStatus.DELIVERED and not arrived:
        return _said(told, _before_delivery(known), SYSTEM, now)
    return told


def say(known: Intercept, word: InterceptStatus, actor: Actor, note: str, now: datetime) -> Intercept:
    """What a person said; one's own word with the same note, said before, changes nothing.

    Raises:
        IllegalTransition: it is closed, or the word does not follow from where it stands.
    """
    if any((step.status, step.actor, step.note) == (word, actor, note) for step in known.steps):
        return known
    if word not in WAYS[known.status]:
        raise IllegalTransition(
            f"the intercept is {known.status.value}, so it cannot be said to be {word.value}",
            current_state=known.status.value,
        )
    return _said(known, word, actor, now, note)


def _begun(
    case: AfterSalesCase, before: Fulfilment, events: Sequence[OrderEvent], now: datetime
) -> Intercept | None:
    decided_at = case.refund_decided_at
    if case.kind is not Kind.REFUND_ONLY or case.goods_stay or decided_at is None:
        return None
    fulfilment = fold(events, [line.line_id for line in case.lines])
    delivered = fulfilment.delivered_at
    lines = tuple(
        InterceptLine(line.line_id, line.quantity, delivered.get(line.line_id))
        for line in case.lines
        if line.line_id not in before.delivered_at and delivered.get(line.line_id, decided_at) >= decided_at
    )
    line_ids = [line.line_id for line in lines]
    if not any(line_id in fulfilment.shipped_at for line_id in line_ids):
        return None
    arrived = any(line.delivered_at is not None for line in lines)
    status = InterceptStatus.DELIVERED if arrived else InterceptStatus.WANTED
    return Intercept(
        after_sales_no=case.after_sales_no,
        order_no=case.order_no,
        supplier_id=case.supplier_id,
        lines=lines,
        waybills=_waybills(events, line_ids),
        refunded_fen=case.quote.total_fen,
        refund_decided_at=decided_at,
        steps=(InterceptStep(status, SYSTEM, now),),
    )


def _arrived_at(line: InterceptLine, delivered: Mapping[str, datetime]) -> datetime | None:
    """What was told first stays, unless it turned out to be of other goods."""
    reported = delivered.get(line.line_id)
    return reported and (line.delivered_at or reported)


def _arrived(lines: Iterable[InterceptLine]) -> set[str]:
    return {line.line_id for line in lines if line.delivered_at is not None}


def _before_delivery(known: Intercept) -> InterceptStatus:
    said = (step.status for step in reversed(known.steps))
    return next(
        (status for status in said if status is not InterceptStatus.DELIVERED), InterceptStatus.WANTED
    )


def _said(
    known: Intercept, word: InterceptStatus, actor: Actor, now: datetime, note: str | None = None
) -> Intercept:
    return replace(known, steps=(*known.steps, InterceptStep(word, actor, now, note)))


def _waybills(events: Iterable[OrderEvent], line_ids: Iterable[str]) -> tuple[str, ...]:
    """Of the parcels that hold units of the lines, in order, each once."""
    wanted = frozenset(line_ids)
    named = [
        event.waybill
        for event in events
        if event.type in PARCEL_EVENTS
        and event.waybill is not None
        and (event.line_ids is None or wanted.intersection(event.line_ids))
    ]
    return tuple(sorted(set(named)))
