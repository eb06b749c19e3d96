"""Words that paths of returns and exchanges are written with: each is over when the workflow rests again."""

from __future__ import annotations

from mallcare.application.caller import Caller
from mallcare.domain.commands import Command
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.replay.walking import at_rest
from tests.travels import just_after, travelling, walk, waybill
from tests.world import SUPPLIER, World

RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE


async def reached(w: World, kind: Kind, state: State = State.PENDING_REVIEW, **order: object) -> str:
    """A case of a kind, brought to a state step by step."""
    units = int(str(order.get("quantity", 1)))
    return await travelling(w, kind, state, units=units, rest=at_rest, **order)


async def goes_on(w: World, no: str, state: State) -> None:
    """The commands that lead a case from its state to another one."""
    await walk(w, no, state, rest=at_rest)


async def says(w: World, no: str, command: Command, caller: Caller = SUPPLIER) -> None:
    """One command."""
    await w.command(no, command, caller)
    await at_rest(w, no)


async def unheard(w: World, no: str, command: Command, caller: Caller = SUPPLIER) -> None:
    """One command, whose hint is lost."""
    w.hints.lose = True
    await w.command(no, command, caller)
    w.hints.lose = False


async def reported(w: World, no: str, event: OrderEventType, purpose: str = "R") -> None:
    """A carrier's word on a parcel of the case."""
    case = await w.case(no)
    await w.report(case.order_no, event, waybill(case, purpose))
    await at_rest(w, no)


async def rings(w: World, no: str, event: str = "escalated", times: int = 1) -> None:
    """The case's deadline passes, and does what it does."""
    await just_after(w, no)
    await w.reaches(no, event, times=times)
    await at_rest(w, no)
