"""Failure 3: double click, two agents, and the vendor's webhook before the answer to our call.

The guards: the row locks of order and case, taken before anything is read (`CommandCase`); command ids and
idempotency keys answered under those locks; the transition table; and a success that is recorded once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx
import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.vocabulary import Kind, State
from mallcare.ports import PaymentGateway, RefundReport, RefundRequest
from tests.api.calls import Calls, Json, answered, ask_body, order_body, problem_of
from tests.failures.shop import ADDRESS, KINDS, Payment, Shop, line

pytestmark = pytest.mark.rule("P2")

CLICKS = 8
NOTHING: Json = {}


async def new_order(shop: Shop, **changes: object) -> str:
    """The example order under a number of its own, over HTTP."""
    number = f"O-{uuid4().hex[:16]}"
    answered(await shop.http.mall("PUT", f"/v1/orders/{number}", order_body(number, **changes)))
    return number


async def event_names(shop: Shop, no: str) -> list[str]:
    """What the record of a request tells, in order."""
    record = answered(await shop.http.mall.get(f"/v1/after-sales/{no}/events"))
    return [item["name"] for item in record["items"]]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_double_click_on_submit_opens_one_request(shop: Shop, kind: Kind) -> None:
    """The same key at the same time: every click is answered the same request, one is there.

    Guard: the key's lock in `idempotency.answered_before`.
    """
    order_no, key = await new_order(shop), uuid4().hex
    body = ask_body(order_no, kind=kind.value)
    answers = await asyncio.gather(*(shop.http.customer.ask(body, key) for _ in range(CLICKS)))
    assert len({answered(answer, 201)["after_sales_no"] for answer in answers}) == 1
    page = answered(await shop.http.mall.get(f"/v1/after-sales?order_no={order_no}"))
    assert len(page["items"]) == 1
    other = await shop.http.customer.ask(ask_body(order_no, 2, kind=kind.value), key)
    assert problem_of(other, 409, "idempotency_mismatch")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_double_click_on_a_command_decides_once(shop: Shop, kind: Kind) -> None:
    """The same command id at the same time, on the command that pays: one decision, the same answer to all.

    Guard: `cases.find_command` under the case's lock; without it the second click would be refused, or pay.
    """
    order = await shop.order()
    step = await shop.about_to_pay(order, kind, ("1", 1))
    calls, name, body = http_of(shop, kind, step.no)
    path, body = f"/v1/after-sales/{step.no}/{name}", {**body, "command_id": f"cmd-{uuid4().hex}"}
    answers = await asyncio.gather(*(calls("POST", path, body) for _ in range(CLICKS)))
    bodies = [answered(answer) for answer in answers]
    assert len({refund["refund_no"] for shown in bodies for refund in shown["refunds"]}) == 1
    await shop.world.finished(step.no)
    told = await event_names(shop, step.no)
    assert [told.count(one) for one in ("refund_succeeded", "completed")] == [1, 1]
    assert not [one for one in told if one.startswith("refused")]
    assert await shop.paid_out_fen(order) == order.paid_fen


def http_of(shop: Shop, kind: Kind, no: str) -> tuple[Calls, str, Json]:
    """The paying command of a kind as the public API takes it."""
    match kind:
        case Kind.REFUND_ONLY:
            return shop.http.supplier, "approve", {}
        case Kind.RETURN_REFUND:
            return shop.http.supplier, "accept", {"lines": [{"line_id": "1", "quantity": 1}]}
        case Kind.EXCHANGE:
            return shop.http.customer, "choose", {"choice": "refund"}


AGENTS = [
    pytest.param(
        Kind.REFUND_ONLY, ("approve", NOTHING), ("reject", {"reason": "used"}), id="refund_only-review"
    ),
    pytest.param(
        Kind.RETURN_REFUND, ("approve", NOTHING), ("reject", {"reason": "used"}), id="return-review"
    ),
    pytest.param(Kind.EXCHANGE, ("approve", NOTHING), ("reject", {"reason": "used"}), id="exchange-review"),
    pytest.param(
        Kind.RETURN_REFUND,
        ("accept", {"lines": [{"line_id": "1", "quantity": 1}]}),
        ("refuse", {"reason": "not ours"}),
        id="return-inspection",
    ),
    pytest.param(
        Kind.EXCHANGE,
        ("accept", {"lines": [{"line_id": "1", "quantity": 1}]}),
        ("refuse", {"reason": "not ours"}),
        id="exchange-inspection",
    ),
    pytest.param(
        Kind.EXCHANGE,
        ("reship", {"carrier": "shunfeng", "waybill": "SF0000000001"}),
        ("out-of-stock", NOTHING),
        id="exchange-reshipment",
    ),
]
WON = {
    "approve": {"REFUNDING", "COMPLETED", "AWAITING_RETURN"},
    "reject": {"REJECTED"},
    "accept": {"REFUNDING", "COMPLETED", "AWAITING_RESHIPMENT"},
    "refuse": {"RETURNING_TO_CUSTOMER"},
    "reship": {"RESHIPPED"},
    "out-of-stock": {"OUT_OF_STOCK"},
}


@pytest.mark.parametrize(("kind", "one", "other"), AGENTS)
async def test_of_two_agents_one_decides_and_the_other_is_told_the_state(
    shop: Shop, kind: Kind, one: tuple[str, Json], other: tuple[str, Json]
) -> None:
    """Opposite decisions at the same time: one is taken, the other is a 409 that names the winner's state.

    Guard: `Cases.lock` before the table is asked; without it both would read the state before.
    """
    nos = [await _before(shop, kind, one[0]) for _ in range(3)]

    async def race(no: str, turn: int) -> None:
        first, second = (one, other) if turn % 2 else (other, one)
        clicks = (first, second, first)
        answers = await asyncio.gather(
            *(shop.http.supplier.command(no, name, **_own(body, no)) for name, body in clicks)
        )
        winners = [name for (name, _), answer in zip(clicks, answers, strict=True) if answer.is_success]
        assert len(winners) == 1, [answer.text for answer in answers]
        for answer in answers:
            if not answer.is_success:
                assert problem_of(answer, 409, "illegal_transition")["current_state"] in WON[winners[0]]
        assert (await shop.world.case(no)).state.value in WON[winners[0]]

    await asyncio.gather(*(race(no, turn) for turn, no in enumerate(nos)))


def _own(body: Json, no: str) -> Json:
    """Every parcel has a waybill of its own."""
    return {**body, "waybill": f"SF{no[-12:]}"} if "waybill" in body else body


async def _before(shop: Shop, kind: Kind, name: str) -> str:
    """A request at the step where two agents disagree."""
    no = await shop.ask(await shop.order(), kind, ("1", 1))
    if name != "approve":
        await shop.received(no)
    if name == "reship":
        await shop.accepted(no)
    return no


async def test_the_customer_cancels_while_the_supplier_approves(shop: Shop) -> None:
    """One of both happens: never a cancelled request that is paid, nor an approved one without a word."""
    order = await shop.order(line(quantity=len(KINDS)))
    nos = [await shop.ask(order, kind, ("1", 1)) for kind in KINDS]

    async def race(no: str) -> AfterSalesCase:
        answers = await asyncio.gather(
            shop.http.customer.command(no, "cancel"),
            shop.http.supplier.command(no, "approve", return_address=ADDRESS),
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 200], [200, 409])
        return await shop.world.case(no)

    for case in await asyncio.gather(*map(race, nos)):
        told = await event_names(shop, case.after_sales_no)
        if case.state is State.CANCELLED:
            # A return may be approved and then cancelled, as long as nothing was sent back.
            assert (case.legs, case.holdings) == ((), ())
            assert case.kind is not Kind.REFUND_ONLY or "approved" not in told
        else:
            assert case.state in (State.REFUNDING, State.COMPLETED, State.AWAITING_RETURN)
            assert "cancelled" not in told


class SlowAnswers:
    """A vendor whose answers to submits travel for as long as a test holds them."""

    def __init__(self, gateway: PaymentGateway) -> None:
        self._gateway = gateway
        self.answered = asyncio.Event()
        self.may_arrive = asyncio.Event()

    async def submit(self, request: RefundRequest) -> RefundReport:
        report = await self._gateway.submit(request)
        self.answered.set()
        await self.may_arrive.wait()
        return report

    async def query(self, request: RefundRequest) -> RefundReport:
        return await self._gateway.query(request)


@asynccontextmanager
async def slow_answers(shop: Shop) -> AsyncGenerator[SlowAnswers]:
    """WeChat Pay's answers are slow for the length of the block."""
    healthy = shop.gateways["wechat_pay"]
    slow = SlowAnswers(healthy)
    shop.gateways["wechat_pay"] = slow
    try:
        yield slow
    finally:
        slow.may_arrive.set()
        shop.gateways["wechat_pay"] = healthy


@pytest.mark.rule("P3")
@pytest.mark.parametrize("kind", KINDS)
async def test_the_webhook_comes_before_the_answer(shop: Shop, kind: Kind) -> None:
    """The vendor's signed callback completes the request while its answer travels; the answer adds nothing.

    Guard: whoever comes first settles the leg, and a success is for ever (`refunds.settle`).
    """
    order = await shop.order(paid=Payment(points_fen=100))
    step = await shop.about_to_pay(order, kind, ("1", 1))
    async with slow_answers(shop) as slow:
        await shop.give(step)
        done = await shop.reaches_state(step.no, State.COMPLETED)
        assert slow.answered.is_set()
        assert not slow.may_arrive.is_set()
    await shop.world.finished(step.no)
    assert await shop.world.case(step.no) == done
    told = await event_names(shop, step.no)
    assert [told.count(one) for one in ("refund_succeeded", "refund_unclear", "completed")] == [2, 0, 1]
    assert await shop.paid_out_fen(order) == order.paid_fen


@pytest.mark.rule("P3")
async def test_many_webhooks_and_the_answer_settle_once(shop: Shop) -> None:
    """The same callback ten times at once, before, with and after the answer: one success, all acknowledged.

    Guard: the leg is settled under the case's lock.
    """
    order = await shop.order()
    step = await shop.about_to_pay(order, Kind.RETURN_REFUND, ("1", 1))
    shop.door.keeps = True
    async with slow_answers(shop) as slow:
        await shop.give(step)
        await shop.reaches_state(step.no, State.COMPLETED, State.REFUNDING)
        await slow.answered.wait()
        kept = await shop.door.one_kept()
        at_once: list[httpx.Response] = await asyncio.gather(*(shop.door.pass_on(*kept) for _ in range(10)))
    assert {answer.status_code for answer in at_once} == {204}
    await shop.world.finished(step.no)
    assert (await shop.door.pass_on(*kept)).status_code == 204
    assert (await event_names(shop, step.no)).count("refund_succeeded") == 1
