"""Whole transactions of the product in small: what use cases do, without the rest of the platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from mallcare.domain.after_sales import AfterSalesCase, Circumstances, Decision
from mallcare.domain.commands import Actor, Command
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.deciding import decide
from mallcare.domain.fulfilment import Fulfilment
from mallcare.domain.orders import Order, freeze
from mallcare.domain.refunding import settle_refund
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.submission import Request, in_cooling_off, submit
from mallcare.ports import CaseDetails, CaseRecord, OrderRecord, PersonalData, UnitOfWork
from mallcare.ports.storage import UnitOfWorkFactory
from tests.domain.builders import AFTER_COOLING_OFF, CUSTOMER, OPERATIONS, SUPPLIER, UNUSED

NUMBERS = count(1)
REVIEWED_AT = AFTER_COOLING_OFF + timedelta(minutes=5)


def mint() -> str:
    """A refund number nobody else has."""
    return f"R{next(NUMBERS):08d}"


def number() -> str:
    """A case number nobody else has, ascending."""
    return f"AS{next(NUMBERS):08d}"


def recorded(order: Order, **changes: object) -> OrderRecord:
    """An order as intake stores it."""
    cells = freeze(order) if order.paid_at is not None else None
    plain = OrderRecord(order, f"hash-{order.version}", cells, Fulfilment(), PersonalData())
    return replace(plain, **changes)  # pyright: ignore[reportArgumentType]


async def store(uow: UnitOfWorkFactory, *orders: Order) -> None:
    """Take orders in, with their payment transactions."""
    async with uow() as work:
        await work.orders.register_transactions(orders)
        await work.orders.add_many([recorded(order) for order in orders])
        await work.commit()


async def open_case(
    uow: UnitOfWorkFactory,
    order_no: str,
    request: Request,
    *,
    now: datetime = AFTER_COOLING_OFF,
    details: CaseDetails | None = None,
) -> AfterSalesCase:
    """Submit a request under the order's lock, as its customer."""
    async with uow() as work:
        record = await work.orders.lock(order_no)
        assert record is not None
        policy = await work.policies.current(record.order.supplier_id)
        book = await work.orders.book(record, lock_transactions=True)
        usage, automatic = UNUSED, in_cooling_off(book, request, policy, now)
        if automatic:
            since = now - policy.auto_refund_period
            usage = await work.cases.auto_refund_usage(
                record.order.customer_id, record.order.supplier_id, since
            )
        at = Circumstances(book, policy, now, mint, usage)
        decision = submit(request, number(), CUSTOMER, at)
        case = decision.case
        record_of_case = CaseRecord(case, details or CaseDetails())
        await work.cases.add(record_of_case, automatic=automatic and case.refund_decided)
        await work.cases.record(case.after_sales_no, decision.events, None)
        await work.commit()
    return case


async def saved(
    uow: UnitOfWorkFactory, before: AfterSalesCase, after: AfterSalesCase, *, told: bool = False
) -> AfterSalesCase:
    """Write a change that a test made up, as the version after `before`; answers the case as stored."""
    changed = replace(after, version=before.version + 1)
    await change(uow, before.after_sales_no, lambda *_: Decision(changed), told=told)
    return (await read(uow, before.after_sales_no)).case


async def change(
    uow: UnitOfWorkFactory,
    after_sales_no: str,
    decider: Callable[[UnitOfWork, OrderRecord, AfterSalesCase], Decision],
    *,
    told: bool = False,
    automatic: bool = False,
) -> AfterSalesCase:
    """Lock order and case, let `decider` decide, write what it says."""
    async with uow() as work:
        order = await work.orders.lock_of_case(after_sales_no)
        record = await work.cases.lock(after_sales_no)
        assert order is not None
        assert record is not None
        decision = decider(work, order, record.case)
        await work.cases.save(record.case, decision.case, told=told, automatic=automatic)
        await work.cases.record(after_sales_no, decision.events, None)
        await work.commit()
    return decision.case


async def command(
    uow: UnitOfWorkFactory,
    after_sales_no: str,
    given: Command,
    actor: Actor = SUPPLIER,
    now: datetime = REVIEWED_AT,
) -> AfterSalesCase:
    """Apply a command under the locks of order, case and payment transactions."""
    async with uow() as work:
        order = await work.orders.lock_of_case(after_sales_no)
        record = await work.cases.lock(after_sales_no)
        assert order is not None
        assert record is not None
        policy = await work.policies.version(record.case.policy_version)
        book = await work.orders.book(order, lock_transactions=True)
        decision = decide(
            record.case, given, actor, Circumstances(book, policy, now, mint, return_address_known=True)
        )
        await work.cases.save(record.case, decision.case, told=False)
        await work.cases.record(after_sales_no, decision.events, "command")
        await work.commit()
    return decision.case


async def settled(
    uow: UnitOfWorkFactory, case: AfterSalesCase, outcomes: Mapping[str, bool], now: datetime = REVIEWED_AT
) -> AfterSalesCase:
    """The vendor's word on legs: refund number to paid or refused."""
    for refund_no, paid in outcomes.items():
        outcome = LegOutcome(refund_no, paid, None if paid else "REFUSED", f"V-{refund_no}")
        async with uow() as work:
            await work.orders.lock_of_case(case.after_sales_no)
            record = await work.cases.lock(case.after_sales_no)
            assert record is not None
            policy = await work.policies.version(record.case.policy_version)
            decision = settle_refund(record.case, outcome, policy, now)
            await work.cases.save(record.case, decision.case, told=True)
            await work.commit()
        case = decision.case
    return case


async def read(uow: UnitOfWorkFactory, after_sales_no: str) -> CaseRecord:
    """The case as stored."""
    async with uow() as work:
        record = await work.cases.get(after_sales_no)
    assert record is not None
    return record


__all__ = [
    "OPERATIONS",
    "REVIEWED_AT",
    "change",
    "command",
    "fire_deadline",
    "mint",
    "number",
    "open_case",
    "read",
    "recorded",
    "saved",
    "settled",
    "store",
]
