"""What webhooks say a request comes to: the money it refunds, or would as it stands."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.caller import Caller
from mallcare.domain import commands as given
from mallcare.domain.commands import Command
from mallcare.domain.vocabulary import Choice, Kind, OrderEventType, State
from mallcare.ports import MessageFilter
from tests.timekeeping.orders import CUSTOMER, DUE_AT, OPERATIONS, Shop, supplier
from tests.travels import accepted, received
from tests.world import RETURN_ADDRESS

SUPPLIER = supplier()
RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE


@pytest.fixture
async def shop(engine: AsyncEngine, empty_database: str) -> Shop:
    """On an empty database, with an address for returns."""
    shop = Shop(engine)
    await shop.use_cases.return_addresses.set("supplier-1", RETURN_ADDRESS, OPERATIONS)
    return shop


async def asked(shop: Shop, kind: Kind = Kind.REFUND_ONLY) -> str:
    """A request for the one unit of a released order, worth 1000 fen."""
    order = await shop.bought()
    await shop.look(DUE_AT)
    return await shop.ask(order, [("1", 1)], kind)


async def totals(shop: Shop, no: str) -> list[tuple[str, object]]:
    """What the mall was told of the request, oldest first: the change, and the total."""
    page = await shop.use_cases.list_webhooks(MessageFilter(subject=no), 50, None, OPERATIONS)
    told = [one.message for one in reversed(page.items)]
    return [
        (one.type.removeprefix("after_sales."), one.data["total_fen"])
        for one in told
        if "total_fen" in one.data
    ]


async def inspected(shop: Shop, no: str) -> None:
    """Agreed to, sent back and received."""
    await shop.command(no, given.Approve(), SUPPLIER)
    await shop.command(no, given.SubmitWaybill("sf", f"R{no}"), CUSTOMER)
    await shop.command(no, received(await shop.case(no)), SUPPLIER)


@pytest.mark.parametrize(
    ("command", "caller", "told"),
    [(given.Reject("no"), SUPPLIER, "rejected"), (given.Cancel(), CUSTOMER, "cancelled")],
)
async def test_a_request_that_ended_without_a_refund_comes_to_nothing(
    shop: Shop, command: Command, caller: Caller, told: str
) -> None:
    """While it was open, it would have been the goods' worth."""
    no = await asked(shop)
    await shop.command(no, command, caller)
    assert await totals(shop, no) == [("submitted", 1_000), (told, 0)]


async def test_a_return_that_expired_comes_to_nothing(shop: Shop) -> None:
    """Agreed to and never sent."""
    no = await asked(shop, RETURN)
    await shop.command(no, given.Approve(), SUPPLIER)
    due = (await shop.case(no)).deadline_at
    assert due is not None
    await shop.use_cases.fire_deadline(no, due, due)
    assert await totals(shop, no) == [("submitted", 1_000), ("approved", 1_000), ("expired", 0)]


async def test_a_request_that_the_mall_closed_comes_to_nothing(shop: Shop) -> None:
    """The mall refunded the goods by itself: this request does not."""
    order = await shop.bought()
    await shop.look(DUE_AT)
    no = await shop.ask(order, [("1", 1)])
    await shop.report(order, OrderEventType.REFUNDED)
    assert (await shop.case(no)).state is State.CLOSED
    assert await totals(shop, no) == [("submitted", 1_000), ("closed", 0)]


async def test_refused_goods_come_to_nothing(shop: Shop) -> None:
    """From the refusal on, until they are with their customer again."""
    no = await asked(shop, RETURN)
    await inspected(shop, no)
    await shop.command(no, given.Refuse("worn", 1), SUPPLIER)
    await shop.command(no, given.ShipBack("sf", f"B{no}"), SUPPLIER)
    await shop.command(no, given.Confirm(), CUSTOMER)
    told = dict(await totals(shop, no))
    assert told["received"] == 1_000
    assert (told["refused"], told["shipped_back"], told["goods_back_with_customer"]) == (0, 0, 0)


async def test_an_exchange_refunds_nothing_unless_it_falls_back_to_a_refund(shop: Shop) -> None:
    """Not while it is open; the money is named where the customer chose it."""
    no = await asked(shop, EXCHANGE)
    await inspected(shop, no)
    await shop.command(no, accepted(await shop.case(no)), SUPPLIER)
    await shop.command(no, given.OutOfStock(), SUPPLIER)
    before = await totals(shop, no)
    assert {total for _, total in before} == {0}
    await shop.command(no, given.Choose(Choice.REFUND), CUSTOMER)
    assert (await totals(shop, no))[len(before) :] == [("refund_chosen", 1_000)]


async def test_a_completed_exchange_comes_to_nothing(shop: Shop) -> None:
    """The customer has goods, not money."""
    no = await asked(shop, EXCHANGE)
    await inspected(shop, no)
    await shop.command(no, accepted(await shop.case(no)), SUPPLIER)
    await shop.command(no, given.Reship("sf", f"X{no}"), SUPPLIER)
    await shop.command(no, given.Confirm(), CUSTOMER)
    assert (await shop.case(no)).state is State.COMPLETED
    assert {total for _, total in await totals(shop, no)} == {0}


async def test_a_refund_names_what_it_pays(shop: Shop) -> None:
    """Less where less was agreed, and still after its end."""
    no = await asked(shop)
    await shop.command(no, given.Propose("less", goods_fen=400), SUPPLIER)
    await shop.command(no, given.AcceptProposal(), CUSTOMER)
    assert await totals(shop, no) == [("submitted", 1_000), ("proposed", 1_000), ("proposal_accepted", 400)]
