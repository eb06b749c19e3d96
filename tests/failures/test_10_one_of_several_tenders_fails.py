"""Failure 10: an order was paid by several means, and the refund of one of them fails.

The guard: each (request, tender) is a leg with a state of its own; the request is REFUND_FAILED while one of
them failed, the others keep their truth, and a retry reopens the failed ones alone (`refunding`).
"""

from __future__ import annotations

import asyncio

import pytest

from mallcare.domain.commands import RetryRefund, SettleOffline
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, LegStatus, State, TenderKind
from tests.failures.shop import KINDS, Payment, Shop, Step, line
from tests.world import FINANCE

pytestmark = [pytest.mark.rule("A4"), pytest.mark.rule("P3")]

BY_THREE = Payment(points_fen=300, voucher_fen=200)
S, F, P = LegStatus.SUCCEEDED, LegStatus.FAILED, LegStatus.PENDING


async def ready(shop: Shop, kind: Kind) -> tuple[Order, Step]:
    """An order paid by points, cash and a voucher, its refund about to be decided."""
    order = await shop.order(paid=BY_THREE)
    return order, await shop.about_to_pay(order, kind, ("1", 1))


async def legs_are(shop: Shop, no: str, *wanted: LegStatus) -> None:
    """Wait until the legs stand so, in the order's order of tenders."""
    async with asyncio.timeout(20):
        while tuple(leg.status for leg in (await shop.world.case(no)).legs) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def requests(shop: Shop, order: Order) -> dict[str, int]:
    """How often each vendor was asked for each refund number."""
    return {row["refund_no"]: row["requests"] for row in await shop.books(order)}


@pytest.mark.parametrize("kind", KINDS)
async def test_cash_fails_and_a_retry_pays_the_cash_alone(shop: Shop, kind: Kind) -> None:
    """Points and voucher are back, the merchant's account is empty: nothing of theirs is asked for again.

    Guard: `refunding._failed` picks the legs a retry reopens; all legs reopened would ask for all once more.
    """
    order, step = await ready(shop, kind)
    await shop.wechat.fault("not_enough", match={"transaction_id": order.tenders[1].transaction_id})
    decided = await shop.give(step)
    await legs_are(shop, step.no, S, F, S)
    failed = await shop.world.case(step.no)
    assert (failed.state, failed.legs[1].failure_code) == (State.REFUND_FAILED, "NOT_ENOUGH")
    before = await requests(shop, order)
    retried = await shop.world.command(step.no, RetryRefund(), FINANCE)
    assert [leg.status for leg in retried.legs] == [S, P, S]
    assert (await shop.world.finished(step.no)).state is State.COMPLETED
    done = await shop.world.case(step.no)
    assert [leg.refund_no for leg in done.legs] == [leg.refund_no for leg in decided.legs]
    assert [leg.round for leg in done.legs] == [1, 2, 1]
    after = await requests(shop, order)
    cash = done.legs[1].refund_no
    assert {no: times for no, times in after.items() if no != cash} == before
    assert sorted(row["paid_count"] for row in await shop.books(order)) == [1, 1, 1]
    assert await shop.paid_out_fen(order) == order.paid_fen


@pytest.mark.parametrize("kind", KINDS)
async def test_points_fail_first_and_the_cash_still_counts_when_it_comes(shop: Shop, kind: Kind) -> None:
    """The mall refuses one of its tenders while cash is still processing: the cash's later success is kept.

    Guard: `settle_refund` records any leg's word in REFUND_FAILED too, and leads on only with none failed.
    """
    order, step = await ready(shop, kind)
    await shop.wechat.fault("processing", match={"transaction_id": order.tenders[1].transaction_id})
    await shop.points.fault("failed", times=2)
    await shop.give(step)
    await legs_are(shop, step.no, F, P, F)
    failed = await shop.world.case(step.no)
    assert (failed.state, failed.legs[0].failure_code) == (State.REFUND_FAILED, "tender_expired")
    cash = failed.legs[1]
    await shop.wechat.settle(cash.refund_no)
    await legs_are(shop, step.no, F, S, F)
    assert (await shop.world.case(step.no)).state is State.REFUND_FAILED
    await shop.world.command(step.no, SettleOffline(items=1), FINANCE)
    await shop.world.command(step.no, SettleOffline(items=1), type(FINANCE)(FINANCE.role, "finance-2"))
    assert (await shop.world.finished(step.no)).state is State.COMPLETED
    done = await shop.world.case(step.no)
    assert [leg.settled_offline for leg in done.legs] == [True, False, True]
    assert {leg.tender for leg in done.legs} == {TenderKind.POINTS, TenderKind.CASH, TenderKind.VOUCHER}
    assert await shop.paid_out_fen(order) == cash.amount_fen


async def test_a_retry_while_another_leg_is_still_under_way_leaves_that_one_alone(shop: Shop) -> None:
    """Voucher failed and is retried while cash is processing: cash keeps its round and is asked for once.

    Guard: the workflow lets go only of attempts that are no longer open (`_pursue_refunds`).
    """
    order, step = await ready(shop, Kind.RETURN_REFUND)
    await shop.wechat.fault("processing", match={"transaction_id": order.tenders[1].transaction_id})
    await shop.points.fault("failed", times=1)
    await shop.give(step)
    await shop.reaches_state(step.no, State.REFUND_FAILED)
    again = await shop.world.command(step.no, RetryRefund(), FINANCE)
    assert sorted(leg.round for leg in again.legs) == [1, 1, 2]
    await shop.world.reaches(step.no, "refund_failed", times=2)
    await shop.wechat.settle(again.legs[1].refund_no)
    await shop.world.reaches(step.no, "refund_succeeded", times=2)
    case = await shop.world.case(step.no)
    assert (case.state, case.legs[1].status, case.legs[1].round) == (State.REFUND_FAILED, S, 1)
    cash = next(row for row in await shop.books(order) if row["refund_no"] == case.legs[1].refund_no)
    assert (cash["requests"], cash["paid_count"]) == (1, 1)


async def test_a_leg_that_failed_holds_back_no_unit_and_no_other_request(shop: Shop) -> None:
    """While one tender of a request failed, the rest of the order is refunded as ever, to the fen.

    Guard: a failed leg keeps its units, which are decided, and frees its sum for nobody but a retry.
    """
    order = await shop.order(line(quantity=2, price_fen=1_001), paid=BY_THREE)
    step = await shop.about_to_pay(order, Kind.RETURN_REFUND, ("1", 1))
    await shop.wechat.fault("not_enough", match={"transaction_id": order.tenders[1].transaction_id})
    await shop.give(step)
    await legs_are(shop, step.no, S, F, S)
    other = await shop.paid(order, Kind.RETURN_REFUND, ("1", 1))
    assert other.state is State.COMPLETED
    await shop.world.command(step.no, RetryRefund(), FINANCE)
    assert (await shop.world.finished(step.no)).state is State.COMPLETED
    assert await shop.paid_out_fen(order) == order.paid_fen
