"""Failure 2: a refund that failed once can never be retried, and the customer never gets the money.

The guard: REFUND_FAILED is a state with ways out (`transitions.TABLE`: retry, settlement by other means),
a retry opens a new round of the same leg (`refunds.reopen`), and a workflow pursues each round anew.
"""

from __future__ import annotations

import asyncio

import pytest

from mallcare.domain.commands import RetryRefund
from mallcare.domain.orders import Order
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Kind, LegStatus, State
from mallcare.ports import TaskFilter
from tests.api.calls import answered, problem_of
from tests.failures.shop import KINDS, Payment, Shop
from tests.world import FINANCE

pytestmark = pytest.mark.rule("P3")

PROOF = ["https://files.example.com/transfer.pdf"]


async def failed(shop: Shop, order: Order, kind: Kind, fault: str) -> str:
    """A refund of that kind which the vendor refused for good."""
    step = await shop.about_to_pay(order, kind, ("1", 1))
    await shop.wechat.fault(fault, match={"transaction_id": order.tenders[0].transaction_id})
    await shop.give(step)
    await shop.reaches_state(step.no, State.REFUND_FAILED)
    return step.no


async def test_what_failed_twice_is_retried_a_third_time(shop: Shop) -> None:
    """The account is empty, and empty again after finance retried: the next retry still goes to the vendor.

    Guard: a vendor's refusal speaks of its round (`refunds.settle`); were it taken for the first one's, the
    second failure would be lost and the request would wait for ever.
    """

    async def refunded(kind: Kind) -> None:
        order = await shop.order()
        no = await failed(shop, order, kind, "not_enough")
        payment = order.tenders[0].transaction_id
        await shop.wechat.fault("not_enough", match={"transaction_id": payment})
        await shop.world.command(no, RetryRefund(), FINANCE)
        await shop.world.reaches(no, "refund_failed", times=2)
        await shop.world.command(no, RetryRefund(), FINANCE)
        assert (await shop.world.finished(no)).state is State.COMPLETED
        (leg,) = (await shop.world.case(no)).legs
        assert (leg.round, leg.status) == (3, LegStatus.SUCCEEDED)
        assert await shop.paid_out_fen(order) == order.paid_fen

    await asyncio.gather(*map(refunded, KINDS))


async def test_a_retry_asks_before_it_sends_what_somebody_may_have_mended(shop: Shop) -> None:
    """ABNORMAL: the money was sent elsewhere on the vendor's own platform; the retry learns that it is paid.

    Guard: a round after the first one asks first (`activities.payments._ask`).
    """
    shop.door.deaf = True
    order = await shop.order()
    no = await failed(shop, order, Kind.RETURN_REFUND, "abnormal")
    (row,) = await shop.books(order)
    await shop.wechat.resolve_abnormal(row["refund_no"], row["refund_id"])
    await shop.world.command(no, RetryRefund(), FINANCE)
    assert (await shop.world.finished(no)).state is State.COMPLETED
    assert await shop.paid_out_fen(order) == order.paid_fen


@pytest.mark.parametrize("kind", KINDS)
async def test_what_no_retry_can_mend_is_settled_by_two_people(shop: Shop, kind: Kind) -> None:
    """CLOSED for ever at the vendor: one of finance says it was paid otherwise, another one confirms it.

    Guard: `refunding.settle_offline`: evidence, two people, and only then the end; the leg says how it ended.
    """
    order = await shop.order()
    no = await failed(shop, order, kind, "closed")
    await shop.world.command(no, RetryRefund(), FINANCE)
    await shop.world.reaches(no, "refund_failed", times=2)
    one, other = shop.http.finance, shop.http.second_finance
    assert (await one.command(no, "settle-offline", evidence=[])).status_code == 422
    said = answered(await one.command(no, "settle-offline", evidence=PROOF))
    assert (said["state"], said["refunds"][0]["status"]) == ("REFUND_FAILED", "FAILED")
    problem_of(await one.command(no, "settle-offline", evidence=PROOF), 409, "four_eyes")
    done = answered(await other.command(no, "settle-offline", evidence=PROOF))
    assert done["state"] == "COMPLETED"
    assert (await shop.world.finished(no)).state is State.COMPLETED
    (leg,) = (await shop.world.case(no)).legs
    assert (leg.status, leg.settled_offline) == (LegStatus.SUCCEEDED, True)
    assert await shop.paid_out_fen(order) == 0


async def test_a_vendor_that_pays_what_was_settled_otherwise_is_found_out(shop: Shop) -> None:
    """Paid by hand and then by the vendor after all: nothing is hidden, operations gets the money back.

    Guard: `settle_refund` looks at a late success of a leg that was settled by other means.
    """
    order = await shop.order()
    no = await failed(shop, order, Kind.REFUND_ONLY, "closed")
    for who in (shop.http.finance, shop.http.second_finance):
        answered(await who.command(no, "settle-offline", evidence=PROOF))
    (leg,) = (await shop.world.case(no)).legs
    late = LegOutcome(leg.refund_no, succeeded=True)
    for _ in range(2):
        assert await shop.world.use_cases.receive_refund_callback(late, leg.amount_fen)
    where = TaskFilter(TaskKind.PAID_TWICE, TaskStatus.OPEN, leg.refund_no)
    (task,) = (await shop.world.use_cases.tasks.page(where, 10, None, FINANCE)).items
    assert (task.facts["refund_no"], task.facts["after_sales_no"]) == (leg.refund_no, no)
    await shop.world.use_cases.tasks.resolve(task.task_id, "the customer sent it back", FINANCE)
    await shop.world.use_cases.receive_refund_callback(late, leg.amount_fen)
    assert not (await shop.world.use_cases.tasks.page(where, 10, None, FINANCE)).items


async def test_a_second_person_is_not_answered_as_the_first(shop: Shop) -> None:
    """Maker and checker give the same command id: the second is told so, and believes nothing untrue.

    Guard: a repetition is one only from the same person (`command._replay`).
    """
    order = await shop.order()
    no = await failed(shop, order, Kind.REFUND_ONLY, "closed")
    said = {"command_id": "settle-1", "evidence": PROOF}
    answered(await shop.http.finance.command(no, "settle-offline", **said))
    other = await shop.http.second_finance.command(no, "settle-offline", **said)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    answered(await shop.http.second_finance.command(no, "settle-offline", evidence=PROOF))
    assert (await shop.world.case(no)).state is State.COMPLETED


async def test_news_from_the_vendor_ends_a_settlement_that_waits_for_its_second_person(shop: Shop) -> None:
    """One said that points and cash were paid otherwise; then the cash comes: that word is worth nothing now.

    Guard: any news of a leg takes a half-confirmed settlement back (`refunding.settle_refund`); else the
    second person would confirm what was said of another state of things.
    """
    order = await shop.order(paid=Payment(points_fen=300))
    step = await shop.about_to_pay(order, Kind.RETURN_REFUND, ("1", 1))
    await shop.points.fault("failed")
    await shop.wechat.fault("abnormal", match={"transaction_id": order.tenders[1].transaction_id})
    await shop.give(step)
    no = step.no
    await shop.world.reaches(no, "refund_failed", times=2)
    answered(await shop.http.finance.command(no, "settle-offline", evidence=PROOF))
    row = next(row for row in await shop.books(order) if "refund_id" in row)
    await shop.wechat.resolve_abnormal(row["refund_no"], row["refund_id"])
    await shop.world.reaches(no, "refund_succeeded")
    said_anew = answered(await shop.http.second_finance.command(no, "settle-offline", evidence=PROOF))
    assert (said_anew["state"], said_anew["refunds"][0]["status"]) == ("REFUND_FAILED", "FAILED")
    done = answered(await shop.http.finance.command(no, "settle-offline", evidence=PROOF))
    assert done["state"] == "COMPLETED"
    points, cash = (await shop.world.case(no)).legs
    assert (points.settled_offline, cash.settled_offline) == (True, False)
    assert await shop.paid_out_fen(order) == cash.amount_fen
