"""What carriers report while goods travel: clocks moved, quietly where that only gives more time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.contracts.names import Signal
from mallcare.domain.commands import CorrectWaybill, ReportMissing, SubmitWaybill
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.travels import MOMENT, just_after, travelling, walk, waybill
from tests.workflows.clocks import arrives, by_clock
from tests.world import CUSTOMER, OPERATIONS, World

RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE
SILENCE, TRANSIT, INSPECTION = timedelta(hours=72), timedelta(days=10), timedelta(hours=48)
SIGNED, UNTRACKED = timedelta(days=7), timedelta(days=10)


async def reported(world: World, no: str, event: OrderEventType, purpose: str = "R") -> bool:
    """The mall reports of a parcel of the case; whether the workflow was told."""
    case = await world.case(no)
    before = len(world.hints.offered)
    assert await world.report(case.order_no, event, waybill(case, purpose)) == "applied"
    told = world.hints.offered[before:]
    assert {signal for _, signal in told} <= {Signal.ORDER_EVENT}
    return bool(told)


async def left(world: World, no: str) -> timedelta:
    """Until the case's deadline, to the hour."""
    due = (await world.case(no)).deadline_at
    assert due is not None
    return timedelta(hours=round((due - world.clock.now()) / timedelta(hours=1)))


async def test_reports_move_the_silence_along_without_a_hint(world: World) -> None:
    """The first report shortens the wait and is told; later ones only give time and cost no event.

    The timer of the first then asks, learns, and waits for the rest; silence at last calls operations.
    """
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    assert await left(world, no) == TRANSIT
    assert await reported(world, no, OrderEventType.COLLECTED)
    assert await left(world, no) == SILENCE
    for _ in range(2):
        await world.skip(no, timedelta(hours=24))
        assert not await reported(world, no, OrderEventType.IN_TRANSIT)
        assert await left(world, no) == SILENCE
    await world.skip(no, timedelta(hours=48))
    assert await by_clock(world, no, "escalated") == 0
    await just_after(world, no)
    await world.reaches(no, "escalated")
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.RETURN_OVERDUE]


async def test_silence_calls_once_more_at_the_end_of_ten_days(world: World) -> None:
    """One task while it is open; another one where the first was answered and the parcel still is away."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await reported(world, no, OrderEventType.COLLECTED)
    await just_after(world, no)
    case = await world.reaches(no, "escalated")
    assert case.deadline_at is not None
    assert case.deadline_at - case.parcels[0].sent_at == TRANSIT
    (task,) = await world.tasks(no)
    await world.use_cases.tasks.resolve(task.task_id, "asked the carrier", OPERATIONS)
    await just_after(world, no)
    case = await world.reaches(no, "escalated", 2)
    assert case.deadline_at is None
    assert [task.status for task in await world.tasks(no)] == [TaskStatus.RESOLVED, TaskStatus.OPEN]


async def test_a_delivery_begins_the_inspection(world: World) -> None:
    """From the instant it was signed; the supplier need not say that it came, and the task is moot."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await just_after(world, no)
    await world.reaches(no, "escalated")
    assert await reported(world, no, OrderEventType.DELIVERED)
    await arrives(world, no, State.INSPECTING)
    assert await left(world, no) == INSPECTION
    assert [task.status for task in await world.tasks(no)] == [TaskStatus.RESOLVED]


async def test_a_lost_delivery_is_learned_from_the_timer(world: World) -> None:
    """The hint was lost: the transit's timer asks, finds an inspection long overdue, and calls."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await reported(world, no, OrderEventType.COLLECTED)
    await world.skip(no, timedelta(hours=2))
    world.hints.lose = True
    await reported(world, no, OrderEventType.DELIVERED)
    await world.skip(no, SILENCE)
    await arrives(world, no, State.INSPECTING)
    await world.reaches(no, "escalated")
    assert await by_clock(world, no, "escalated") == 1


@pytest.mark.rule("P2")
async def test_a_quiet_report_does_not_hide_a_lost_hint(world: World) -> None:
    """The waybill's hint was lost, and a report came that nobody has to hear of: a sweep still tells."""
    no = await travelling(world, RETURN, State.AWAITING_RETURN)
    world.hints.lose = True
    await walk(world, no, State.RETURN_IN_TRANSIT)
    assert await reported(world, no, OrderEventType.COLLECTED)
    world.clock.offset += timedelta(hours=1)
    assert not await reported(world, no, OrderEventType.IN_TRANSIT)
    await world.sweep(world.clock.now())
    await arrives(world, no, State.RETURN_IN_TRANSIT)


async def test_a_quiet_report_leaves_a_sweep_nothing_to_do(world: World) -> None:
    """Everything before it was told, so nothing is after it: no hint now, and none by the sweeper."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await reported(world, no, OrderEventType.COLLECTED)
    async with world.uow() as uow:
        await uow.cases.mark_told({no: (await world.case(no)).version})
        await uow.commit()
    world.clock.offset += timedelta(hours=1)
    assert not await reported(world, no, OrderEventType.IN_TRANSIT)
    async with world.uow() as uow:
        untold = await uow.cases.untold(world.clock.now() + timedelta(days=1), 10_000)
    assert no not in {case.after_sales_no for case in untold}


async def test_a_replacement_signed_late_gives_its_customer_seven_days(world: World) -> None:
    """Ten days without a word, seven from the signature: the later end is not told, the timer asks."""
    no = await travelling(world, EXCHANGE, State.RESHIPPED)
    assert await left(world, no) == UNTRACKED
    await world.skip(no, timedelta(days=5))
    assert not await reported(world, no, OrderEventType.DELIVERED, "X")
    assert await left(world, no) == SIGNED
    await world.skip(no, timedelta(days=5) + MOMENT)
    assert (await world.case(no)).state is State.RESHIPPED
    await just_after(world, no)
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_tracked_replacement_that_never_arrives_calls_for_a_person(world: World) -> None:
    """A carrier speaks of it but nobody signed: it does not count as arrived after ten days."""
    no = await travelling(world, EXCHANGE, State.RESHIPPED)
    await reported(world, no, OrderEventType.IN_TRANSIT, "X")
    await just_after(world, no)
    case = await world.reaches(no, "escalated")
    assert case.state is State.RESHIPPED
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.RESHIPMENT_OVERDUE]


async def test_a_signature_after_the_customers_word_completes_nothing(world: World) -> None:
    """Reported missing, then "delivered": the supplier's 48 hours go on, a person looks."""
    no = await travelling(world, EXCHANGE, State.RESHIPPED)
    await world.command(no, ReportMissing(), CUSTOMER)
    due = (await world.case(no)).deadline_at
    assert not await reported(world, no, OrderEventType.DELIVERED, "X")
    assert (await world.case(no)).deadline_at == due
    await just_after(world, no)
    assert (await world.reaches(no, "escalated")).state is State.RESHIPPED


async def test_an_exception_on_the_way_asks_operations(world: World) -> None:
    """The carrier says something is wrong: a task at once, whichever way the goods go."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await reported(world, no, OrderEventType.EXCEPTION)
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.PARCEL_ABNORMAL]


async def test_a_report_before_its_waybill_counts_once_the_waybill_is_known(world: World) -> None:
    """The parcel was delivered before the customer named it: the waybill leads straight to inspection."""
    no = await travelling(world, RETURN, State.AWAITING_RETURN)
    case = await world.case(no)
    await world.report(case.order_no, OrderEventType.COLLECTED, f"OUT-{no}", occurred_at=case.created_at)
    await world.report(case.order_no, OrderEventType.DELIVERED, waybill(case))
    await world.command(no, SubmitWaybill("sf", waybill(case)), CUSTOMER)
    await arrives(world, no, State.INSPECTING)
    assert await left(world, no) == INSPECTION


@pytest.mark.parametrize("told", [True, False])
async def test_a_corrected_waybill_forgets_the_wrong_parcel(world: World, told: bool) -> None:
    """Ten days from sending again: nothing was heard of the right one, and no time is won."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await reported(world, no, OrderEventType.COLLECTED)
    world.hints.lose = not told
    case = await world.command(no, CorrectWaybill("sf", f"Z{no}"), CUSTOMER)
    assert case.deadline_at == case.parcels[0].sent_at + TRANSIT
    await world.skip(no, SILENCE + MOMENT)
    assert await by_clock(world, no, "escalated") == 0
    await just_after(world, no)
    await world.reaches(no, "escalated")
