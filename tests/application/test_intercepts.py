"""What an intercept costs where there is none, every way a refund is decided, and news racing people."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.caller import Caller
from mallcare.application.command import GivenCommand
from mallcare.application.idempotency import Repeatable
from mallcare.application.orders import IncomingOrder
from mallcare.application.submit import Submission
from mallcare.application.use_cases import UseCases, build_use_cases
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.commands import AcceptProposal, Approve, Command, Propose
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.intercepts import Intercept, InterceptStatus
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus
from mallcare.domain.vocabulary import Kind, OrderEventType, Role
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import CaseDetails, InterceptFilter, MessageFilter, PersonalData, TaskFilter
from tests.domain.builders import AFTER_COOLING_OFF, PLACED_AT, order

MALL = Caller(Role.MALL, "mall")
SUPPLIER = Caller(Role.SUPPLIER, "staff-1", supplier_id="supplier-1")
CUSTOMER = Caller(Role.CUSTOMER, "customer-1", customer_id="customer-1")
OPERATIONS = Caller(Role.OPERATIONS, "operations-1")
MOVING, DELIVERED = OrderEventType.IN_TRANSIT, OrderEventType.DELIVERED
BEFORE = PLACED_AT + timedelta(minutes=10)
LATER = AFTER_COOLING_OFF + timedelta(days=1)
NUMBERS = count(1)


@dataclass
class Here:
    """The clock, and nobody who listens to hints."""

    at: datetime = AFTER_COOLING_OFF
    offered: list[tuple[CaseSnapshot, Signal | None]] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        self.offered.append((snapshot, signal))


class Shop:
    """One order of one unit, and short words for what happens to it."""

    def __init__(self, engine: AsyncEngine) -> None:
        uow = SqlUnitOfWorkFactory(engine, policy_cache=PolicyCache(seconds=0))
        self.here = Here()
        self.engine = engine
        self.use_cases: UseCases = build_use_cases(
            uow, SqlCaseQueries(engine), self.here, TimeOrderedIds(), self.here
        )

    async def asked(self, kind: Kind = Kind.REFUND_ONLY) -> str:
        """A request for the unit of the order, which is taken in for it."""
        await self.use_cases.take_in_orders([IncomingOrder(order(), PersonalData(), "hash")], MALL)
        submission = Submission(
            "O1",
            Request(kind, "changed_mind", (RequestedLine("A", 1),)),
            CaseDetails(),
            Repeatable(f"key-{next(NUMBERS)}", "body"),
        )
        body = await self.use_cases.submit(
            submission, CUSTOMER, lambda record: {"no": record.case.after_sales_no}
        )
        return str(body["no"])

    async def command(self, no: str, command: Command, caller: Caller = SUPPLIER) -> None:
        given = GivenCommand(no, f"command-{next(NUMBERS)}", command, "body")
        await self.use_cases.command(given, caller)

    async def report(self, type_: OrderEventType, at: datetime = LATER, event_id: str | None = None) -> str:
        told = OrderEvent(event_id or f"E{next(NUMBERS)}", type_, at, "SF1")
        return await self.use_cases.take_in_order_event("O1", told, {}, MALL)

    async def say(self, no: str, word: InterceptStatus, note: str = "done") -> Intercept:
        return await self.use_cases.intercepts.say(no, word, note, OPERATIONS)

    async def intercepts(self) -> Sequence[Intercept]:
        return (await self.use_cases.intercepts.page(InterceptFilter(), 50, None, OPERATIONS)).items

    async def tasks(self) -> Sequence[OperationsTask]:
        where = TaskFilter(kind=TaskKind.INTERCEPT)
        return (await self.use_cases.tasks.page(where, 50, None, OPERATIONS)).items

    async def messages(self, no: str) -> list[str]:
        """Types of what the mall is told of the request, oldest first."""
        page = await self.use_cases.list_webhooks(MessageFilter(subject=no), 50, None, OPERATIONS)
        return [stored.message.type for stored in reversed(page.items)]

    @contextmanager
    def statements(self) -> Generator[list[str]]:
        """The statements sent to the database within the block."""
        sent: list[str] = []

        def note(_c: Any, _u: Any, statement: str, _p: Any, _x: Any, _m: Any) -> None:
            sent.append(statement)

        event.listen(self.engine.sync_engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(self.engine.sync_engine, "before_cursor_execute", note)


@pytest.fixture
def shop(engine: AsyncEngine, empty_database: str) -> Shop:
    """On an empty database."""
    return Shop(engine)


def about(statements: list[str], table: str) -> list[str]:
    """Those that name a table."""
    return [statement for statement in statements if table in statement]


async def test_a_refund_whose_goods_do_not_travel_asks_for_nothing_more(shop: Shop) -> None:
    """Its decision reads neither intercepts nor what the mall reported."""
    no = await shop.asked()
    with shop.statements() as sent:
        await shop.command(no, Approve())
    assert sent
    assert about(sent, "intercepts") == about(sent, "FROM order_events") == []
    assert await shop.intercepts() == ()


async def test_a_report_without_decided_refunds_costs_one_query_at_most(shop: Shop) -> None:
    """And none where it is no news of where the goods are."""
    await shop.asked()
    with shop.statements() as first:
        await shop.report(MOVING)
    with shop.statements() as second:
        await shop.report(MOVING)
    with shop.statements() as arrived:
        await shop.report(DELIVERED)
    assert len(first) == len(arrived) == len(second) + 1
    assert about(first + second + arrived, "intercepts") == []
    asked = [len(about(sent, "refund_decided_at IS NOT NULL")) for sent in (first, second, arrived)]
    assert asked == [1, 0, 1]


async def test_a_refund_that_the_clock_decides_begins_one(shop: Shop) -> None:
    """Nobody reviewed in time, and the goods travel."""
    policy = replace(AfterSalesPolicy(), review_timeout=ReviewTimeout.AUTO_APPROVE)
    await shop.use_cases.policies.publish(policy, None, OPERATIONS)
    no = await shop.asked()
    await shop.report(MOVING, BEFORE)
    assert await shop.intercepts() == ()
    due = (await shop.use_cases.read.one(no, MALL)).case.deadline_at
    assert due is not None
    await shop.use_cases.fire_deadline(no, due, due)
    (wanted,) = await shop.intercepts()
    assert (wanted.status, wanted.began_at) == (InterceptStatus.WANTED, due)
    assert (await shop.messages(no))[-2:] == ["after_sales.approved", "intercept.wanted"]


async def test_a_return_that_was_agreed_to_be_refund_only_begins_one(shop: Shop) -> None:
    """What was agreed counts."""
    no = await shop.asked(Kind.RETURN_REFUND)
    await shop.report(MOVING, BEFORE)
    await shop.command(no, Propose(message="keep it", kind=Kind.REFUND_ONLY))
    await shop.command(no, AcceptProposal(), CUSTOMER)
    assert [intercept.after_sales_no for intercept in await shop.intercepts()] == [no]


async def test_messages_of_a_request_are_in_order_with_those_of_its_goods(shop: Shop) -> None:
    """One subject, so that a receiver meets them as they happened."""
    no = await shop.asked()
    await shop.report(MOVING, BEFORE)
    await shop.command(no, Approve())
    await shop.report(DELIVERED)
    await shop.say(no, InterceptStatus.CHARGED)
    assert await shop.messages(no) == [
        "after_sales.submitted",
        "after_sales.approved",
        "intercept.wanted",
        "intercept.delivered",
        "intercept.charged",
    ]


async def test_a_task_that_a_person_resolved_is_left_alone(shop: Shop) -> None:
    """Closing the intercept later does not change who resolved it, and the intercept waits for its end."""
    no = await shop.asked()
    await shop.command(no, Approve())
    await shop.report(DELIVERED)
    (task,) = await shop.tasks()
    await shop.use_cases.tasks.resolve(task.task_id, "asked the customer", OPERATIONS)
    assert (await shop.intercepts())[0].status is InterceptStatus.DELIVERED
    await shop.say(no, InterceptStatus.RECOVERED, "back")
    assert [task.note for task in await shop.tasks()] == ["asked the customer"]


@pytest.mark.parametrize("seed", range(3))
async def test_reports_and_people_at_once_agree_on_one_end(shop: Shop, seed: int) -> None:
    """The order's lock puts them in a row: one task, closed with the intercept, and nothing after the end."""
    no = await shop.asked()
    await shop.report(MOVING, BEFORE)
    await shop.command(no, Approve())
    words = (InterceptStatus.RECOVERED, InterceptStatus.WRITTEN_OFF, InterceptStatus.CHARGED)
    tries = [
        *(shop.report(DELIVERED, LATER, f"D{number % 3}") for number in range(6)),
        *(shop.say(no, word, f"note {number}") for number, word in enumerate(words * 2)),
    ]
    ended = await asyncio.gather(*tries[seed:], *tries[:seed], return_exceptions=True)
    refused = [one for one in ended if isinstance(one, BaseException)]
    assert len(refused) == 5
    assert all(isinstance(one, IllegalTransition) for one in refused)
    (intercept,) = await shop.intercepts()
    assert intercept.status.closed
    statuses = [step.status for step in intercept.steps]
    assert statuses[0] is InterceptStatus.WANTED
    assert statuses[1:-1] in ([], [InterceptStatus.DELIVERED])
    tasks = await shop.tasks()
    assert [task.status for task in tasks] == [TaskStatus.RESOLVED] * (len(statuses) - 2)
    told = [type_ for type_ in await shop.messages(no) if type_.startswith("intercept.")]
    assert told == [f"intercept.{status.value}" for status in statuses]
