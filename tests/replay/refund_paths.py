"""How refunds and hints can go wrong, and what the workflow of a refund-only case then does."""

from __future__ import annotations

from datetime import timedelta

from mallcare.contracts.names import Signal
from mallcare.domain.commands import Approve, ExtendDeadline, Reject, RetryRefund
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.vocabulary import State
from tests.replay.refund_only_paths import MOMENT, REMINDER, approved, ended, escalates, opened, passes
from tests.replay.stage import MANY_EVENTS
from tests.replay.walking import Runs, Walker, at_rest, path
from tests.world import FINANCE, OPERATIONS, World
from workflows.after_sales import DUE

SLOWED_DOWN = timedelta(seconds=70)
"""The vendor's answer `busy` asks for a minute."""


async def failed(w: World, *cash: str) -> str:
    """A case whose refund the vendor refused, with its workflow waiting for finance."""
    no = await approved(w, *cash)
    assert (await w.case(no)).state is State.REFUND_FAILED, no
    return no


async def called_back(w: World, no: str, number: int = 0) -> None:
    """The vendor tells by itself that a leg is paid."""
    leg = (await w.case(no)).legs[number]
    w.vendor.paid[leg.refund_no] = 1
    await w.use_cases.receive_refund_callback(LegOutcome(leg.refund_no, succeeded=True))
    await w.hints.told()


async def shown(w: World, no: str) -> None:
    """The case's deadline is what the Temporal UI finds it by."""
    told = (await w.handle(no).describe()).typed_search_attributes
    due, deadline_at = told.get(DUE), (await w.case(no)).deadline_at
    assert due == deadline_at, (no, due, deadline_at)


@path("refund-only")
async def unclear_then_resolved(walker: Walker) -> Runs:
    """The vendor paid but its answer was lost: attempts leave no trace, the history is as if it had not."""
    w = walker.world
    return await ended(w, await approved(w, "lose_answer"), State.COMPLETED)


@path("refund-only")
async def asked_to_slow_down(walker: Walker) -> Runs:
    """The vendor names the time of the next attempt: the server keeps it, the workflow has no timer."""
    w = walker.world
    no = await approved(w, "busy")
    await w.skip(no, SLOWED_DOWN)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def processing_then_called_back(walker: Walker) -> Runs:
    """The callback's hint ends the case while its refund is still asked for: that ends with the workflow."""
    w = walker.world
    no = await approved(w, *["process"] * 50)
    await called_back(w, no)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def two_tenders_called_back(walker: Walker) -> Runs:
    """The callback of one leg cancels the activity that asks for it; the other goes on until its own."""
    w = walker.world
    no = await approved(w, *["process"] * 50, points=300, mall=("process",) * 50)
    await called_back(w, no, 0)
    await at_rest(w, no)
    await called_back(w, no, 1)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def failed_then_retried(walker: Walker) -> Runs:
    """The refund failed: a reminder's timer starts, finance cancels it by retrying."""
    w = walker.world
    no = await failed(w, "refuse:account_closed")
    await w.command(no, RetryRefund(), FINANCE)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def failed_and_reminded_every_day(walker: Walker) -> Runs:
    """Nobody acts on a failed refund: a new timer follows each reminder, until finance retries."""
    w = walker.world
    no = await failed(w, "refuse:NOT_ENOUGH")
    for times in (1, 2, 3):
        await escalates(w, no, REMINDER, times)
    await w.command(no, RetryRefund(), FINANCE)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def failed_then_called_back(walker: Walker) -> Runs:
    """Resolved on the vendor's own platform: the callback's hint ends the case, its timer is cancelled."""
    w = walker.world
    no = await failed(w, "fail:ABNORMAL")
    await called_back(w, no)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def one_tender_failed_then_retried(walker: Walker) -> Runs:
    """Two refunds side by side, the second fails: only that one is issued again."""
    w = walker.world
    no = await approved(w, points=300, mall=("busy", "pay", "refuse:account_closed"))
    await passes(w, no, SLOWED_DOWN)
    await w.command(no, RetryRefund(), FINANCE)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def one_tender_failed_while_the_other_goes_on(walker: Walker) -> Runs:
    """A refund fails beside one that is still open: the result of that one finds a reminder waiting."""
    w = walker.world
    no = await approved(w, "busy", points=300, mall=("refuse:account_closed",))
    await passes(w, no, SLOWED_DOWN)
    await w.command(no, RetryRefund(), FINANCE)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def hint_lost_and_resynced(walker: Walker) -> Runs:
    """The approval's hint was lost: the sweeper's hint has another name and the same effect."""
    w = walker.world
    no = await opened(w)
    w.hints.lose = True
    await w.command(no, Approve())
    await w.sweep(w.clock.now())
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def start_lost_and_swept(walker: Walker) -> Runs:
    """The workflow was never started: the sweeper starts it with what the case has become since."""
    w = walker.world
    w.hints.lose = True
    no = await w.opened()
    await w.command(no, Approve())
    w.hints.lose = False
    await w.sweep(w.clock.now())
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def hints_repeated(walker: Walker) -> Runs:
    """Start and hint come again: what was known already changes nothing."""
    w = walker.world
    no = await opened(w)
    await w.engine.start(w.hints.offered[-1][0])
    await w.command(no, ExtendDeadline(w.clock.now() + timedelta(hours=72), "holiday"), OPERATIONS)
    await at_rest(w, no)
    for _ in range(2):
        await w.engine.tell(w.hints.offered[-1][0], Signal.EXTEND_DEADLINE)
        await at_rest(w, no)
    await w.command(no, Reject("used"))
    return await ended(w, no, State.REJECTED)


@path("refund-only")
async def hints_overtaking(walker: Walker) -> Runs:
    """A newer hint comes first: the older one after it is ignored, and so is its deadline."""
    w = walker.world
    no = await opened(w)
    w.hints.lose = True
    w.hints.offered.clear()
    for days in (9, 10):
        await w.command(no, ExtendDeadline(w.clock.now() + timedelta(days=days), "holiday"), OPERATIONS)
    w.hints.lose = False
    (older, _), (newer, _) = w.hints.offered
    for snapshot in (newer, older):
        await w.engine.tell(snapshot, Signal.EXTEND_DEADLINE)
        await at_rest(w, no)
    await passes(w, no, timedelta(days=9, hours=12))
    await escalates(w, no, timedelta(hours=12))
    await w.command(no, Reject("used"))
    return await ended(w, no, State.REJECTED)


@path("refund-only")
async def hint_unreadable(walker: Walker) -> Runs:
    """Hints of nonsense leave the workflow and its timer as they were."""
    w = walker.world
    no = await opened(w)
    await w.handle(no).signal(Signal.APPROVE, {"nonsense": True})
    await at_rest(w, no)
    await w.handle(no).signal(Signal.APPROVE)
    await at_rest(w, no)
    await w.command(no, Reject("used"))
    return await ended(w, no, State.REJECTED)


@path("refund-only")
async def terminated_and_restarted(walker: Walker) -> Runs:
    """Somebody terminated the workflow: the sweeper's second one starts from the case as it is."""
    w = walker.world
    no = await opened(w)
    first = (await w.handle(no).describe()).run_id
    await w.command(no, ExtendDeadline(w.clock.now() + timedelta(hours=72), "holiday"), OPERATIONS)
    await at_rest(w, no)
    await w.handle(no).terminate("by mistake")
    await w.engine.tell(w.hints.offered[-1][0], Signal.RESYNC)
    await at_rest(w, no)
    second = (await w.handle(no).describe()).run_id
    assert second != first
    await w.command(no, Approve())
    await ended(w, no, State.COMPLETED)
    return tuple(w.client.get_workflow_handle(w.handle(no).id, run_id=run) for run in (first, second))


@path("refund-only")
async def continued_as_new(walker: Walker) -> Runs:
    """A long history goes on in a new run, which carries the case and its deadline over."""
    w = walker.world
    no = await opened(w)
    first = (await w.handle(no).describe()).run_id
    for hours in range(49, 49 + MANY_EVENTS // 6 + 3):
        until = w.clock.now() + timedelta(hours=hours)
        await w.command(no, ExtendDeadline(until, "holiday"), OPERATIONS)
        await at_rest(w, no)
        await shown(w, no)
    assert (await w.handle(no).describe()).run_id != first
    await passes(w, no, MOMENT)
    await w.command(no, Approve())
    return await ended(w, no, State.COMPLETED)
