"""Scenes of goods that come back, or do not: a unit is missing, nobody ships."""

from __future__ import annotations

from datetime import timedelta

from rich.markup import escape

from mallcare.cli.demo.callers import CARRIER
from mallcare.cli.demo.promises import expect
from mallcare.cli.demo.sample_orders import waybill
from mallcare.cli.demo.stage import Stage
from mallcare.cli.formats import Json, clock, state, yuan


async def one_unit_missing(stage: Stage) -> Json:
    """Three cups are asked back, two arrive and are refunded to the fen; the third is free again (A4)."""
    order, callers = stage.orders["one_unit_missing"], stage.callers
    supplier = callers.supplier(order)
    asked: Json = {
        "kind": "return_refund",
        "lines": [{"line_id": "1", "quantity": 3}],
        "reason_code": "not_as_described",
    }
    units = (await callers.quote(order, **asked))["lines"][0]["units"]
    worth = ", ".join(yuan(unit["amount_fen"]) for unit in units)
    stage.voice.order(order, f"All three cups shall go back; unit by unit they are worth {worth}.")
    case = await callers.submit(order, **asked, description="颜色与图片不符")
    case = await callers.must(supplier, case, "approve")
    expect(case["deadline_effect"] == "expire", "the customer has 7 days to send the goods back")
    await _send_back_as_told(stage, order, case)
    await callers.deliver(order, waybill(order, "SF"))
    case = await callers.case(case)
    expect(case["state"] == "INSPECTING", "what the mall hears of the carrier moves the request")
    await callers.must(supplier, case, "receive", lines=[{"line_id": "1", "good": 2, "missing": 1}])
    await callers.must(supplier, case, "accept", lines=[{"line_id": "1", "quantity": 2}])
    done = await callers.completed(case, "the accepted units are refunded")
    both = sum(unit["amount_fen"] for unit in units[:2])
    expect(done["quote"]["total_fen"] == both, "exactly what the two cups are worth")
    expect(await stage.vendors.refunded_fen(order) == both, "and the vendors paid that and no more")
    expect(await callers.left_to_ask_for(order) == [1], "the missing cup may be asked for again")
    stage.voice.say(f"two arrived, one did not: {yuan(both)} refunded, one cup is free to be asked for")
    await stage.show(done)
    return done


async def _send_back_as_told(stage: Stage, order: Json, case: Json) -> None:
    """The customer reads where the goods go and names the waybill; from then on nobody cancels (A2)."""
    callers, customer = stage.callers, stage.callers.customer(order)
    told = (await callers.addresses(customer, case))["return_address"]
    expect(told == stage.return_addresses[order["supplier_id"]], "the supplier's address, as it was approved")
    stage.voice.say(f"sent to {escape(told['city'] + told['address'])}, {waybill(order, 'SF')}")
    sent = await callers.must(customer, case, "submit-waybill", carrier=CARRIER, waybill=waybill(order, "SF"))
    expect(sent["state"] == "RETURN_IN_TRANSIT", "the goods are on their way")
    refusal = (await callers.command(customer, case, "cancel")).json()
    expect(refusal.get("current_state") == "RETURN_IN_TRANSIT", "goods that were sent back cancel nothing")


async def nobody_ships(stage: Stage) -> Json:
    """An approved return that nobody ships expires after its 7 days, fast-forwarded on the live case (A3)."""
    order, callers = stage.orders["nobody_ships"], stage.callers
    case = await callers.submit(
        order,
        kind="return_refund",
        lines=[{"line_id": "1", "quantity": 2}],
        reason_code="changed_mind",
    )
    case = await callers.must(callers.supplier(order), case, "approve")
    expect(await callers.left_to_ask_for(order) == [0], "the request holds both units")
    stage.voice.order(
        order,
        f"Approved, to be sent back by {clock(case['deadline_at'])} (Beijing), "
        f"else {case['deadline_effect']}. "
        "[bold]7 days pass for this case alone[/] ...",
    )
    await stage.clocks.forward(case, timedelta(days=7))
    done = await callers.until(case, "expire", lambda seen: seen["deadline_effect"] is None)
    expect(done["state"] == "EXPIRED" and not done["refunds"], "it ends without a refund")
    expect(await stage.vendors.refunded_fen(order) == 0, "and no vendor paid anything")
    names = [event["name"] for event in await callers.record(case)]
    expect(names == ["submitted", "approved", "expired"], f"it expired once: {names}")
    expect(await callers.left_to_ask_for(order) == [2], "both units may be asked for again")
    stage.voice.say(f"{state(done['state'])}, both units are free to be asked for")
    await stage.show(done)
    return done
