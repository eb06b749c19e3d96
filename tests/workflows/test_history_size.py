"""How much of Temporal a case uses: every event is paid for, and nothing personal may be in one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from mallcare.application.idempotency import Repeatable
from mallcare.application.orders import IncomingOrder
from mallcare.application.submit import Submission
from mallcare.domain.commands import Approve, Cancel, Reject
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Kind, State
from mallcare.ports import CaseDetails, PersonalData
from tests.world import CUSTOMER, MALL, World

MOST_EVENTS = 20
"""Of a refund-only case that one decision ends."""
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
    assert len(history.events) <= MOST_EVENTS


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
        assert len(history.events) <= MOST_EVENTS


async def test_a_cooling_off_refund_needs_no_hint(world: World) -> None:
    """Refunded by the system at once: the start carries all the workflow must know."""
    placed = world.clock.now() - timedelta(minutes=1)
    order = await world.take_in(world.new_order(placed_at=placed, paid_at=placed))
    no = await world.submit(order, None)
    history = await history_of(world, no, State.COMPLETED)
    assert count(history, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED) == 0
    assert len(history.events) <= MOST_EVENTS


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
