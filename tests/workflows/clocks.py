"""Every clock of a case with goods: how it is reached, what it does, and which commands race it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from mallcare.application.caller import Caller
from mallcare.domain import commands as given
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.vocabulary import Choice, Kind, OrderEventType, Role, State
from tests.travels import Say, accepted, received, travelling, waybill
from tests.world import CUSTOMER, MALL, SUPPLIER, World

Reach = Callable[[World], Awaitable[str]]


@dataclass(frozen=True)
class Racer:
    """A command, who gives it, and where it leads if it wins."""

    say: Say
    caller: Caller
    leads_to: State


@dataclass(frozen=True)
class Clock:
    """What a clock does when it runs out: `event` and `leads_to`; and the commands that race it."""

    name: str
    reach: Reach
    lasts: timedelta
    event: str
    leads_to: State
    racers: tuple[Racer, ...]

    @property
    def decides(self) -> bool:
        """It does not merely call for a person."""
        return self.event != "escalated"


def reaching(kind: Kind, state: State) -> Reach:
    """A case of a kind in a state, by the shortest way."""
    return lambda world: travelling(world, kind, state)


async def proposed(world: World) -> str:
    """The customer is offered less money for a return."""
    no = await travelling(world, Kind.RETURN_REFUND)
    await world.command(no, given.Propose("half of it?", 500))
    return no


async def delivered(world: World) -> str:
    """A return that its carrier delivered, and nobody received."""
    no = await travelling(world, Kind.RETURN_REFUND, State.RETURN_IN_TRANSIT)
    case = await world.case(no)
    await world.report(case.order_no, OrderEventType.DELIVERED, waybill(case))
    return no


async def silent(world: World) -> str:
    """A return whose carrier was heard of once."""
    no = await travelling(world, Kind.RETURN_REFUND, State.RETURN_IN_TRANSIT)
    case = await world.case(no)
    await world.report(case.order_no, OrderEventType.COLLECTED, waybill(case))
    return no


async def replacement_signed(world: World) -> str:
    """An exchange whose replacement was delivered."""
    no = await travelling(world, Kind.EXCHANGE, State.RESHIPPED)
    case = await world.case(no)
    await world.report(case.order_no, OrderEventType.DELIVERED, waybill(case, "X"))
    return no


async def shipped_back(world: World) -> str:
    """A refused return on its way back."""
    no = await travelling(world, Kind.RETURN_REFUND, State.RETURNING_TO_CUSTOMER)
    await world.command(no, given.ShipBack("sf", f"B{no}"))
    return no


RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE
CANCELS = Racer(lambda _: given.Cancel(), CUSTOMER, State.CANCELLED)
SENDS = Racer(lambda case: given.SubmitWaybill("sf", waybill(case)), CUSTOMER, State.RETURN_IN_TRANSIT)
RECEIVES = Racer(received, SUPPLIER, State.INSPECTING)
CONFIRMS = Racer(lambda _: given.Confirm(), CUSTOMER, State.COMPLETED)
REFUSES = Racer(lambda _: given.Refuse("worn", 1), SUPPLIER, State.RETURNING_TO_CUSTOMER)

REVIEWERS = (
    Racer(lambda _: given.Approve(), SUPPLIER, State.AWAITING_RETURN),
    Racer(lambda _: given.Propose("half?", 500), SUPPLIER, State.PENDING_CUSTOMER),
    CANCELS,
)

CLOCKS = (
    Clock(
        "return: review",
        reaching(RETURN, State.PENDING_REVIEW),
        timedelta(hours=48),
        "escalated",
        State.PENDING_REVIEW,
        REVIEWERS,
    ),
    Clock(
        "return: the customer's answer to a proposal",
        proposed,
        timedelta(days=7),
        "answer_overdue",
        State.PENDING_REVIEW,
        (
            Racer(lambda _: given.AcceptProposal(), CUSTOMER, State.AWAITING_RETURN),
            Racer(lambda _: given.DeclineProposal(), CUSTOMER, State.PENDING_REVIEW),
            CANCELS,
        ),
    ),
    Clock(
        "exchange: the customer's evidence",
        reaching(EXCHANGE, State.PENDING_CUSTOMER),
        timedelta(days=7),
        "answer_overdue",
        State.PENDING_REVIEW,
        (Racer(lambda _: given.SubmitEvidence(1), CUSTOMER, State.PENDING_REVIEW),),
    ),
    Clock(
        "return: sending back",
        reaching(RETURN, State.AWAITING_RETURN),
        timedelta(days=7),
        "expired",
        State.EXPIRED,
        (SENDS, CANCELS),
    ),
    Clock(
        "exchange: sending back",
        reaching(EXCHANGE, State.AWAITING_RETURN),
        timedelta(days=7),
        "expired",
        State.EXPIRED,
        (),
    ),
    Clock(
        "return: an untracked parcel",
        reaching(RETURN, State.RETURN_IN_TRANSIT),
        timedelta(days=10),
        "escalated",
        State.RETURN_IN_TRANSIT,
        (RECEIVES,),
    ),
    Clock(
        "return: a carrier's silence",
        silent,
        timedelta(hours=72),
        "escalated",
        State.RETURN_IN_TRANSIT,
        (RECEIVES,),
    ),
    Clock(
        "return: inspection",
        reaching(RETURN, State.INSPECTING),
        timedelta(hours=48),
        "escalated",
        State.INSPECTING,
        (Racer(accepted, SUPPLIER, State.COMPLETED), REFUSES),
    ),
    Clock(
        "return: inspection of what was delivered",
        delivered,
        timedelta(hours=48),
        "escalated",
        State.INSPECTING,
        (),
    ),
    Clock(
        "exchange: inspection",
        reaching(EXCHANGE, State.INSPECTING),
        timedelta(hours=48),
        "escalated",
        State.INSPECTING,
        (Racer(accepted, SUPPLIER, State.AWAITING_RESHIPMENT),),
    ),
    Clock(
        "exchange: sending the replacement",
        reaching(EXCHANGE, State.AWAITING_RESHIPMENT),
        timedelta(hours=48),
        "escalated",
        State.AWAITING_RESHIPMENT,
        (
            Racer(lambda case: given.Reship("sf", waybill(case, "X")), SUPPLIER, State.RESHIPPED),
            Racer(lambda _: given.OutOfStock(), SUPPLIER, State.OUT_OF_STOCK),
        ),
    ),
    Clock(
        "exchange: out of stock",
        reaching(EXCHANGE, State.OUT_OF_STOCK),
        timedelta(days=7),
        "refund_by_default",
        State.COMPLETED,
        (
            Racer(lambda _: given.Choose(Choice.WAIT), CUSTOMER, State.AWAITING_RESHIPMENT),
            Racer(lambda _: given.Choose(Choice.REFUND), CUSTOMER, State.COMPLETED),
        ),
    ),
    Clock(
        "exchange: an untracked replacement",
        reaching(EXCHANGE, State.RESHIPPED),
        timedelta(days=10),
        "replacement_confirmed",
        State.COMPLETED,
        (CONFIRMS, Racer(lambda _: given.ReportMissing(), CUSTOMER, State.RESHIPPED)),
    ),
    Clock(
        "exchange: a signed replacement",
        replacement_signed,
        timedelta(days=7),
        "replacement_confirmed",
        State.COMPLETED,
        (CONFIRMS,),
    ),
    Clock(
        "return: shipping refused goods back",
        reaching(RETURN, State.RETURNING_TO_CUSTOMER),
        timedelta(hours=48),
        "escalated",
        State.RETURNING_TO_CUSTOMER,
        (
            Racer(
                lambda case: given.ShipBack("sf", f"B{case.after_sales_no}"),
                SUPPLIER,
                State.RETURNING_TO_CUSTOMER,
            ),
        ),
    ),
    Clock(
        "return: refused goods on their way",
        shipped_back,
        timedelta(days=10),
        "goods_back_with_customer",
        State.REJECTED,
        (Racer(lambda _: given.Confirm(), CUSTOMER, State.REJECTED),),
    ),
)


async def by_clock(world: World, no: str, event: str) -> int:
    """How often the platform by itself, and no person, did `event` to a case."""
    page = await world.use_cases.read.events(no, MALL, limit=1_000)
    return sum(e.name == event and e.actor.role is Role.SYSTEM for e in page.items)


async def given_by(world: World, no: str, racer: Racer) -> None:
    """The racer's command is given."""
    await world.command(no, racer.say(await world.case(no)), racer.caller)


async def refused(world: World, no: str, racer: Racer) -> bool:
    """The racer's command comes too late."""
    try:
        await given_by(world, no, racer)
    except IllegalTransition:
        return True
    return False


async def arrives(world: World, no: str, state: State) -> None:
    """The case and the workflow that drives it come to a state."""
    if state.final:
        assert (await world.finished(no)).state is state
        return
    shown = ""
    async with asyncio.timeout(20):
        while f"**{state}**" not in shown:
            shown = str(await world.handle(no).query("__temporal_workflow_metadata"))
    assert (await world.case(no)).state is state
