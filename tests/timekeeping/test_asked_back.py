"""An order is never released while all of it is asked back, nor when nothing of it is left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.application.caller import Caller
from mallcare.application.keeping import Kept
from mallcare.domain.commands import AcceptProposal, Approve, Cancel, Command, Propose, Reject
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.domain.builders import PLACED_AT
from tests.timekeeping.orders import CUSTOMER, DUE_AT, Shop, supplier

pytestmark = pytest.mark.rule("A1")
WITHIN = PLACED_AT + timedelta(minutes=10)
AFTER = DUE_AT + timedelta(hours=1)
SUPPLIER = supplier()


async def reviewed(shop: Shop, **order: object) -> tuple[Order, str]:
    """An order and a request for all of it, made in time, which a person has to decide."""
    shop.here.at = WITHIN
    await shop.stop_automatic_refunds()
    bought = await shop.bought(**order)
    no = await shop.ask(bought)
    assert (await shop.case(no)).state is State.PENDING_REVIEW
    return bought, no


async def untold(shop: Shop, order: Order) -> bool:
    """The mall was not told of a release."""
    return await shop.messages(order) == []


async def test_a_cooling_off_refund_ends_the_way_to_the_supplier(shop: Shop) -> None:
    """The order is withheld once and never looked at again."""
    shop.here.at = WITHIN
    order = await shop.bought()
    no = await shop.ask(order)
    assert (await shop.case(no)).state is State.REFUNDING
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    assert await shop.look(AFTER) == Kept()
    assert await shop.standing(order) == (None, None)
    assert await untold(shop, order)


async def test_an_open_request_for_the_whole_order_holds_it(shop: Shop) -> None:
    """However long the review lasts; once it is approved nothing is left to ship."""
    order, no = await reviewed(shop)
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    await shop.command(no, Approve(), SUPPLIER)
    assert await shop.look(AFTER + timedelta(days=9)) == Kept()
    assert await untold(shop, order)


@pytest.mark.parametrize(
    ("command", "caller"),
    [(Reject("we packed it"), SUPPLIER), (Cancel(), CUSTOMER)],
    ids=["rejected", "cancelled"],
)
async def test_the_order_is_due_again_when_the_request_ends(
    shop: Shop, command: Command, caller: Caller
) -> None:
    """From the instant the request ended, and then it is released as any other."""
    order, no = await reviewed(shop)
    await shop.look(DUE_AT)
    shop.here.at = AFTER
    await shop.command(no, command, caller)
    assert await shop.standing(order) == (AFTER, None)
    assert await shop.look(AFTER) == Kept(released=1)
    assert await shop.standing(order) == (None, AFTER)
    (told,) = await shop.messages(order)
    assert told.occurred_at == AFTER


async def test_a_request_that_ends_in_time_changes_nothing(shop: Shop) -> None:
    """The order is due when it was; nothing had been withheld."""
    order, no = await reviewed(shop)
    await shop.command(no, Cancel(), CUSTOMER)
    assert await shop.standing(order) == (DUE_AT, None)
    assert await shop.look(DUE_AT) == Kept(released=1)


async def test_a_request_made_after_the_release_takes_nothing_back(shop: Shop) -> None:
    """Neither while it is open nor at its end."""
    order = await shop.bought()
    await shop.look(DUE_AT)
    no = await shop.ask(order)
    await shop.command(no, Reject("it is on its way"), SUPPLIER)
    assert await shop.look(AFTER) == Kept()
    assert await shop.standing(order) == (None, DUE_AT)
    assert len(await shop.messages(order)) == 1


async def test_an_offer_of_another_kind_lets_the_order_go(shop: Shop) -> None:
    """The customer agreed to send back what first has to arrive."""
    _, no = await reviewed(shop)
    await shop.look(DUE_AT)
    shop.here.at = AFTER
    await shop.command(no, Propose("send it back", kind=Kind.RETURN_REFUND), SUPPLIER)
    assert await shop.look(AFTER) == Kept()
    await shop.command(no, AcceptProposal(), CUSTOMER)
    assert await shop.look(AFTER) == Kept(released=1)


async def test_an_order_of_which_something_is_left_is_released(shop: Shop) -> None:
    """A request for a part holds nothing, neither open nor refunded."""
    open_, refunded = [await shop.bought(quantity=2) for _ in range(2)]
    await shop.ask(open_, [("1", 1)])
    no = await shop.ask(refunded, [("1", 1)])
    await shop.command(no, Approve(), SUPPLIER)
    assert await shop.look(DUE_AT) == Kept(released=2)


@pytest.mark.parametrize("kind", [Kind.RETURN_REFUND, Kind.EXCHANGE])
async def test_goods_that_come_back_have_to_leave_first(shop: Shop, kind: Kind) -> None:
    """A return or an exchange of everything does not hold the order."""
    order = await shop.bought()
    await shop.ask(order, kind=kind)
    assert await shop.look(DUE_AT) == Kept(released=1)
    assert (await shop.standing(order))[1] == DUE_AT


async def test_parts_that_make_a_whole_are_named_parts_until_they_are_refunded(shop: Shop) -> None:
    """Two requests for a unit each: nothing is left once both are decided."""
    open_, refunded = [await shop.bought(quantity=2) for _ in range(2)]
    for order in (open_, refunded):
        numbers = [await shop.ask(order, [("1", 1)]) for _ in range(2)]
        if order is refunded:
            for no in numbers:
                await shop.command(no, Approve(), SUPPLIER)
    assert await shop.look(DUE_AT) == Kept(released=1, withheld=1)
    assert (await shop.standing(open_))[1] == DUE_AT
    assert await untold(shop, refunded)


async def test_what_the_mall_refunded_by_itself_is_not_shipped(shop: Shop) -> None:
    """Also where that ended a request for all of it, so that the order was due again."""
    order, no = await reviewed(shop)
    await shop.report(order, OrderEventType.REFUNDED)
    assert (await shop.case(no)).state is State.CLOSED
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    assert await untold(shop, order)


async def test_a_part_that_the_mall_refunded_holds_nothing(shop: Shop) -> None:
    """One of two units is left."""
    order = await shop.bought(quantity=2)
    await shop.report(order, OrderEventType.REFUNDED, refunded_lines={"1": 1})
    assert await shop.look(DUE_AT) == Kept(released=1)


async def test_a_closed_order_is_not_released(shop: Shop) -> None:
    """Not even when the request under it ends."""
    order, no = await reviewed(shop)
    await shop.report(order, OrderEventType.CLOSED)
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    shop.here.at = AFTER
    if not (await shop.case(no)).state.final:
        await shop.command(no, Reject("closed"), SUPPLIER)
    assert (await shop.look(AFTER)).released == 0
    assert await untold(shop, order)


async def compensated(shop: Shop, order: Order, lines: list[tuple[str, int]] | None = None) -> None:
    """The supplier offers less, the customer agrees and keeps the goods."""
    no = await shop.ask(order, lines)
    await shop.command(no, Propose("the box is dented", goods_fen=100), SUPPLIER)
    await shop.command(no, AcceptProposal(), CUSTOMER)
    assert (await shop.case(no)).state is State.REFUNDING


@pytest.mark.parametrize("looked", [True, False])
async def test_a_compensated_order_goes_its_way(shop: Shop, looked: bool) -> None:
    """Held while the whole of it is asked back, and due again as soon as the customer agrees to less."""
    order, no = await reviewed(shop)
    if looked:
        assert await shop.look(DUE_AT) == Kept(withheld=1)
    shop.here.at = AFTER
    await shop.command(no, Propose("keep it", goods_fen=100), SUPPLIER)
    await shop.command(no, AcceptProposal(), CUSTOMER)
    assert await shop.look(AFTER) == Kept(released=1)
    assert await shop.standing(order) == (None, AFTER if looked else DUE_AT)
    assert len(await shop.messages(order)) == 1


async def test_compensated_units_are_left(shop: Shop) -> None:
    """All of them in parts, or one beside another that is refunded; refunded ones count as before."""
    all_of_it, one_of_two, none_of_it = [await shop.bought(quantity=2) for _ in range(3)]
    for _ in range(2):
        await compensated(shop, all_of_it, [("1", 1)])
    await compensated(shop, one_of_two, [("1", 1)])
    for order in (one_of_two, none_of_it):
        no = await shop.ask(order, [("1", 1)])
        await shop.command(no, Approve(), SUPPLIER)
    no = await shop.ask(none_of_it, [("1", 1)])
    await shop.command(no, Approve(), SUPPLIER)
    assert await shop.look(DUE_AT) == Kept(released=2, withheld=1)
    assert await untold(shop, none_of_it)
