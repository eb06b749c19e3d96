"""Random histories of orders and requests, compared with figures worked out anew from raw rows."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from mallcare.application.caller import Caller
from mallcare.domain import commands as given
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Command
from mallcare.domain.errors import DomainError
from mallcare.domain.metrics import Metric
from mallcare.domain.orders import Order
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.transitions import allowed_actions
from mallcare.domain.vocabulary import Choice, Kind, OrderEventType
from tests.clocks import raw_figures
from tests.clocks.promises import (
    ALARM,
    CLOSED,
    COLLECTED,
    DELIVERED,
    MOVED,
    REFUNDED,
    Promises,
    line,
    order_of,
)
from tests.clocks.raw_figures import Figure, Key
from tests.domain.builders import PLACED_AT
from tests.timekeeping.orders import CUSTOMER, DUE_AT, OPERATIONS, supplier
from tests.travels import accepted

pytestmark = [pytest.mark.rule("T2"), pytest.mark.rule("P1")]
SUPPLIER = supplier()
STEPS = 40
KINDS = (Kind.REFUND_ONLY, Kind.RETURN_REFUND, Kind.EXCHANGE)
CARRIERS = (COLLECTED, MOVED, MOVED, DELIVERED, ALARM)


@dataclass
class History:
    """A shop, chance, and what there is so far. Every step has an instant of its own."""

    shop: Promises
    chance: random.Random
    money_alone: bool
    """The mall refunds by itself, and requests are for money alone; else goods travel, too."""
    orders: list[Order] = field(default_factory=list[Order])
    requests: list[str] = field(default_factory=list[str])
    done: list[str] = field(default_factory=list[str])

    @property
    def now(self) -> datetime:
        return self.shop.here.at

    async def step(self) -> None:
        """Time passes, timekeepers look, and somebody does something, allowed or not."""
        self.shop.here.at += timedelta(seconds=self.chance.randint(60, 20 * 3600))
        await self.shop.look(self.now)
        names = list(ACTIONS)
        name = self.chance.choices(names, [ACTIONS[one][1] for one in names])[0]
        try:
            await ACTIONS[name][0](self)
        except DomainError:
            name = f"refused {name}"
        self.done.append(name)

    async def buy(self) -> None:
        lines = [line(str(n), self.chance.randint(1, 3)) for n in range(1, self.chance.randint(2, 4))]
        placed = self.now - timedelta(minutes=self.chance.randint(0, 40))
        order = order_of(*lines, placed_at=placed)
        if self.chance.random() < 0.3:
            await self._report(order, self.chance.choice(CARRIERS), placed)
        await self.shop.take_in(order)
        self.orders.append(order)

    async def report(self) -> None:
        if self.orders:
            await self._report(self.chance.choice(self.orders), self.chance.choice(CARRIERS))

    async def close(self) -> None:
        if self.orders:
            await self._report(self.chance.choice(self.orders), CLOSED)

    async def mall_refunds(self) -> None:
        if not self.orders or not self.money_alone:
            return
        order = self.chance.choice(self.orders)
        lines = {one.line_id: self.chance.randint(1, one.quantity) for one in self._some(order)}
        named = lines if self.chance.random() < 0.7 else None
        await self.shop.tell(order, REFUNDED, self.now, refunded_lines=named)

    async def ask(self) -> None:
        if not self.orders:
            return
        order = self.chance.choice(self.orders[-4:])
        kind = self.chance.choices(KINDS, [6, 0, 0] if self.money_alone else [3, 2, 2])[0]
        lines = [(one.line_id, self.chance.randint(1, one.quantity)) for one in self._some(order)]
        whole = self.chance.random() < 0.2
        self.requests.append(await self.shop.ask(order, None if whole else lines, kind))

    async def command(self) -> None:
        """One that the request allows just now, by somebody who may give it."""
        if not self.requests:
            return
        no = self.chance.choice(self.requests[-5:])
        case = await self.shop.case(no)
        command, caller = self.chance.choice(self._possible(case))
        await self.shop.command(no, command, caller)

    async def settle(self) -> None:
        """A vendor's word on a refund."""
        for no in reversed(self.requests):
            for leg in (await self.shop.case(no)).legs:
                if leg.status.open:
                    succeeded = self.chance.random() < 0.8
                    code = None if succeeded else "CLOSED"
                    word = LegOutcome(leg.refund_no, succeeded=succeeded, failure_code=code)
                    await self.shop.use_cases.receive_refund_callback(word)
                    return

    async def deadlines(self) -> None:
        """The clocks of all requests that ran out."""
        for no in self.requests:
            due = (await self.shop.case(no)).deadline_at
            if due is not None and due <= self.now:
                await self.shop.use_cases.fire_deadline(no, due, self.now)

    async def _report(self, order: Order, type_: OrderEventType, oldest: datetime | None = None) -> None:
        """Late by up to four days, of all lines or some; the waybill is the order's or a request's."""
        late = timedelta(seconds=self.chance.randint(0, 96 * 3600))
        waybills = [None, "SF1", " sf1", "SF2"]
        waybills += [f"{way}{no}" for no in self.requests[-4:] for way in "RXB"]
        lines = None if self.chance.random() < 0.5 else [one.line_id for one in self._some(order)]
        when = max(self.now - late, (oldest or order.placed_at) + late / 1_000)
        await self.shop.tell(order, type_, when, self.chance.choice(waybills), lines)

    def _some(self, order: Order) -> list[Any]:
        return self.chance.sample(order.lines, self.chance.randint(1, len(order.lines)))

    def _possible(self, case: AfterSalesCase) -> list[tuple[Command, Caller]]:
        no = case.after_sales_no
        received = [
            given.ReceivedLine(one.line_id, good=self.chance.randint(0, one.quantity)) for one in case.lines
        ]
        supplier_s: list[Command] = [
            given.Approve(),
            given.Reject("no"),
            given.RequestEvidence("show it"),
            given.Propose("less", goods_fen=case.quote.goods_fen // 2),
            given.Propose("else", kind=Kind.REFUND_ONLY if self.money_alone else self.chance.choice(KINDS)),
            given.Receive(tuple(received)),
            accepted(case),
            given.Refuse("worn", 1),
            given.Reship("sf", f"X{no}"),
            given.Reship("sf", f"X{uuid4().hex[:8]}"),
            given.OutOfStock(),
            given.ShipBack("sf", f"B{no}"),
        ]
        customer_s: list[Command] = [
            given.Cancel(),
            given.AcceptProposal(),
            given.DeclineProposal(),
            given.SubmitEvidence(1),
            given.SubmitWaybill("sf", self.chance.choice([f"R{no}", "SF2"])),
            given.CorrectWaybill("sf", f"R{no}"),
            given.Choose(self.chance.choice(list(Choice))),
            given.Confirm(),
            given.ReportMissing(),
        ]
        operations: list[Command] = [given.Close("settled"), given.Resume("it is finance's")]
        said = ((SUPPLIER, supplier_s), (CUSTOMER, customer_s), (OPERATIONS, operations))
        pairs = [(command, caller) for caller, commands in said for command in commands]
        return [
            (command, caller)
            for command, caller in pairs
            if command.action in allowed_actions(case, caller.actor.role)
        ] or [(given.Cancel(), CUSTOMER)]


ACTIONS: dict[str, tuple[Callable[[History], Awaitable[None]], int]] = {
    "buy": (History.buy, 5),
    "report": (History.report, 12),
    "close": (History.close, 1),
    "mall refunds": (History.mall_refunds, 2),
    "ask": (History.ask, 8),
    "command": (History.command, 22),
    "settle": (History.settle, 3),
    "deadlines": (History.deadlines, 3),
}


async def stored(shop: Promises) -> dict[Key, Figure]:
    """What the platform keeps, but for clocks of parcels that late reports showed to be none.

    Without the numbers of those: a parcel's clocks are counted in the order in which they began.
    """
    kept: dict[Key, Figure] = {}
    for one in sorted(await shop.clocks(), key=lambda one: (one.started_at or DUE_AT, one.seq)):
        if "none" in one.events:
            continue
        seq = one.seq
        if one.metric is Metric.ABNORMAL_DELIVERY:
            seq = 1 + sum(key[:3] == (one.metric.value, one.subject, one.part) for key in kept)
        kept[one.metric.value, one.subject, one.part, seq] = Figure(
            one.started_at,
            one.elapsed,
            one.running_since,
            one.due_at,
            one.ended_at,
            one.outcome,
            one.alarmed_at,
        )
    return kept


@pytest.mark.parametrize("seed", range(10))
async def test_every_clock_agrees_with_the_rows_it_follows_from(shop: Promises, seed: int) -> None:
    """Orders, carriers, customers, suppliers, the mall and the clock do as they please."""
    await shop.return_address()
    shop.here.at = PLACED_AT
    history = History(shop, random.Random(seed), money_alone=seed % 2 == 0)
    await history.buy()
    for _ in range(STEPS):
        await history.step()
    async with shop.engine.connect() as connection:
        expected = raw_figures.figures(await raw_figures.read(connection))
    kept = await stored(shop)
    differ = {key: (kept.get(key), expected.get(key)) for key in kept.keys() | expected.keys()}
    assert {key: pair for key, pair in differ.items() if pair[0] != pair[1]} == {}, history.done
    assert kept
