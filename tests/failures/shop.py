"""A shop for the ten failures: real engines, both vendors over HTTP, the public API in front.

Its words bring a request of any kind to the very step that pays, because that is where systems failed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple
from uuid import uuid4

from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable
from mallcare.application.submit import Submission
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Approve,
    Choose,
    Command,
    Confirm,
    OutOfStock,
    Receive,
    ReceivedLine,
    Reship,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.errors import DomainError
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Discount, Order, OrderLine, Tender
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Channel, Choice, Kind, OrderEventType, State, TenderKind
from mallcare.gateways.routing import RoutedPaymentGateway
from mallcare.ports import CaseDetails, MessageFilter, PaymentGateway
from tests.api.calls import Calls
from tests.failures.door import Door
from tests.gateways.conftest import Wechat
from tests.gateways.test_mall_tenders import Mall
from tests.world import CUSTOMER, MALL, SUPPLIER, World

KINDS = tuple(Kind)
ADDRESS = {
    "name": "仓库",
    "phone": "13900005678",
    "province": "广东省",
    "city": "深圳市",
    "district": "南山区",
    "address": "科技园路 1 号",
}
NUMBERS = count(1)
LONG_AGO = timedelta(hours=2)
"""Past the cooling-off."""


def line(line_id: str = "1", quantity: int = 1, price_fen: int = 1_000) -> OrderLine:
    """Units of one thing."""
    return OrderLine(line_id, f"SKU-{line_id}", "样品", quantity, price_fen)


def waybill() -> str:
    """A waybill nobody else has."""
    return f"SF{next(NUMBERS):04d}{uuid4().hex[:8].upper()}"


class Payment(NamedTuple):
    """Who pays what of an order; cash pays the rest. `shared`: the id and the total of a common payment."""

    points_fen: int = 0
    voucher_fen: int = 0
    shared: tuple[str, int] | None = None


class Step(NamedTuple):
    """A command that is about to be given, and by whom."""

    no: str
    command: Command
    caller: Caller


@dataclass
class Callers:
    """One caller of the HTTP API for each role, and a second person of finance."""

    mall: Calls
    supplier: Calls
    customer: Calls
    finance: Calls
    second_finance: Calls


@dataclass
class Vendors:
    """Routes as in production, over gateways that can be exchanged."""

    gateways: Mapping[str, PaymentGateway]

    def for_provider(self, provider: str) -> PaymentGateway:
        """The gateway of one provider, as it is now."""
        return RoutedPaymentGateway(self.gateways).for_provider(provider)


@dataclass
class Shop:
    """The platform, its vendors' books, and short words for what its people do."""

    world: World
    wechat: Wechat
    points: Mall
    http: Callers
    door: Door
    gateways: dict[str, PaymentGateway]
    """By provider; a test may put another one in front of a vendor, and takes it away again."""

    async def order(
        self,
        *lines: OrderLine,
        freight_fen: int = 0,
        paid: Payment | None = None,
        discounts: tuple[Discount, ...] = (),
        shipped: bool = True,
        supplier_id: str = "supplier-1",
    ) -> Order:
        """A paid order past its cooling-off, known to the platform; its parcel arrived unless told."""
        number, bought, by = f"F{uuid4().hex[:20]}", lines or (line(),), paid or Payment()
        net = sum(x.gross_fen for x in bought) + freight_fen - sum(d.amount_fen for d in discounts)
        cash = net - by.points_fen - by.voucher_fen
        transaction, total = by.shared or (f"T{number}", cash)
        tenders = (
            Tender(TenderKind.POINTS, by.points_fen),
            Tender(TenderKind.CASH, cash, "wechat_pay", transaction, total),
            Tender(TenderKind.VOUCHER, by.voucher_fen),
        )
        placed = self.world.clock.now() - LONG_AGO
        order = Order(
            order_no=number,
            version=1,
            supplier_id=supplier_id,
            channel=Channel.CONSUMER,
            customer_id="customer-1",
            placed_at=placed,
            paid_at=placed,
            tenders=tuple(tender for tender in tenders if tender.amount_fen),
            freight_fen=freight_fen,
            discounts=discounts,
            lines=bought,
        )
        await self.world.take_in(order)
        if shipped:
            await self.report(order, OrderEventType.DELIVERED)
        return order

    async def report(self, order: Order, type_: OrderEventType, **changes: Any) -> None:
        """What the mall tells of an order, as of now."""
        event = OrderEvent(f"E{next(NUMBERS)}", type_, self.world.clock.now(), **changes)
        assert await self.world.use_cases.take_in_order_event(order.order_no, event, None, MALL) == "applied"
        await self.world.hints.told()

    async def ask(
        self, order: Order, kind: Kind, *lines: tuple[str, int], reason: str = "changed_mind"
    ) -> str:
        """A request for units of lines, of everything that is left where none is named; its number."""
        named = tuple(RequestedLine(line_id, quantity) for line_id, quantity in lines)
        body = await self.world.use_cases.submit(
            Submission(
                order.order_no,
                Request(kind, reason, named or None),
                CaseDetails(),
                Repeatable(uuid4().hex, "body"),
            ),
            CUSTOMER,
            lambda record: {"no": record.case.after_sales_no},
        )
        await self.world.hints.told()
        return str(body["no"])

    async def sent_back(self, no: str) -> AfterSalesCase:
        """Approved, and the goods on their way to the supplier."""
        await self.world.command(no, Approve(), await self._supplier(no))
        return await self.world.command(no, SubmitWaybill("shunfeng", waybill()), CUSTOMER)

    async def received(self, no: str, *counts: ReceivedLine) -> AfterSalesCase:
        """Sent back and counted; without counts everything arrived good."""
        case = await self.sent_back(no)
        arrived = counts or tuple(ReceivedLine(one.line_id, good=one.quantity) for one in case.lines)
        return await self.world.command(no, Receive(arrived), await self._supplier(no))

    async def accepted(self, no: str, *lines: tuple[str, int], reason: str | None = None) -> AfterSalesCase:
        """Received goods accepted: all of them, unless told."""
        step = await self.accepting(no, *lines, reason=reason)
        return await self.give(step)

    async def accepting(self, no: str, *lines: tuple[str, int], reason: str | None = None) -> Step:
        """The acceptance of received goods, not given yet."""
        case = await self.world.case(no)
        units = lines or tuple((one.line_id, one.quantity) for one in case.lines)
        command = Accept(tuple(AcceptedLine(*unit) for unit in units), reason)
        return Step(no, command, await self._supplier(no))

    async def exchanged(self, no: str) -> AfterSalesCase:
        """An exchange whose replacement is on its way."""
        await self.received(no)
        await self.accepted(no)
        return await self.world.command(no, Reship("shunfeng", waybill()), await self._supplier(no))

    async def way_back(self, no: str) -> AfterSalesCase:
        """Refused goods shipped to their customer, who has them again."""
        await self.world.command(no, ShipBack("shunfeng", waybill()), await self._supplier(no))
        return await self.world.command(no, Confirm(), CUSTOMER)

    async def before_paying(self, no: str) -> Step:
        """A request under review, led to the command that pays: approval, acceptance, or choice of money."""
        kind = (await self.world.case(no)).kind
        if kind is Kind.REFUND_ONLY:
            return Step(no, Approve(), await self._supplier(no))
        await self.received(no)
        if kind is Kind.RETURN_REFUND:
            return await self.accepting(no)
        await self.accepted(no)
        await self.world.command(no, OutOfStock(), await self._supplier(no))
        return Step(no, Choose(Choice.REFUND), CUSTOMER)

    async def about_to_pay(self, order: Order, kind: Kind, *lines: tuple[str, int]) -> Step:
        """A new request of that kind, led to the command that pays."""
        return await self.before_paying(await self.ask(order, kind, *lines, reason="quality"))

    async def give(self, step: Step) -> AfterSalesCase:
        """Give the command."""
        return await self.world.command(*step)

    async def paid(self, order: Order, kind: Kind, *lines: tuple[str, int]) -> AfterSalesCase:
        """A new request of that kind, refunded to its end."""
        step = await self.about_to_pay(order, kind, *lines)
        await self.give(step)
        await self.world.finished(step.no)
        return await self.world.case(step.no)

    async def books(self, order: Order) -> list[dict[str, Any]]:
        """All refunds of an order in the vendors' books, under `refund_no`, `paid_count` and `amount_fen`."""
        payments = {tender.transaction_id for tender in order.tenders if tender.transaction_id}
        cash = [row for row in await self.wechat.ledger() if row["transaction_id"] in payments]
        rows = [{**row, "refund_no": row["out_refund_no"]} for row in cash]
        return rows + [row for row in await self.points.ledger() if row["order_no"] == order.order_no]

    async def paid_out_fen(self, order: Order) -> int:
        """What the vendors really gave back of an order, twice paid counted twice."""
        return sum(row["amount_fen"] * row["paid_count"] for row in await self.books(order))

    async def reaches_state(self, no: str, *states: State) -> AfterSalesCase:
        """Wait for a state."""
        async with asyncio.timeout(20):
            while True:
                case = await self.world.case(no)
                if case.state in states:
                    return case
                await asyncio.sleep(0.02)

    async def messages(self, no: str, name: str) -> list[dict[str, Any]]:
        """Facts of the webhooks of that name, in their order."""
        page = await self.world.use_cases.list_webhooks(MessageFilter(subject=no), 200, None, MALL)
        found = [m.message for m in page.items if m.message.type == f"after_sales.{name}"]
        return [dict(message.data)["facts"] for message in reversed(found)]  # type: ignore[misc]

    async def _supplier(self, no: str) -> Caller:
        supplier_id = (await self.world.case(no)).supplier_id
        return SUPPLIER if supplier_id == SUPPLIER.supplier_id else Caller(SUPPLIER.role, "s", supplier_id)


Outcomes = tuple[list[AfterSalesCase], list[DomainError]]


async def at_once(*tries: Awaitable[AfterSalesCase]) -> Outcomes:
    """All at the same time: what succeeded, and the typed refusals of the rest."""
    ended = await asyncio.gather(*tries, return_exceptions=True)
    odd = [one for one in ended if not isinstance(one, AfterSalesCase | DomainError)]
    assert odd == []
    won = [one for one in ended if isinstance(one, AfterSalesCase)]
    return won, [one for one in ended if isinstance(one, DomainError)]


def codes(refused: Sequence[DomainError]) -> Counter[str]:
    """How often each refusal was given."""
    return Counter(error.code for error in refused)
