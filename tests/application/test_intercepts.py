"""What an intercept costs where there is none, how it begins, whom it calls, and news racing people."""

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
from tests.domain.builders import AFTER_COOLING_OFF, PLACED_AT, line, order

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
    """One order with one unit of each line, and short words for what happens to it."""

    def __init__(self, engine: AsyncEngine) -> None:
        uow = SqlUnitOfWorkFactory(engine, policy_cache=PolicyCache(seconds=0))
        self.here = Here()
        self.engine = engine
        self.use_cases: UseCases = build_use_cases(
            uow, SqlCaseQueries(engine), self.here, TimeOrderedIds(), self.here
        )

    async def asked(self, kind: Kind = Kind.REFUND_ONLY, line_ids: Sequence[str] = "A") -> str:
        """A request for all units of the order, which is taken in for it."""
        bought = order(*(line(line_id) for line_id in line_ids))
        await self.use_cases.take_in_orders([IncomingOrder(bought, PersonalData(), "hash")], MALL)
        submission = Submission(
            "O1",
            Request(kind, "changed_mind", tuple(RequestedLine(line_id, 1) for line_id in line_ids)),
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
        """Of the parcel SF1, which holds the whole order."""
        return await self._told(OrderEvent(event_id or f"E{next(NUMBERS)}", type_, at, "SF1"))

    async def report_line(self, type_: OrderEventType, line_id: str, waybill: str) -> str:
        """Of a parcel that holds one line."""
        event_id = f"E{next(NUMBERS)}"
        return await self._told(OrderEvent(event_id, type_, LATER, waybill, line_ids=(line_id,)))

    async def _told(self, event: OrderEvent) -> str:
        return await self.use_cases.take_in_order_event("O1", event, {}, MALL)

    async def say(self, no: str, word: InterceptStatus, note: str = "done") -> Intercept:
        return await self.use_cases.intercepts.say(no, word, note, OPERATIONS)

    async def intercepts(self) -> Sequence[Intercept]:
        return (await self.use_cases.intercepts.page(InterceptFilter(), 50, None, OPERATIONS)).items

    async def tasks(self) -> list[OperationsTask]:
        """Calls for a person, oldest first."""
        where = TaskFilter(kind=TaskKind.INTERCEPT)
        page = await self.use_cases.tasks.page(where, 50, None, OPERATIONS)
        return list(reversed(page.items))

    async def travelling(self) -> str:
        """A request that was approved while its goods were under way."""
        no = await self.asked()
        await self.report(MOVING, BEFORE)
        await self.command(no, Approve())
        return no

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


async def reporting(shop: Shop, type_: OrderEventType) -> list[str]:
    """The statements of a report."""
    with shop.statements() as sent:
        await shop.report(type_)
    return sent


async def test_a_refund_whose_goods_do_not_travel_asks_for_nothing_more(shop: Shop) -> None:
    """Its decision reads neither intercepts nor what the mall reported."""
    no = await shop.asked()
    with shop.statements() as sent:
        await shop.command(no, Approve())
    assert sent
    for table in ("intercepts", "FROM order_events", "operations_tasks"):
        assert about(sent, table) == []
    assert await shop.intercepts() == ()


async def test_a_report_without_decided_refunds_costs_one_query_at_most(shop: Shop) -> None:
    """And none where it is no news of where the goods are; nobody is called."""
    await shop.asked()
    costs = [await reporting(shop, type_) for type_ in (MOVING, MOVING, DELIVERED)]
    assert [len(about(sent, "refund_decided_at IS NOT NULL")) for sent in costs] == [1, 0, 1]
    for table in ("intercepts", "operations_tasks"):
        assert about([statement for sent in costs for statement in sent], table) == []


async def test_what_a_report_costs_its_parcel_s_clock(shop: Shop) -> None:
    """Beside it, and whatever was refunded: one statement to read it, one more to write what is new."""
    await shop.asked()
    costs = [await reporting(shop, type_) for type_ in (MOVING, MOVING, DELIVERED)]
    assert [len(about(sent, "clocks")) for sent in costs] == [2, 1, 2]


async def test_what_a_report_of_wanted_goods_costs(shop: Shop) -> None:
    """Requests and intercepts are read once; two statements more for the task, none for a repetition."""
    await shop.travelling()
    arrived, again = [await reporting(shop, DELIVERED) for _ in range(2)]
    assert [len(about(sent, "refund_decided_at IS NOT NULL")) for sent in (arrived, again)] == [1, 0]
    assert [len(about(sent, "intercepts")) for sent in (arrived, again)] == [2, 0]
    assert [len(about(sent, "operations_tasks")) for sent in (arrived, again)] == [2, 0]


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
    no = await shop.travelling()
    await shop.report(DELIVERED)
    await shop.say(no, InterceptStatus.CHARGED)
    assert await shop.messages(no) == [
        "after_sales.submitted",
        "after_sales.approved",
        "intercept.wanted",
        "intercept.delivered",
        "intercept.charged",
    ]


async def test_a_task_is_open_while_the_goods_ask_for_a_person(shop: Shop) -> None:
    """Wanted, stopped, delivered, closed: each call with the facts of its time, resolved by what ended it."""
    no = await shop.travelling()
    (wanted,) = await shop.tasks()
    assert (wanted.status, wanted.subject) == (TaskStatus.OPEN, no)
    assert (wanted.opened_at, wanted.facts["status"]) == (AFTER_COOLING_OFF, "wanted")
    await shop.say(no, InterceptStatus.INTERCEPTED, "turned round")
    (stopped,) = await shop.tasks()
    assert (stopped.task_id, stopped.status) == (wanted.task_id, TaskStatus.RESOLVED)
    assert (stopped.resolved_by, stopped.note) == ("system:mallcare", "the carrier stopped the goods")
    await shop.report(DELIVERED)
    await shop.report(DELIVERED)
    _, arrived = await shop.tasks()
    assert (arrived.status, arrived.facts["status"]) == (TaskStatus.OPEN, "delivered")
    assert arrived.facts["lines"] == [{"line_id": "A", "quantity": 1, "delivered_at": LATER.isoformat()}]
    await shop.say(no, InterceptStatus.CHARGED, "paid at the door")
    assert [task.note for task in await shop.tasks()] == [stopped.note, "paid at the door"]
    assert [task.resolved_by for task in await shop.tasks()] == ["system:mallcare", "operations:operations-1"]


async def test_goods_that_arrive_while_they_are_wanted_are_another_call(shop: Shop) -> None:
    """Who was to call the carrier need not any more; whoever talks with the customer knows what arrived."""
    await shop.travelling()
    (wanted,) = await shop.tasks()
    await shop.use_cases.tasks.claim(wanted.task_id, OPERATIONS)
    await shop.report(DELIVERED)
    await shop.report(DELIVERED)
    before, after = await shop.tasks()
    assert (before.task_id, before.claimed_by) == (wanted.task_id, "operations:operations-1")
    assert (before.resolved_by, before.note) == ("system:mallcare", "the goods were delivered")
    assert (after.status, after.facts["status"]) == (TaskStatus.OPEN, "delivered")


async def test_goods_that_are_closed_without_a_delivery_end_the_call(shop: Shop) -> None:
    """By whoever closed them; a word that is repeated leaves the call as it was resolved."""
    no = await shop.travelling()
    for _ in range(2):
        await shop.say(no, InterceptStatus.WRITTEN_OFF, "cheaper than asking")
    (task,) = await shop.tasks()
    assert (task.resolved_by, task.note) == ("operations:operations-1", "cheaper than asking")


async def test_more_that_is_known_of_goods_is_another_call(shop: Shop) -> None:
    """The carrier has to be called about the second parcel too, though a person had ended the first call."""
    no = await shop.asked(line_ids="AB")
    await shop.command(no, Approve())
    await shop.report_line(MOVING, "A", "SF1")
    await shop.use_cases.tasks.resolve((await shop.tasks())[0].task_id, "called", OPERATIONS)
    await shop.report_line(MOVING, "B", "SF2")
    await shop.report_line(DELIVERED, "A", "SF1")
    await shop.report_line(DELIVERED, "B", "SF2")
    tasks = await shop.tasks()
    assert [task.note for task in tasks] == [
        "called",
        "the goods were delivered",
        "more is known of the goods",
        None,
    ]
    assert [task.facts["waybills"] for task in tasks] == [["SF1"], *[["SF1", "SF2"]] * 3]
    assert [str(task.facts["lines"]).count("delivered_at") for task in tasks] == [0, 0, 1, 2]
    told = [type_ for type_ in await shop.messages(no) if type_.startswith("intercept.")]
    assert told == ["intercept.wanted", "intercept.delivered", "intercept.delivered"]


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
    """The order's lock puts them in a row: no call outlives the intercept, nothing comes after the end."""
    no = await shop.travelling()
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
    assert [task.status for task in tasks] == [TaskStatus.RESOLVED] * (len(statuses) - 1)
    told = [type_ for type_ in await shop.messages(no) if type_.startswith("intercept.")]
    assert told == [f"intercept.{status.value}" for status in statuses]
