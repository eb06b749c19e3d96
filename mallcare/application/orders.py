"""Use cases: take in orders and their events, idempotent and in any order of arrival."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mallcare.application.caller import Caller
from mallcare.application.intercepts import follow_goods
from mallcare.application.order_timing import follow_order_news
from mallcare.application.parcels import report_parcel, requests_sending
from mallcare.application.recording import write_change
from mallcare.application.wakes import LOOKED_FOR_WITHIN
from mallcare.contracts.after_sales import snapshot_of
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import Circumstances, Decision
from mallcare.domain.errors import DomainError, InvalidInput, OrderFrozen, VersionConflict
from mallcare.domain.fulfilment import Fulfilment, OrderEvent, fold
from mallcare.domain.mall_refunds import mall_refund
from mallcare.domain.orders import Order, check, freeze
from mallcare.domain.release import release_due_at
from mallcare.domain.vocabulary import OrderEventType, Role
from mallcare.domain.voiding import refunded_lines, void
from mallcare.ports import (
    CaseRecord,
    Clock,
    Hints,
    Ids,
    OrderRecord,
    PersonalData,
    UnitOfWork,
    UnitOfWorkFactory,
    Wakes,
    shard_of,
)

CLOCKS_DIFFER_BY = timedelta(days=1)
"""Generous: a mall, its carriers and their time zones; what lies further ahead is a mistake."""


@dataclass(frozen=True, slots=True)
class IncomingOrder:
    """A snapshot as the mall sent it. `body_hash` covers all of it, personal data included."""

    order: Order
    personal: PersonalData
    body_hash: str


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What became of one snapshot: `applied`, `unchanged` (same version), `ignored` (older), or refused."""

    order_no: str
    status: str
    version: int | None = None
    refusal: DomainError | None = None


class TakeInOrders:
    """Store snapshots: each is atomic, a refused one leaves the others alone."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, wakes: Wakes | None = None) -> None:
        self._uow = uow
        self._clock = clock
        self._wakes = wakes

    async def __call__(self, incoming: Sequence[IncomingOrder], caller: Caller) -> list[IntakeResult]:
        """Results in the order of the input. An order sent twice is taken in one after the other.

        Raises:
            NotAllowed: only the mall sends orders.
        """
        caller.require_role(Role.MALL)
        results: dict[int, IntakeResult] = {}
        waiting = list(enumerate(incoming))
        while waiting:
            now_taken: dict[str, tuple[int, IncomingOrder]] = {}
            later: list[tuple[int, IncomingOrder]] = []
            for index, item in waiting:
                if item.order.order_no in now_taken:
                    later.append((index, item))
                else:
                    now_taken[item.order.order_no] = (index, item)
            taken = await self._take_in([item for _, item in now_taken.values()])
            for index, item in now_taken.values():
                results[index] = taken[item.order.order_no]
            waiting = later
        return [results[index] for index in range(len(incoming))]

    async def _take_in(self, items: Sequence[IncomingOrder]) -> dict[str, IntakeResult]:
        results: dict[str, IntakeResult] = {}
        sound: dict[str, OrderRecord] = {}
        now = self._clock.now()
        for item in items:
            try:
                _check_past(now, placed_at=item.order.placed_at, paid_at=item.order.paid_at)
                sound[item.order.order_no] = _record(item)
            except DomainError as refusal:
                results[item.order.order_no] = IntakeResult(item.order.order_no, "refused", refusal=refusal)
        while sound:
            async with self._uow() as uow:
                sound = await _with_release(uow, sound)
                stored = await self._store(uow, sound)
                await uow.commit()
            self._wake(sound[no] for no, result in stored.items() if result.status == "applied")
            results |= stored
            sound = {no: record for no, record in sound.items() if no not in stored}
        return results

    def _wake(self, records: Iterable[OrderRecord]) -> None:
        """Timekeepers look by themselves every few minutes: only what is due before that wakes them."""
        soon = self._clock.now() + LOOKED_FOR_WITHIN
        if self._wakes is not None:
            due = (r for r in records if r.release_due_at is not None and r.release_due_at <= soon)
            self._wakes.offer({shard_of(record.order.supplier_id) for record in due})

    async def _store(self, uow: UnitOfWork, sound: dict[str, OrderRecord]) -> dict[str, IntakeResult]:
        """What became of each order, but of those that others added while we were about to.

        Their locks are for the next unit of work: this one holds rows that sort after them, and who
        takes locks out of order can wait in a ring. Transactions are locked after all orders; only
        orders that will be stored have a say in them.
        """
        known = await uow.orders.lock_many(sorted(sound))
        new = await self._with_events(uow, [record for no, record in sound.items() if no not in known])
        added = await uow.orders.add_many(new)
        results: dict[str, IntakeResult] = {}
        replacing: dict[str, OrderRecord] = {}
        for order_no, stored in sorted(known.items()):
            settled = await self._judge(uow, stored, sound[order_no])
            if settled is None:
                replacing[order_no] = stored
            else:
                results[order_no] = settled
        results |= await self._register(uow, sound, added, replacing)
        for record in new:
            stored = record.order.order_no in added - results.keys()
            if stored and record.fulfilment.first_parcel_at is not None:
                await self._follow(uow, record)
        for order_no in sorted((added | replacing.keys()) - results.keys()):
            if order_no in replacing:
                await self._replace(uow, replacing[order_no], sound[order_no])
            results[order_no] = IntakeResult(order_no, "applied", sound[order_no].order.version)
        paid = [
            record
            for no, record in sorted(sound.items())
            if no in results
            and results[no].status == "applied"
            and (no in added or replacing[no].cells is None)
        ]
        await self._early_mall_refunds(uow, paid)
        return results

    async def _register(
        self,
        uow: UnitOfWork,
        sound: dict[str, OrderRecord],
        added: set[str],
        replacing: dict[str, OrderRecord],
    ) -> dict[str, IntakeResult]:
        """Refusals of orders whose payment transaction is known with another total."""
        wanted = [record.order for no, record in sound.items() if no in added or no in replacing]
        replaced = {no: stored.order for no, stored in replacing.items()}
        clashes = await uow.orders.register_transactions(wanted, replaced)
        if not added.isdisjoint(clashes):
            await uow.orders.take_back(sorted(added & clashes.keys()))
        return {
            order_no: IntakeResult(
                order_no,
                "refused",
                refusal=VersionConflict(
                    "the payment transaction is known with another total",
                    provider=key.provider,
                    transaction_id=key.transaction_id,
                ),
            )
            for order_no, key in clashes.items()
        }

    async def _with_events(self, uow: UnitOfWork, records: Sequence[OrderRecord]) -> list[OrderRecord]:
        """New orders together with what events that came before them say."""
        if not records:
            return []
        events = await uow.orders.events_of([record.order.order_no for record in records])
        return [
            replace(r, fulfilment=_fold(r.order, events[r.order.order_no]))
            if r.order.order_no in events
            else r
            for r in records
        ]

    async def _early_mall_refunds(self, uow: UnitOfWork, records: Sequence[OrderRecord]) -> None:
        events = await uow.orders.events_of([record.order.order_no for record in records]) if records else {}
        for record in records:
            await _apply_mall_refunds(uow, record, events.get(record.order.order_no, []))

    async def _judge(self, uow: UnitOfWork, stored: OrderRecord, sent: OrderRecord) -> IntakeResult | None:
        """What becomes of a snapshot of a known order; None: it is to replace the stored one."""
        order_no, have, want = stored.order.order_no, stored.order.version, sent.order.version
        if want < have:
            return IntakeResult(order_no, "ignored", have)
        if want == have:
            if stored.body_hash == sent.body_hash:
                return IntakeResult(order_no, "unchanged", have)
            refusal = VersionConflict(
                f"version {have} of the order is stored with another body", current_version=have
            )
            return IntakeResult(order_no, "refused", have, refusal)
        money_moved = (
            stored.order.money_facts() != sent.order.money_facts()
            or stored.order.supplier_id != sent.order.supplier_id
            or stored.order.customer_id != sent.order.customer_id
        )
        if stored.released_at is not None and stored.order.supplier_id != sent.order.supplier_id:
            refusal = OrderFrozen(
                "the order was released to its supplier, who is measured by it; close it and send another",
                current_version=have,
            )
            return IntakeResult(order_no, "refused", have, refusal)
        if money_moved and await uow.orders.has_holdings(order_no):
            refusal = OrderFrozen(
                "units of the order are reserved or refunded, so its amounts and parties may not change",
                current_version=have,
            )
            return IntakeResult(order_no, "refused", have, refusal)
        return None

    async def _replace(self, uow: UnitOfWork, stored: OrderRecord, sent: OrderRecord) -> None:
        order_no = stored.order.order_no
        events = await uow.orders.events_of([order_no])
        fulfilment = _fold(sent.order, events.get(order_no, []))
        kept = replace(sent, extended_until=stored.extended_until, exchanged_at=stored.exchanged_at)
        due = stored.release_due_at if stored.order.paid_at and sent.order.paid_at else None
        due = None if stored.released_at is not None else due or sent.release_due_at
        kept = replace(kept, release_due_at=due, released_at=stored.released_at)
        kept = replace(kept, fulfilment=fulfilment)
        await uow.orders.update(kept)
        await follow_order_news(uow, kept, events.get(order_no, []), self._clock.now())

    async def _follow(self, uow: UnitOfWork, record: OrderRecord) -> None:
        """Clocks of an order whose parcels were seen before it was known."""
        events = await uow.orders.events_of([record.order.order_no])
        await follow_order_news(uow, record, events[record.order.order_no], self._clock.now())


class TakeInOrderEvent:
    """Keep an event, whether its order is known yet or not, and let it move what it speaks of.

    A report of a request's own parcel moves the request; every other one is folded into the order, and
    what the mall did by itself voids requests that are open.
    """

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids, hints: Hints) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._hints = hints

    async def __call__(self, order_no: str, event: OrderEvent, detail: object, caller: Caller) -> str:
        """`applied`, `kept` (its order is not known yet) or `unchanged` (a repetition).

        Raises:
            NotAllowed: only the mall sends events.
            InvalidInput: the order has no such line, or it has not happened yet.
        """
        caller.require_role(Role.MALL)
        _check_past(self._clock.now(), occurred_at=event.occurred_at)
        async with self._uow() as uow:
            record = await uow.orders.lock(order_no)
            if record is not None:
                _check_lines(record.order, event)
            requests = await requests_sending(uow, order_no, event) if record is not None else []
            now, aside = self._clock.now(), bool(requests)
            if not await uow.orders.add_event(order_no, event, detail, now, set_aside=aside):
                return "unchanged"
            news: list[Decision] = []
            if aside:
                news = await report_parcel(uow, requests, event, self._clock, self._ids)
            elif record is not None:
                news = await self._fold_in(uow, record, event)
            await uow.commit()
        for decision in news:
            self._hints.offer(snapshot_of(decision.case), Signal.ORDER_EVENT)
        return "applied" if record is not None else "kept"

    async def _fold_in(self, uow: UnitOfWork, record: OrderRecord, event: OrderEvent) -> list[Decision]:
        """Answers what became of open requests."""
        order_no = record.order.order_no
        events = (await uow.orders.events_of([order_no]))[order_no]
        folded = replace(record, fulfilment=_fold(record.order, events))
        await uow.orders.save_fulfilment(order_no, folded.fulfilment)
        await follow_goods(uow, record, folded.fulfilment, events, self._clock.now(), self._ids)
        voided: list[Decision] = []
        if event.type in (OrderEventType.REFUNDED, OrderEventType.CLOSED):
            open_requests = await uow.cases.live_of_order(order_no)  # locked before payment transactions
            await _apply_mall_refunds(uow, record, [event])
            voided = await self._void(uow, folded, event, open_requests) if open_requests else []
        await follow_order_news(uow, folded, events, self._clock.now())
        return voided

    async def _void(
        self, uow: UnitOfWork, record: OrderRecord, event: OrderEvent, open_requests: Sequence[CaseRecord]
    ) -> list[Decision]:
        refunded = refunded_lines(record.order, event)
        book = await uow.orders.book(record, lock_transactions=False)
        voided: list[Decision] = []
        for request in open_requests:
            policy = await uow.policies.version(request.case.policy_version)
            at = Circumstances(book, policy, self._clock.now(), self._ids.refund_no)
            decision = void(request.case, at, refunded)
            await write_change(uow, request.case, decision, self._ids)
            if decision.events:
                voided.append(decision)
        return voided


async def _with_release(uow: UnitOfWork, sound: dict[str, OrderRecord]) -> dict[str, OrderRecord]:
    """The orders with the instant each may go to its supplier, by the supplier's present policy (A1)."""
    due: dict[str, OrderRecord] = {}
    for order_no, record in sound.items():
        policy = await uow.policies.current(record.order.supplier_id)
        due[order_no] = replace(record, release_due_at=release_due_at(record.order, policy))
    return due


def _check_past(now: datetime, **instants: datetime | None) -> None:
    """Refuse what has not happened yet: windows, releases and deadlines would follow from it.

    Raises:
        InvalidInput: beyond what two clocks may differ by.
    """
    for name, at in instants.items():
        if at is not None and at > now + CLOCKS_DIFFER_BY:
            raise InvalidInput(f"{name} lies in the future", **{name: at.isoformat()})


def _record(item: IncomingOrder) -> OrderRecord:
    """The record of a snapshot, its money frozen if it was paid.

    Raises:
        InvalidInput, MoneyDoesNotAddUp
    """
    check(item.order)
    cells = freeze(item.order) if item.order.paid_at is not None else None
    return OrderRecord(item.order, item.body_hash, cells, Fulfilment(), item.personal)


def _fold(order: Order, events: Sequence[OrderEvent]) -> Fulfilment:
    return fold(events, [line.line_id for line in order.lines])


def _check_lines(order: Order, event: OrderEvent) -> None:
    named = {*(event.line_ids or ()), *(event.refunded_lines or {})}
    unknown = sorted(named - {line.line_id for line in order.lines})
    if unknown:
        raise InvalidInput("the order has no such lines", line_ids=unknown)


async def _apply_mall_refunds(uow: UnitOfWork, record: OrderRecord, events: Sequence[OrderEvent]) -> None:
    """Let refunds the mall made by itself use up units and caps."""
    if record.cells is None:
        return
    for event in events:
        if event.type is not OrderEventType.REFUNDED:
            continue
        book = await uow.orders.book(record, lock_transactions=True)
        taken = mall_refund(book, event)
        await uow.orders.add_mall_refund(record.order.order_no, event.event_id, taken)
