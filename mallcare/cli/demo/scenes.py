"""Six scenes, each through the public HTTP API alone, and each checking what it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from rich.markup import escape

from mallcare.cli.demo.stage import CONFLICT, Stage, expect
from mallcare.cli.formats import Json, clock, state, yuan

ENDED = ("COMPLETED", "REFUND_FAILED")


async def cooling_off(stage: Stage) -> Json:
    """A whole order is refunded by the system within 30 minutes of being placed (A1)."""
    order, callers = stage.orders["cooling_off"], stage.callers
    paid = sum(tender["amount_fen"] for tender in order["payment"]["tenders"])
    stage.voice.say(f"{_payment(order)}, placed five minutes ago. The customer wants all of it back.")
    case = await callers.submit(order, whole_order=True, reason_code="changed_mind")
    expect(case["cooling_off"], "the request is taken as one within the cooling-off")
    done = await callers.until(case, "complete", lambda seen: seen["state"] in ENDED)
    expect(done["state"] == "COMPLETED", "the cooling-off refund completes")
    expect(done["quote"]["total_fen"] == paid, "everything that was paid comes back, freight included")
    expect(len(done["refunds"]) == len(order["payment"]["tenders"]), "over every tender it was paid with")
    await stage.show(done)
    return done


async def part_of_a_line(stage: Stage) -> Json:
    """Two of three towels come back, to the fen, after the supplier approves (A4)."""
    order, callers = stage.orders["part_of_a_line"], stage.callers
    some = [{"line_id": "1", "quantity": 2}]
    quoted = await callers.quote(order, lines=some, reason_code="quality")
    units = ", ".join(yuan(unit["amount_fen"]) for unit in quoted["lines"][0]["units"])
    stage.voice.say(
        f"{_payment(order)}. Two of three units of line 1 have a flaw; quoted unit by unit: {units}."
    )
    case = await callers.submit(order, lines=some, reason_code="quality", description="毛巾脱线")
    expect(case["state"] == "PENDING_REVIEW", "the request waits for its supplier")
    await callers.must(callers.supplier(order), case, "approve")
    done = await callers.until(case, "complete", lambda seen: seen["state"] in ENDED)
    expect(done["state"] == "COMPLETED", "the approved refund completes")
    expect(
        done["quote"] == quoted["quote"] | {"freight_if_last_fen": 0}, "what was quoted is what is refunded"
    )
    left = (await callers.order(order))["lines"][0]["refundable_quantity"]
    expect(left == 1, "one unit of the line is left to ask for")
    await stage.show(done)
    return done


async def rejection(stage: Stage) -> Json:
    """The supplier rejects with a reason; the units are free again, nothing is paid."""
    order, callers = stage.orders["rejection"], stage.callers
    stage.voice.say(f"{_payment(order)}. The supplier sees no fault in the photographs.")
    case = await callers.submit(
        order,
        lines=[{"line_id": "1", "quantity": 1}],
        reason_code="damaged",
        evidence=["https://img.example.com/flask.jpg"],
    )
    held = (await callers.order(order))["lines"][0]["refundable_quantity"]
    expect(held == 0, "the request holds its unit")
    done = await callers.must(callers.supplier(order), case, "reject", reason="照片显示商品完好")
    expect(done["state"] == "REJECTED" and not done["refunds"], "it ends without a refund")
    free = (await callers.order(order))["lines"][0]["refundable_quantity"]
    expect(free == 1, "its unit is free again")
    await stage.show(done)
    return done


async def late_cancel(stage: Stage) -> Json:
    """A cancel after the supplier's approval gets a typed 409 (A2), and is kept on record."""
    order, callers = stage.orders["late_cancel"], stage.callers
    stage.voice.say(f"{_payment(order)}. The customer changes their mind a moment after the approval.")
    case = await callers.submit(order, lines=[{"line_id": "1", "quantity": 1}], reason_code="changed_mind")
    await callers.must(callers.supplier(order), case, "approve")
    refusal = await callers.command(callers.customer(order), case, "cancel")
    problem = refusal.json()
    expect(refusal.status_code == CONFLICT, f"the cancel comes too late, but got {refusal.status_code}")
    expect(problem["code"] == "illegal_transition", "the refusal carries its code")
    expect(problem["current_state"] in ("REFUNDING", "COMPLETED"), "and the state it lost to")
    stage.voice.say(f"[red]409 {problem['code']}[/]: {escape(problem['detail'])}")
    done = await callers.until(case, "complete", lambda seen: seen["state"] in ENDED)
    expect(done["state"] == "COMPLETED", "the refund goes on and completes")
    refused = [event for event in await callers.record(case) if event["refused_code"]]
    expect([event["name"] for event in refused] == ["cancel"], "the refused cancel is on record")
    await stage.show(done)
    return done


async def vendor_timeout(stage: Stage) -> Json:
    """WeChat Pay pays and never answers: the refund is asked for by its number, never paid twice."""
    order, callers = stage.orders["vendor_timeout"], stage.callers
    stage.voice.say(f"{_payment(order)}. WeChat Pay will pay the refund and then hang.")
    await stage.vendors.time_out_after_paying(order["payment"]["tenders"][0]["transaction_id"])
    case = await callers.submit(
        order, lines=[{"line_id": "1", "quantity": 2}], reason_code="not_as_described"
    )
    await callers.must(callers.supplier(order), case, "approve")
    unclear = await callers.until(
        case, "have an unclear refund", lambda seen: seen["refunds"][0]["status"] != "PENDING"
    )
    leg = unclear["refunds"][0]
    stage.voice.say(f"no answer in time: {leg['refund_no']} is [yellow]{leg['status']}[/]")
    done = await callers.until(case, "complete", lambda seen: seen["state"] in ENDED)
    expect(done["state"] == "COMPLETED", "asking the vendor resolves it")
    stage.voice.say(f"asked by its number: [green]{done['refunds'][0]['status']}[/]")
    told = [event["name"] for event in await callers.record(case)]
    expect("refund_unclear" in told, f"the record tells that the vendor may have paid: {told}")
    books = await stage.show(done)
    asked = [row.asked for row in books if row.refund_no == leg["refund_no"]]
    expect(asked == [1], f"the refund was sent once and only asked for afterwards, not sent {asked} times")
    return done


async def silent_review(stage: Stage) -> Json:
    """A review nobody answers escalates after its 48 hours, fast-forwarded on the live case."""
    order, callers = stage.orders["silent_review"], stage.callers
    case = await callers.submit(order, lines=[{"line_id": "1", "quantity": 1}], reason_code="quality")
    expect(case["deadline_effect"] == "escalate", "the review has a clock that escalates")
    stage.voice.say(
        f"{_payment(order)}. The supplier stays silent; due {clock(case['deadline_at'])} (Beijing), "
        f"then {case['deadline_effect']}. [bold]48 hours pass for this case alone[/] ..."
    )
    await stage.clocks.forward(case, timedelta(hours=48))
    done = await callers.until(case, "escalate", lambda seen: seen["deadline_effect"] is None)
    expect(done["state"] == "PENDING_REVIEW", "it still waits for a decision, now of the platform")
    names = [event["name"] for event in await callers.record(case)]
    expect(names == ["submitted", "escalated"], f"it escalated once: {names}")
    overdue = await callers.get(
        callers.operations, "/v1/after-sales", order_no=order["order_no"], overdue="true"
    )
    listed = [item["after_sales_no"] for item in overdue["items"]]
    expect(listed == [case["after_sales_no"]], "operations find it among the overdue requests")
    stage.voice.say(f"operations find it in the list of overdue requests, {state(done['state'])}")
    await stage.show(done)
    return done


@dataclass(frozen=True, slots=True)
class Scene:
    """A title and what happens."""

    title: str
    play: Callable[[Stage], Awaitable[Json]]


SCENES = (
    Scene("Refund within the cooling-off 售后冷静期", cooling_off),
    Scene("Part of a line, approved by the supplier 部分退款", part_of_a_line),
    Scene("Rejected by the supplier 商家拒绝", rejection),
    Scene("A cancel that comes too late 撤销过晚", late_cancel),
    Scene("A vendor that times out after paying 退款结果未知", vendor_timeout),
    Scene("A review that passes its 48 hours 超时升级", silent_review),
)


def _payment(order: Json) -> str:
    tenders = order["payment"]["tenders"]
    parts = " + ".join(f"{yuan(tender['amount_fen'])} {tender['tender']}" for tender in tenders)
    return f"Order {order['order_no']}, paid {parts}"
