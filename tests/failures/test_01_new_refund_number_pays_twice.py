"""Failure 1: a retry mints a new refund number, and the vendor pays twice.

The guard: a number is minted once, when the refund is decided, and stored with the leg before any vendor
is called; whoever asks again reads it there (`refunding.start_refund`, `refunds.reopen`, `PlanRefund`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import RetryRefund
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, State
from mallcare.ports import PaymentGateway, RefundReport, RefundRequest
from tests.failures.shop import KINDS, Payment, Shop, line
from tests.world import FINANCE

pytestmark = pytest.mark.rule("P3")

BY_THREE = Payment(points_fen=300, voucher_fen=200)


@pytest.fixture(autouse=True)
def no_callbacks(shop: Shop) -> None:
    """The vendor's callbacks get lost: whoever asks again has to find out by itself."""
    shop.door.deaf = True


async def paid_once(shop: Shop, order: Order, case: AfterSalesCase) -> None:
    """Each leg is in the books under its own number, paid once, and nothing else of the order is."""
    assert case.state is State.COMPLETED
    rows = await shop.books(order)
    assert sorted((row["refund_no"], row["amount_fen"], row["paid_count"]) for row in rows) == sorted(
        (leg.refund_no, leg.amount_fen, 1) for leg in case.legs
    )


@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before", "error_500"])
async def test_what_timed_out_is_asked_for_under_its_own_number(shop: Shop, fault: str) -> None:
    """No clear answer, after or before paying, of a refund of each kind: one number each, paid once.

    Guard: the vendor is asked for the stored number before anything is sent again (`payments._ask`).
    """

    async def refunded(kind: Kind) -> None:
        order = await shop.order(line(price_fen=1_003))
        step = await shop.about_to_pay(order, kind, ("1", 1))
        payment = order.tenders[0].transaction_id
        await shop.wechat.fault(fault, match={"transaction_id": payment}, delay_seconds=0.2)
        decided = await shop.give(step)
        await shop.world.finished(step.no)
        done = await shop.world.case(step.no)
        assert [leg.refund_no for leg in done.legs] == [leg.refund_no for leg in decided.legs]
        await paid_once(shop, order, done)
        (row,) = await shop.books(order)
        assert row["requests"] == (1 if fault == "timeout_after_commit" else 2)

    await asyncio.gather(*map(refunded, KINDS))


@dataclass
class DyingWorker:
    """A vendor's gateway whose worker dies after each of the first `deaths` payments of an order."""

    gateway: PaymentGateway
    deaths: dict[str, int] = field(default_factory=dict)

    async def submit(self, request: RefundRequest) -> RefundReport:
        report = await self.gateway.submit(request)
        if self.deaths.get(request.order_no, 0):
            self.deaths[request.order_no] -= 1
            raise RuntimeError("this worker is dead: what the vendor answered is lost")
        return report

    async def query(self, request: RefundRequest) -> RefundReport:
        return await self.gateway.query(request)


@pytest.mark.rule("P2")
async def test_a_worker_that_dies_after_the_vendor_paid_pays_no_second_time(shop: Shop) -> None:
    """Nothing of the answer was written down, so the next worker starts over: with the number it finds.

    Guard: the number is committed with the decision, before the vendor is called; and a first attempt
    alone submits without asking.
    """
    healthy = shop.gateways["wechat_pay"]
    dying = shop.gateways["wechat_pay"] = DyingWorker(healthy)
    try:
        order = await shop.order(paid=BY_THREE)
        step = await shop.about_to_pay(order, Kind.RETURN_REFUND, ("1", 1))
        dying.deaths[order.order_no] = 1
        await shop.give(step)
        await shop.world.finished(step.no)
    finally:
        shop.gateways["wechat_pay"] = healthy
    await paid_once(shop, order, await shop.world.case(step.no))
    assert {row["requests"] for row in await shop.books(order)} == {1}


@pytest.mark.rule("P2")
@pytest.mark.parametrize("how", ["terminated", "reset"])
@pytest.mark.parametrize("kind", [Kind.REFUND_ONLY, Kind.RETURN_REFUND])
async def test_a_workflow_that_begins_anew_asks_under_the_old_number(
    shop: Shop, how: str, kind: Kind
) -> None:
    """Operations end or rewind a workflow while the vendor still works on the refund.

    Guard: no number lives in a workflow's history; the new run reads the stored leg. Were one minted in
    the workflow, the new run would pay a second time.
    """
    order = await shop.order()
    step = await shop.about_to_pay(order, kind, ("1", 1))
    payment = order.tenders[0].transaction_id
    await shop.wechat.fault("processing", match={"transaction_id": payment})
    decided = await shop.give(step)
    (leg,) = decided.legs
    await _in_the_books(shop, order)
    if how == "terminated":
        await shop.world.handle(step.no).terminate("an operator's mistake")
        await _runs_again(shop, step.no)
    else:
        await _rewind(shop, step.no)
    await shop.wechat.settle(leg.refund_no)
    await shop.world.finished(step.no)
    await paid_once(shop, order, await shop.world.case(step.no))


async def test_finance_retries_under_the_old_number(shop: Shop) -> None:
    """The merchant's account was empty, finance retries: the same number, in its second round, paid once.

    Guard: `refunds.reopen` keeps the number. The vendor's rule for NOT_ENOUGH asks for exactly that.
    """

    async def refunded(kind: Kind) -> None:
        order = await shop.order(paid=BY_THREE)
        step = await shop.about_to_pay(order, kind, ("1", 1))
        await shop.wechat.fault("not_enough", match={"transaction_id": order.tenders[1].transaction_id})
        numbers = [leg.refund_no for leg in (await shop.give(step)).legs]
        await shop.reaches_state(step.no, State.REFUND_FAILED)
        await shop.world.command(step.no, RetryRefund(), FINANCE)
        await shop.world.finished(step.no)
        done = await shop.world.case(step.no)
        assert [leg.refund_no for leg in done.legs] == numbers
        assert [leg.round for leg in done.legs] == [1, 2, 1]
        await paid_once(shop, order, done)

    await asyncio.gather(*map(refunded, KINDS))


async def _in_the_books(shop: Shop, order: Order) -> None:
    async with asyncio.timeout(10):
        while not await shop.books(order):  # noqa: ASYNC110 - another process writes them
            await asyncio.sleep(0.02)


async def _runs_again(shop: Shop, no: str) -> None:
    """The sweeper finds the missing workflow and starts it."""
    async with asyncio.timeout(20):
        while (await shop.world.handle(no).describe()).close_time is not None:
            await shop.world.sweep(shop.world.clock.now())


async def _rewind(shop: Shop, no: str) -> None:
    client, workflow_id = shop.world.client, after_sales_workflow_id(no)
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            reason="a deployment that was taken back",
            workflow_task_finish_event_id=4,
            request_id=f"rewind-{no}",
        )
    )
