"""Stages of requests that wait for their supplier: every kind's path, with the times of its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from mallcare.application.command import GivenCommand
from mallcare.domain import commands as given
from mallcare.domain.metrics import Metric
from mallcare.domain.orders import Order
from mallcare.domain.policy import ReviewTimeout
from mallcare.domain.vocabulary import Choice, Kind, State
from tests.clocks.promises import CLOSED, HOUR, REFUNDED, Promises, at, line
from tests.domain.builders import PLACED_AT, TICK
from tests.timekeeping.orders import CUSTOMER, OPERATIONS, supplier
from tests.travels import accepted, received

pytestmark = pytest.mark.rule("T2")
SUPPLIER = supplier()
RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE
REVIEW, INSPECTION = Metric.REVIEW, Metric.INSPECTION
RESHIPMENT, SHIP_BACK = Metric.RESHIPMENT, Metric.SHIP_BACK
Stage = tuple[Metric, int, str, datetime | None, datetime | None]


class Walk:
    """A request and its way, an hour a step, the first an hour after the release."""

    def __init__(self, shop: Promises, order: Order, no: str) -> None:
        self.shop, self.order, self.no = shop, order, no

    async def says(self, who: Any, command: given.Command) -> None:
        """The next step, an hour later."""
        self.shop.here.at += HOUR
        await self.shop.command(self.no, command, who)

    async def supplier(self, *commands: given.Command) -> None:
        for command in commands:
            await self.says(SUPPLIER, command)

    async def customer(self, *commands: given.Command) -> None:
        for command in commands:
            await self.says(CUSTOMER, command)

    async def sent_back(self, *, missing: int = 0) -> None:
        """Agreed to, sent and received: three hours."""
        await self.supplier(given.Approve())
        await self.customer(given.SubmitWaybill("sf", f"R{self.no}"))
        await self.supplier(received(await self.shop.case(self.no), missing=missing))

    async def accepts(self, quantity: int | None = None) -> None:
        """All that arrived good, or so many units of it."""
        case = await self.shop.case(self.no)
        some = given.Accept((given.AcceptedLine("1", quantity or 0),))
        await self.supplier(accepted(case) if quantity is None else some)

    async def stages(self) -> list[Stage]:
        return await self.shop.stages(self.no)


async def walk(shop: Promises, kind: Kind, *, units: int = 1) -> Walk:
    """A request of a kind, made an hour after the release."""
    await shop.return_address()
    order = await shop.released(line("1", units))
    shop.here.at = at(1)
    return Walk(shop, order, await shop.ask(order, [("1", units)], kind))


async def test_a_refund_that_is_agreed_to_is_one_review(shop: Promises) -> None:
    """From the request to the answer, pinned as any clock is."""
    way = await walk(shop, Kind.REFUND_ONLY)
    (clock,) = await shop.clocks(REVIEW)
    assert (clock.subject, clock.part, clock.seq) == (way.no, "", 1)
    assert (clock.started_at, clock.due_at, clock.state) == (at(1), at(49), "running")
    await way.supplier(given.Approve())
    assert await way.stages() == [(REVIEW, 1, "met", at(1), at(2))]


async def test_a_refund_within_the_cooling_off_waits_for_nobody(shop: Promises) -> None:
    """Submitted and decided in one step: there is nothing to measure."""
    shop.here.at = PLACED_AT
    order = await shop.bought()
    no = await shop.ask(order)
    assert (await shop.case(no)).state is State.REFUNDING
    assert await shop.clocks() == []


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (given.Propose("less", goods_fen=100), given.DeclineProposal()),
        (given.RequestEvidence("show it"), given.SubmitEvidence(1)),
    ],
)
async def test_every_return_to_the_supplier_is_a_review_of_its_own(
    shop: Promises, ask: given.Command, answer: given.Command
) -> None:
    """The customer's time to answer counts for nobody; each review has its full time."""
    way = await walk(shop, Kind.REFUND_ONLY)
    for _ in range(2):
        await way.supplier(ask)
        await way.customer(answer)
    await way.supplier(given.Reject("no"))
    assert await way.stages() == [
        (REVIEW, 1, "met", at(1), at(2)),
        (REVIEW, 3, "met", at(3), at(4)),
        (REVIEW, 5, "met", at(5), at(6)),
    ]


async def test_silence_of_the_customer_begins_a_review(shop: Promises) -> None:
    """Seven days later, by the clock, at the instant at which it fired."""
    way = await walk(shop, Kind.REFUND_ONLY)
    await way.supplier(given.Propose("less", goods_fen=100))
    due = (await shop.case(way.no)).deadline_at
    assert due is not None
    shop.here.at = due + HOUR
    await shop.use_cases.fire_deadline(way.no, due, due + HOUR)
    assert (await way.stages())[1] == (REVIEW, 3, "running", due + HOUR, None)


async def test_a_return_is_reviewed_and_inspected(shop: Promises) -> None:
    """What travels waits for nobody; counting again is the same inspection."""
    way = await walk(shop, RETURN)
    await way.sent_back()
    assert (await way.stages())[1] == (INSPECTION, 4, "running", at(4), None)
    await way.supplier(received(await shop.case(way.no)))
    await way.accepts()
    assert await way.stages() == [(REVIEW, 1, "met", at(1), at(2)), (INSPECTION, 4, "met", at(4), at(6))]


async def test_refused_goods_wait_to_be_sent_back(shop: Promises) -> None:
    """Inspection ends where sending back begins."""
    way = await walk(shop, RETURN)
    await way.sent_back()
    await way.supplier(given.Refuse("worn", 1))
    inspection, back = (await way.stages())[1:]
    assert inspection == (INSPECTION, 4, "met", at(4), at(5))
    assert (back[0], *back[2:]) == (SHIP_BACK, "running", at(5), None)
    assert back[1] == (await shop.case(way.no)).version
    await way.supplier(given.ShipBack("sf", f"B{way.no}"))
    await way.customer(given.Confirm())
    assert (await way.stages())[2] == (*back[:2], "met", at(5), at(6))
    assert (await shop.case(way.no)).state.final


async def test_goods_refused_beside_an_exchange_wait_beside_it(shop: Promises) -> None:
    """Of two units one is replaced and one goes back: two clocks at once, each with an end of its own."""
    way = await walk(shop, EXCHANGE, units=2)
    await way.sent_back()
    await way.accepts(1)
    both = {stage[0]: stage[2:] for stage in (await way.stages())[2:]}
    assert both == {RESHIPMENT: ("running", at(5), None), SHIP_BACK: ("running", at(5), None)}
    await way.supplier(given.Reship("sf", f"X{way.no}"))
    await way.supplier(given.ShipBack("sf", f"B{way.no}"))
    both = {stage[0]: stage[2:] for stage in (await way.stages())[2:]}
    assert both == {RESHIPMENT: ("met", at(5), at(6)), SHIP_BACK: ("met", at(5), at(7))}


async def test_a_replacement_that_is_missing_is_owed_again(shop: Promises) -> None:
    """A second reshipment begins with the customer's word and ends with the second parcel."""
    way = await walk(shop, EXCHANGE)
    await way.sent_back()
    await way.accepts()
    await way.supplier(given.Reship("sf", f"X{way.no}"))
    await way.customer(given.ReportMissing())
    await way.supplier(given.Reship("sf", f"Y{way.no}"))
    found = [stage[2:] for stage in await way.stages() if stage[0] is RESHIPMENT]
    assert found == [("met", at(5), at(6)), ("met", at(7), at(8))]


async def test_a_missing_replacement_that_turns_up_ends_its_clock(shop: Promises) -> None:
    """The customer confirms: nothing waits for the supplier any more."""
    way = await walk(shop, EXCHANGE)
    await way.sent_back()
    await way.accepts()
    await way.supplier(given.Reship("sf", f"X{way.no}"))
    await way.customer(given.ReportMissing(), given.Confirm())
    assert (await way.stages())[-1][2:] == ("met", at(7), at(8))


async def test_out_of_stock_answers_and_waiting_asks_again(shop: Promises) -> None:
    """Saying so is an answer; who waits is owed a replacement anew."""
    way = await walk(shop, EXCHANGE)
    await way.sent_back()
    await way.accepts()
    await way.supplier(given.OutOfStock())
    await way.customer(given.Choose(Choice.WAIT))
    found = [stage[2:] for stage in await way.stages() if stage[0] is RESHIPMENT]
    assert found == [("met", at(5), at(6)), ("running", at(7), None)]


async def test_a_withdrawn_request_is_owed_nothing(shop: Promises) -> None:
    """Void, not fulfilled; a rejection is an answer."""
    way = await walk(shop, RETURN)
    await way.customer(given.Cancel())
    assert await way.stages() == [(REVIEW, 1, "void", at(1), at(2))]


async def test_a_request_withdrawn_too_late_was_late(shop: Promises) -> None:
    """Two days without an answer stay two days without an answer."""
    way = await walk(shop, RETURN)
    shop.here.at = at(1 + 48)
    await way.customer(given.Cancel())
    assert await way.stages() == [(REVIEW, 1, "breached", at(1), at(50))]


@pytest.mark.parametrize("event", [CLOSED, REFUNDED])
async def test_what_the_mall_takes_over_is_void(shop: Promises, event: Any) -> None:
    """Whoever ends it then, and however late, no supplier is measured by it."""
    way = await walk(shop, RETURN)
    await way.sent_back()
    shop.here.at = at(6)
    await shop.tell(way.order, event, at(5))
    assert (await way.stages())[1] == (INSPECTION, 4, "void", at(4), at(6))
    assert (await shop.case(way.no)).taken_over
    await way.says(OPERATIONS, given.Close("settled"))
    assert (await way.stages())[1] == (INSPECTION, 4, "void", at(4), at(6))


@pytest.mark.parametrize(("late", "outcome"), [(0 * HOUR, "met"), (TICK, "breached"), (9 * HOUR, "breached")])
async def test_a_late_answer_is_breached(shop: Promises, late: Any, outcome: str) -> None:
    """Exactly 48 hours is in time; the request goes on all the same."""
    way = await walk(shop, RETURN)
    shop.here.at = at(1 + 48 - 1) + late
    await way.supplier(given.Approve())
    assert await way.stages() == [(REVIEW, 1, outcome, at(1), at(49) + late)]


async def test_an_approval_by_the_clock_ends_the_review(shop: Promises) -> None:
    """The policy's way out answers for the supplier, when it fired and not when it was due."""
    await shop.policy(review_timeout=ReviewTimeout.AUTO_APPROVE)
    way = await walk(shop, RETURN)
    due = (await shop.case(way.no)).deadline_at
    assert due is not None
    await shop.use_cases.fire_deadline(way.no, due, due + HOUR)
    assert await way.stages() == [(REVIEW, 1, "breached", at(1), at(50))]


async def test_a_call_for_a_person_ends_nothing(shop: Promises) -> None:
    """Escalated: the supplier still owes the answer."""
    way = await walk(shop, RETURN)
    due = (await shop.case(way.no)).deadline_at
    assert due is not None
    await shop.use_cases.fire_deadline(way.no, due, due)
    assert [stage[2] for stage in await way.stages()] == ["running"]


async def test_a_repeated_command_ends_a_stage_once(shop: Promises) -> None:
    """Its answer is given again, and nothing is written."""
    way = await walk(shop, RETURN)
    shop.here.at = at(2)
    told = given.Approve()
    once = GivenCommand(way.no, "command-1", told, "body")
    await shop.use_cases.command(once, SUPPLIER)
    before = await shop.clocks()
    shop.here.at = at(3)
    await shop.use_cases.command(replace(once), SUPPLIER)
    assert await shop.clocks() == before
