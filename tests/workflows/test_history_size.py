"""How much of Temporal a case uses: every event is paid for, and nothing personal may be in one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from benchmarks.shape import MOST_EVENTS
from mallcare.application.idempotency import Repeatable
from mallcare.application.orders import IncomingOrder
from mallcare.application.submit import Submission
from mallcare.domain.commands import Approve, Cancel, Confirm, Reject
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from mallcare.ports import CaseDetails, PersonalData
from tests.replay.walking import at_rest
from tests.travels import received, travelling, walk, waybill
from tests.world import CUSTOMER, MALL, World

TRACKED_OVER_DAYS, UNTRACKED_OVER_DAYS, EXCHANGED_OVER_DAYS = 62, 39, 46
"""Events of a return and an exchange that take their time: each step hours or days after the one before."""
THE_TESTS_OWN = ("WORKFLOW_EXECUTION_OPTIONS_UPDATED", "WORKFLOW_EXECUTION_TIME_SKIPPING")
"""Events that skipping time leaves behind."""
AWOKEN = ("WORKFLOW_EXECUTION_OPTIONS_UPDATED", "WORKFLOW_TASK_SCHEDULED")
PERSONAL = {"name": "林小满测试", "phone": "13912345678", "openid": "oPENid-5f2c", "address": "梧桐路 77 号"}
WORDS = "杯口有缺口, 请打 13912345678"
EVIDENCE = "https://files.example/evidence/9d41.jpg"


def count(history: WorkflowHistory, kind: EventType.ValueType) -> int:
    return sum(event.event_type == kind for event in history.events)


async def history_of(world: World, no: str, end: State) -> WorkflowHistory:
    assert (await world.finished(no)).state is end
    return await world.handle(no).fetch_history()


async def test_an_approved_refund_stays_within_twenty_events(world: World) -> None:
    """Opened, approved, refunded, completed: one hint, one activity, at most twenty events."""
    no = await world.opened()
    await world.command(no, Approve())
    history = await history_of(world, no, State.COMPLETED)
    assert count(history, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 1
    assert count(history, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 1
    assert count(history, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) <= 3
    assert len(history.events) <= MOST_EVENTS[Kind.REFUND_ONLY]


async def test_a_case_without_a_refund_needs_no_activity(world: World) -> None:
    """Rejected or cancelled, the workflow only listens: two workflow tasks at most, no activity."""
    rejected = await world.opened()
    await world.command(rejected, Reject("used"))
    cancelled = await world.opened()
    await world.command(cancelled, Cancel(), CUSTOMER)
    for no, end in ((rejected, State.REJECTED), (cancelled, State.CANCELLED)):
        history = await history_of(world, no, end)
        assert count(history, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 0
        assert count(history, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) <= 2
        assert len(history.events) <= MOST_EVENTS[Kind.REFUND_ONLY]


async def test_a_cooling_off_refund_needs_no_hint(world: World) -> None:
    """Refunded by the system at once: the start carries all the workflow must know."""
    placed = world.clock.now() - timedelta(minutes=1)
    order = await world.take_in(world.new_order(placed_at=placed, paid_at=placed))
    no = await world.submit(order, None)
    history = await history_of(world, no, State.COMPLETED)
    assert count(history, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 0
    assert len(history.events) <= MOST_EVENTS[Kind.REFUND_ONLY]


async def steps(world: World, no: str, *states: State, each: timedelta | None = None) -> None:
    """The commands that lead to each state, after a pause or as soon as the workflow rests."""
    for state in states:
        if each is not None:
            await world.skip(no, each)
        await walk(world, no, state)
        await at_rest(world, no)


def events_of(history: WorkflowHistory) -> int:
    """Events that a case would have anywhere; a skip sometimes gives a workflow task of its own."""
    names = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
    own = sum(name.startswith(THE_TESTS_OWN) for name in names)
    tasks = sum(pair == AWOKEN for pair in pairwise(names))
    return len(names) - own - 3 * tasks


ON_THEIR_WAY = (State.AWAITING_RETURN, State.RETURN_IN_TRANSIT)


async def test_a_return_stays_within_forty_events(world: World) -> None:
    """Four hints and one activity, however many states."""
    no = await travelling(world, Kind.RETURN_REFUND, rest=at_rest)
    await steps(world, no, *ON_THEIR_WAY, State.INSPECTING, State.REFUNDING)
    history = await history_of(world, no, State.COMPLETED)
    assert count(history, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 4
    assert count(history, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 1
    assert len(history.events) <= MOST_EVENTS[Kind.RETURN_REFUND]


async def test_an_exchange_stays_within_forty_five_events(world: World) -> None:
    """Six hints and no activity at all."""
    no = await travelling(world, Kind.EXCHANGE, rest=at_rest)
    await steps(world, no, *ON_THEIR_WAY, State.INSPECTING, State.AWAITING_RESHIPMENT, State.RESHIPPED)
    await world.command(no, Confirm(), CUSTOMER)
    history = await history_of(world, no, State.COMPLETED)
    assert count(history, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 0
    assert len(history.events) <= MOST_EVENTS[Kind.EXCHANGE]


async def test_a_tracked_return_over_days_costs_its_reports_and_one_question(world: World) -> None:
    """Eight days, five reports: the first and the delivery are told; of the others the timer asks once."""
    no = await travelling(world, Kind.RETURN_REFUND, rest=at_rest)
    await steps(world, no, *ON_THEIR_WAY, each=timedelta(hours=30))
    case = await world.case(no)
    moves = (OrderEventType.COLLECTED, *[OrderEventType.IN_TRANSIT] * 3, OrderEventType.DELIVERED)
    for event in moves:
        await world.skip(no, timedelta(hours=20))
        await world.report(case.order_no, event, waybill(case))
        await at_rest(world, no)
    await world.skip(no, timedelta(hours=20))
    await world.command(no, received(case))
    await steps(world, no, State.REFUNDING, each=timedelta(hours=3))
    assert events_of(await history_of(world, no, State.COMPLETED)) == TRACKED_OVER_DAYS


async def test_a_return_over_days_that_nobody_tracks_is_as_small_as_a_quick_one(world: World) -> None:
    """Time alone costs nothing."""
    no = await travelling(world, Kind.RETURN_REFUND, rest=at_rest)
    await steps(world, no, *ON_THEIR_WAY, State.INSPECTING, State.REFUNDING, each=timedelta(hours=30))
    assert events_of(await history_of(world, no, State.COMPLETED)) == UNTRACKED_OVER_DAYS


async def test_an_exchange_over_days_moves_one_timer_more(world: World) -> None:
    """The supplier's 48 hours to inspect and to reship no longer end together."""
    no = await travelling(world, Kind.EXCHANGE, rest=at_rest)
    await steps(
        world,
        no,
        *(*ON_THEIR_WAY, State.INSPECTING, State.AWAITING_RESHIPMENT, State.RESHIPPED),
        each=timedelta(hours=30),
    )
    await world.skip(no, timedelta(days=3))
    await world.command(no, Confirm(), CUSTOMER)
    assert events_of(await history_of(world, no, State.COMPLETED)) == EXCHANGED_OVER_DAYS


async def test_nothing_personal_is_in_a_history(world: World) -> None:
    """Names, telephone numbers, addresses, what the customer wrote and who they are stay in PostgreSQL."""
    customer = {name: PERSONAL[name] for name in ("name", "phone", "openid")}
    ship_to = dict.fromkeys(("province", "city", "district"), "") | PERSONAL
    order = replace(world.new_order(), customer_id=f"customer-{uuid4().hex}")
    (taken,) = await world.use_cases.take_in_orders(
        [IncomingOrder(order, PersonalData(customer, ship_to), "hash")], MALL
    )
    assert taken.status == "applied"
    body = await world.use_cases.submit(
        Submission(
            order.order_no,
            Request(Kind.REFUND_ONLY, "damaged", (RequestedLine("1", 1),)),
            CaseDetails(WORDS, (EVIDENCE,)),
            Repeatable(uuid4().hex, "body"),
        ),
        MALL,
        lambda record: {"no": record.case.after_sales_no},
    )
    await world.hints.told()
    no = str(body["no"])
    await world.command(no, Approve())
    history = await history_of(world, no, State.COMPLETED)
    payloads = b"".join(event.SerializeToString() for event in history.events).decode(errors="replace")
    assert order.order_no in payloads, "payloads are readable here, so that this test means something"
    for secret in (*PERSONAL.values(), WORDS, EVIDENCE, order.customer_id):
        assert secret not in payloads
