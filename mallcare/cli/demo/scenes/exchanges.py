"""Scenes of exchanges: to its end at a new address, and refunded because nothing is left to send."""

from __future__ import annotations

from rich.markup import escape

from mallcare.cli.demo.callers import CARRIER
from mallcare.cli.demo.promises import expect
from mallcare.cli.demo.sample_orders import waybill
from mallcare.cli.demo.stage import Stage
from mallcare.cli.formats import Json, state, yuan

ONE_UNIT = [{"line_id": "1", "quantity": 1}]


async def new_address(stage: Stage) -> Json:
    """A mouse is exchanged, to another address than the order's; no money moves (A4)."""
    order, callers = stage.orders["new_address"], stage.callers
    customer, supplier = callers.customer(order), callers.supplier(order)
    stage.voice.order(order, "The mouse does not click. The customer wants another one, at a new address.")
    case = await callers.submit(order, kind="exchange", lines=ONE_UNIT, reason_code="quality")
    moved = order["ship_to"] | {"city": "珠海市", "district": "香洲区", "address": "新居路 9 号"}
    await callers.must(customer, case, "change-address", ship_to=moved)
    await _to_reshipment(stage, order, case)
    known = (await callers.addresses(supplier, case))["ship_to"]
    expect(known == moved, "the supplier is told the new address, now that it has to send")
    sent = await callers.must(supplier, case, "reship", carrier=CARRIER, waybill=waybill(order, "JD"))
    stage.voice.say(f"replacement {waybill(order, 'JD')} on its way to {escape(moved['city'])}")
    await callers.deliver(order, waybill(order, "JD"))
    signed = await callers.case(case)
    expect(signed["parcels"][-1]["signed_at"] is not None, "the mall's report tells that it was signed for")
    expect(signed["deadline_at"] < sent["deadline_at"], "so the clock of the confirmation runs from there")
    done = await callers.must(customer, case, "confirm")
    expect(done["state"] == "COMPLETED" and not done["refunds"], "it ends without a refund")
    expect(await stage.vendors.refunded_fen(order) == 0, "and no vendor paid anything")
    record = str(await callers.record(case))
    expect(moved["address"] not in record, "the record tells that the address changed, not the address")
    again = await callers.quote(order, kind="exchange", lines=ONE_UNIT, reason_code="quality")
    expect(again["lines"][0]["quantity"] == 1, "the new mouse may be asked for again")
    stage.voice.say(f"{state(done['state'])} without a refund; the new mouse may be asked for again")
    await stage.show(done)
    return done


async def out_of_stock(stage: Stage) -> Json:
    """No replacement is left: the customer chooses the money, over every tender it was paid with."""
    order, callers = stage.orders["out_of_stock"], stage.callers
    customer, supplier = callers.customer(order), callers.supplier(order)
    asked: Json = {"kind": "exchange", "lines": ONE_UNIT, "reason_code": "damaged"}
    worth = (await callers.quote(order, **asked))["quote"]
    stage.voice.order(order, "One of two knives came chipped, and there is no other one left.")
    case = await callers.submit(order, **asked)
    await _to_reshipment(stage, order, case)
    waiting = await callers.must(supplier, case, "out-of-stock")
    expect(waiting["deadline_effect"] == "refund", "who does not choose within 7 days gets the money")
    await callers.must(customer, case, "choose", choice="refund")
    done = await callers.completed(case, "the refund instead of the replacement completes")
    expect(done["quote"]["tenders"] == worth["tenders"], "what the knife is worth, tender by tender")
    paid = await stage.vendors.refunded_fen(order)
    expect(paid == worth["goods_fen"], "and the vendors paid that and no more")
    expect(await callers.left_to_ask_for(order) == [1], "the other knife may still be asked for")
    stage.voice.say(f"out of stock, so {yuan(paid)} came back over {len(done['refunds'])} tenders")
    await stage.show(done)
    return done


async def _to_reshipment(stage: Stage, order: Json, case: Json) -> None:
    """Approved, sent back, received and accepted: the replacement is due."""
    callers, supplier = stage.callers, stage.callers.supplier(order)
    await callers.must(supplier, case, "approve")
    number = waybill(order, "SF")
    await callers.must(callers.customer(order), case, "submit-waybill", carrier=CARRIER, waybill=number)
    await callers.must(supplier, case, "receive", lines=[{"line_id": "1", "damaged": 1}])
    accepted = await callers.must(
        supplier, case, "accept", lines=ONE_UNIT, reason="the fault that was reported"
    )
    expect(accepted["state"] == "AWAITING_RESHIPMENT", "the replacement is due")
