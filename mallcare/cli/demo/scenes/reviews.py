"""Scenes of the supplier's review: rejected, cancelled too late, never answered."""

from __future__ import annotations

from datetime import timedelta

from rich.markup import escape

from mallcare.cli.demo.promises import expect
from mallcare.cli.demo.stage import Stage
from mallcare.cli.formats import Json, clock, state

CONFLICT = 409


async def rejection(stage: Stage) -> Json:
    """The supplier rejects with a reason; the units are free again, nothing is paid."""
    order, callers = stage.orders["rejection"], stage.callers
    stage.voice.order(order, "The supplier sees no fault in the photographs.")
    case = await callers.submit(
        order,
        lines=[{"line_id": "1", "quantity": 1}],
        reason_code="damaged",
        evidence=["https://img.example.com/flask.jpg"],
    )
    left = await callers.left_to_ask_for(order)
    expect(left[0] == 0, "the request holds its unit")
    done = await callers.must(callers.supplier(order), case, "reject", reason="照片显示商品完好")
    expect(done["state"] == "REJECTED" and not done["refunds"], "it ends without a refund")
    left = await callers.left_to_ask_for(order)
    expect(left[0] == 1, "its unit is free again")
    await stage.show(done)
    return done


async def late_cancel(stage: Stage) -> Json:
    """A cancel after the supplier's approval gets a typed 409 (A2), and is kept on record."""
    order, callers = stage.orders["late_cancel"], stage.callers
    stage.voice.order(order, "The customer changes their mind a moment after the approval.")
    case = await callers.submit(order, lines=[{"line_id": "1", "quantity": 1}], reason_code="changed_mind")
    await callers.must(callers.supplier(order), case, "approve")
    refusal = await callers.command(callers.customer(order), case, "cancel")
    problem = refusal.json()
    expect(refusal.status_code == CONFLICT, f"the cancel comes too late, but got {refusal.status_code}")
    expect(problem["code"] == "illegal_transition", "the refusal carries its code")
    expect(problem["current_state"] in ("REFUNDING", "COMPLETED"), "and the state it lost to")
    stage.voice.say(f"[red]409 {problem['code']}[/]: {escape(problem['detail'])}")
    done = await callers.completed(case, "the refund goes on and completes")
    refused = [event for event in await callers.record(case) if event["refused_code"]]
    expect([event["name"] for event in refused] == ["cancel"], "the refused cancel is on record")
    await stage.show(done)
    return done


async def silent_review(stage: Stage) -> Json:
    """A review nobody answers escalates after its 48 hours, fast-forwarded on the live case."""
    order, callers = stage.orders["silent_review"], stage.callers
    case = await callers.submit(order, lines=[{"line_id": "1", "quantity": 1}], reason_code="quality")
    expect(case["deadline_effect"] == "escalate", "the review has a clock that escalates")
    stage.voice.order(
        order,
        f"The supplier stays silent; due {clock(case['deadline_at'])} (Beijing), "
        f"then {case['deadline_effect']}. [bold]48 hours pass for this case alone[/] ...",
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
