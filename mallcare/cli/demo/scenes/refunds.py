"""Scenes of money: the cooling-off, part of a line, a vendor that does not answer."""

from __future__ import annotations

from mallcare.cli.demo.promises import expect
from mallcare.cli.demo.stage import Stage
from mallcare.cli.formats import Json, yuan


async def cooling_off(stage: Stage) -> Json:
    """A whole order is refunded by the system within 30 minutes of being placed (A1)."""
    order, callers = stage.orders["cooling_off"], stage.callers
    paid = sum(tender["amount_fen"] for tender in order["payment"]["tenders"])
    stage.voice.order(order, "Placed five minutes ago. The customer wants all of it back.")
    case = await callers.submit(order, whole_order=True, reason_code="changed_mind")
    expect(case["cooling_off"], "the request is taken as one within the cooling-off")
    done = await callers.completed(case, "the cooling-off refund completes")
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
    stage.voice.order(order, f"Two of three units of line 1 have a flaw; quoted unit by unit: {units}.")
    case = await callers.submit(order, lines=some, reason_code="quality", description="毛巾脱线")
    expect(case["state"] == "PENDING_REVIEW", "the request waits for its supplier")
    await callers.must(callers.supplier(order), case, "approve")
    done = await callers.completed(case, "the approved refund completes")
    expect(
        done["quote"] == quoted["quote"] | {"freight_if_last_fen": 0}, "what was quoted is what is refunded"
    )
    left = await callers.left_to_ask_for(order)
    expect(left[0] == 1, "one unit of the line is left to ask for")
    await stage.show(done)
    return done


async def vendor_timeout(stage: Stage) -> Json:
    """WeChat Pay pays and never answers: the refund is asked for by its number, never paid twice."""
    order, callers = stage.orders["vendor_timeout"], stage.callers
    stage.voice.order(order, "WeChat Pay will pay the refund and then hang.")
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
    done = await callers.completed(case, "asking the vendor resolves it")
    stage.voice.say(f"asked by its number: [green]{done['refunds'][0]['status']}[/]")
    told = [event["name"] for event in await callers.record(case)]
    expect("refund_unclear" in told, f"the record tells that the vendor may have paid: {told}")
    books = await stage.show(done)
    asked = [row.asked for row in books if row.refund_no == leg["refund_no"]]
    expect(asked == [1], f"the refund was sent once and only asked for afterwards, not sent {asked} times")
    return done
