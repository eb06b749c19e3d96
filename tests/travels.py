"""Cases whose goods travel, brought to a named state by the commands that lead there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from mallcare.application.caller import Caller
from mallcare.domain import commands as given
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Command
from mallcare.domain.vocabulary import Kind, State
from tests.world import CUSTOMER, MALL, SUPPLIER, World

Say = Callable[[AfterSalesCase], Command]
Rest = Callable[[World, str], Awaitable[None]]

MOMENT = timedelta(seconds=5)


def waybill(case: AfterSalesCase, purpose: str = "R") -> str:
    """A waybill that no other case of any test has."""
    return f"{purpose}{case.after_sales_no}"


def received(case: AfterSalesCase, *, missing: int = 0, damaged: int = 0) -> given.Receive:
    """All units arrived good, but for so many of each line."""
    return given.Receive(
        tuple(
            given.ReceivedLine(line.line_id, good=line.quantity - missing - damaged, damaged=damaged)
            for line in case.lines
        )
    )


def accepted(case: AfterSalesCase) -> given.Accept:
    """Whatever arrived good is accepted."""
    counts = ((line.line_id, line.received) for line in case.lines)
    return given.Accept(
        tuple(given.AcceptedLine(no, known.good) for no, known in counts if known is not None)
    )


@dataclass(frozen=True)
class Step:
    """The command that leads to a state, from the state before."""

    before: State
    say: Say
    caller: Caller


STEPS: Mapping[State, Step] = {
    State.PENDING_CUSTOMER: Step(State.PENDING_REVIEW, lambda _: given.RequestEvidence("show it"), SUPPLIER),
    State.AWAITING_RETURN: Step(State.PENDING_REVIEW, lambda _: given.Approve(), SUPPLIER),
    State.RETURN_IN_TRANSIT: Step(
        State.AWAITING_RETURN, lambda case: given.SubmitWaybill("sf", waybill(case)), CUSTOMER
    ),
    State.INSPECTING: Step(State.RETURN_IN_TRANSIT, received, SUPPLIER),
    State.RETURNING_TO_CUSTOMER: Step(State.INSPECTING, lambda _: given.Refuse("worn", 1), SUPPLIER),
    State.REFUNDING: Step(State.INSPECTING, accepted, SUPPLIER),
    State.AWAITING_RESHIPMENT: Step(State.INSPECTING, accepted, SUPPLIER),
    State.OUT_OF_STOCK: Step(State.AWAITING_RESHIPMENT, lambda _: given.OutOfStock(), SUPPLIER),
    State.RESHIPPED: Step(
        State.AWAITING_RESHIPMENT, lambda case: given.Reship("sf", waybill(case, "X")), SUPPLIER
    ),
}
"""The shortest way to each state, backwards; a refund-only case knows no goods."""


async def walk(world: World, no: str, to: State, *, rest: Rest | None = None) -> AfterSalesCase:
    """Give the commands that bring a case to a state; `rest` waits after each."""
    case = await world.case(no)
    way: list[Step] = []
    while to is not case.state:
        way.append(STEPS[to])
        to = STEPS[to].before
    for step in reversed(way):
        caller = step.caller if case.supplier_id == SUPPLIER.supplier_id else MALL
        case = await world.command(no, step.say(case), caller)
        if rest is not None:
            await rest(world, no)
    return case


async def travelling(
    world: World,
    kind: Kind,
    to: State = State.PENDING_REVIEW,
    *,
    units: int = 1,
    rest: Rest | None = None,
    **order: object,
) -> str:
    """A case of a kind in a state, asking for so many units of its order."""
    await world.return_address()
    taken = await world.take_in(world.new_order(**order))  # type: ignore[arg-type]
    no = await world.submit(taken, (("1", units),), kind=kind)
    if rest is not None:
        await rest(world, no)
    await walk(world, no, to, rest=rest)
    return no


async def just_before(world: World, no: str) -> None:
    """Skip until a moment before the case's deadline."""
    await _skip_to(world, no, -MOMENT)


async def just_after(world: World, no: str) -> None:
    """Skip until a moment after the case's deadline."""
    await _skip_to(world, no, MOMENT)


async def _skip_to(world: World, no: str, distance: timedelta) -> None:
    due = (await world.case(no)).deadline_at
    assert due is not None, "no clock runs"
    await world.skip(no, due + distance - world.clock.now())
