"""Use cases around refunded goods that travel: when an intercept begins, what moves it, what people say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from mallcare.application.caller import Caller
from mallcare.domain.after_sales import SYSTEM, AfterSalesCase
from mallcare.domain.commands import Actor
from mallcare.domain.errors import Fact, NotFound
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.intercepts import (
    SPEAKERS,
    Intercept,
    InterceptLine,
    InterceptStatus,
    begin,
    hear,
    say,
)
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.domain.vocabulary import Role
from mallcare.ports import (
    Clock,
    Ids,
    InterceptFilter,
    OrderRecord,
    OutgoingMessage,
    Page,
    UnitOfWork,
    UnitOfWorkFactory,
)

log = structlog.get_logger()

READERS = (Role.OPERATIONS, Role.FINANCE, Role.AUDITOR, Role.MALL, Role.SUPPLIER)


async def begin_intercept(uow: UnitOfWork, before: AfterSalesCase, after: AfterSalesCase, ids: Ids) -> None:
    """Note that a refund was decided while its goods travel; where they do not, nothing is asked for."""
    if before.refund_decided or not after.refund_decided or not after.intercept:
        return
    events = (await uow.orders.events_of([after.order_no]))[after.order_no]
    begun = begin(after, events)
    if begun is not None:
        await _keep(uow, None, begun, begun.began_at, ids)


async def follow_goods(
    uow: UnitOfWork,
    record: OrderRecord,
    after: Fulfilment,
    events: Sequence[OrderEvent],
    now: datetime,
    ids: Ids,
) -> None:
    """Let news of a locked order's goods begin or move the intercepts of its decided refunds.

    Only a line that left or arrived for the first time is news, or one that did not after all, because
    reports of it are a request's parcel's; every other report costs no query.

    Args:
        record: the order as it was before the news.
        after: what its `events` fold to now.
    """
    before = record.fulfilment
    if before.shipped_at.keys() == after.shipped_at.keys() and (
        before.delivered_at.keys() == after.delivered_at.keys()
    ):
        return
    cases = await uow.intercepts.decided_refunds(record.order.order_no)
    known = await uow.intercepts.of_order(record.order.order_no) if cases else {}
    for case in cases:
        was = known.get(case.after_sales_no)
        heard = hear(case, was, before, events, now)
        if heard is not None and heard != was:
            await _keep(uow, was, heard, now, ids)


class Intercepts:
    """List intercepts, look at one, say what became of its goods; one's own word again is no news."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def page(
        self, where: InterceptFilter, limit: int, cursor: str | None, caller: Caller
    ) -> Page[Intercept]:
        """Newest first; a supplier's own.

        Raises:
            NotAllowed: customers have no part in it.
            NotFound: a supplier asked for another's.
            InvalidInput: a cursor that was not made by this list.
        """
        caller.require_role(*READERS)
        if caller.role is Role.SUPPLIER:
            if where.supplier_id not in (None, caller.supplier_id):
                raise NotFound("there is no such supplier")
            where = replace(where, supplier_id=caller.supplier_id)
        async with self._uow() as uow:
            return await uow.intercepts.page(where, limit, cursor)

    async def one(self, after_sales_no: str, caller: Caller) -> Intercept:
        """The intercept of a request.

        Raises:
            NotAllowed: customers have no part in it.
            NotFound: none has begun, or it is another tenant's.
        """
        caller.require_role(*READERS)
        async with self._uow() as uow:
            found = await uow.intercepts.get(after_sales_no)
        return _require(found, after_sales_no, caller)

    async def say(self, after_sales_no: str, word: InterceptStatus, note: str, caller: Caller) -> Intercept:
        """Write down what became of the goods; nobody of operations is called for what is stopped or closed.

        Raises:
            NotAllowed: not this role's word.
            NotFound: none has begun, or it is another tenant's.
            IllegalTransition: it is closed, or the word does not follow from where it stands.
        """
        caller.require_role(*sorted(SPEAKERS[word]))
        async with self._uow() as uow:
            order = await uow.orders.lock_of_case(after_sales_no)
            found = await uow.intercepts.get(after_sales_no) if order else None
            known = _require(found, after_sales_no, caller)
            now = self._clock.now()
            said = say(known, word, caller.actor, note, now)
            if said == known:
                return known
            await _keep(uow, known, said, now, self._ids)
            await uow.commit()
        return said


async def _keep(uow: UnitOfWork, was: Intercept | None, known: Intercept, now: datetime, ids: Ids) -> None:
    """Write an intercept that changed, tell of it where something was said, call for a person or for none.

    Other facts are another call, so that nobody works from old ones: what was asked before is resolved.
    """
    if was is None:
        await uow.intercepts.add(known)
    else:
        await uow.intercepts.save(known)
        who, why = _resolution(was, known)
        await uow.tasks.resolve_for(known.after_sales_no, TaskKind.INTERCEPT, who, why, now)
    if was is None or was.version != known.version:
        await _tell(uow, known, ids)
    if known.status.asks_for_a_person:
        await uow.tasks.open([_task(known, now, ids)])


def _resolution(was: Intercept, known: Intercept) -> tuple[str, str]:
    """Who resolves what was asked before, and the note of it: the word of whoever closes it, else why."""
    last = known.steps[-1]
    if known.status.closed and last.note is not None:
        return _who(last.actor), last.note
    if known.status is was.status:
        why = "more is known of the goods"
    elif known.status is InterceptStatus.DELIVERED:
        why = "the goods were delivered"
    elif was.status is InterceptStatus.DELIVERED:
        why = "what was delivered is a parcel of another request"
    else:
        why = "the carrier stopped the goods"
    return _who(SYSTEM), why


async def _tell(uow: UnitOfWork, intercept: Intercept, ids: Ids) -> None:
    await uow.outbox.add([announce_intercept(intercept, ids)])
    log.info("intercept.changed", after_sales_no=intercept.after_sales_no, status=intercept.status.value)


def announce_intercept(intercept: Intercept, ids: Ids) -> OutgoingMessage:
    """The message that tells what was said last, in order with those of its request; notes stay here."""
    return OutgoingMessage(
        message_id=ids.message_id(),
        subject=intercept.after_sales_no,
        type=f"intercept.{intercept.status.value}",
        occurred_at=intercept.updated_at,
        data={
            "after_sales_no": intercept.after_sales_no,
            "intercept_version": intercept.version,
            "actor": intercept.steps[-1].actor.role.value,
            **_facts(intercept),
        },
    )


def _task(intercept: Intercept, now: datetime, ids: Ids) -> OperationsTask:
    facts = _facts(intercept)
    return OperationsTask(ids.task_id(), TaskKind.INTERCEPT, intercept.after_sales_no, now, facts)


def _facts(intercept: Intercept) -> dict[str, Fact]:
    return {
        "order_no": intercept.order_no,
        "supplier_id": intercept.supplier_id,
        "status": intercept.status.value,
        "lines": [_line(line) for line in intercept.lines],
        "quantity": intercept.quantity,
        "waybills": list(intercept.waybills),
        "refunded_fen": intercept.refunded_fen,
    }


def _line(line: InterceptLine) -> dict[str, str | int]:
    told: dict[str, str | int] = {"line_id": line.line_id, "quantity": line.quantity}
    if line.delivered_at is not None:
        told["delivered_at"] = line.delivered_at.isoformat()
    return told


def _require(found: Intercept | None, after_sales_no: str, caller: Caller) -> Intercept:
    mine = found is not None and (caller.role is not Role.SUPPLIER or found.supplier_id == caller.supplier_id)
    if found is None or not mine:
        raise NotFound("there is no such intercept", after_sales_no=after_sales_no)
    return found


def _who(actor: Actor) -> str:
    return f"{actor.role.value}:{actor.subject}"
