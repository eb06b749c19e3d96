"""A scene of time alone: an order that its supplier does not ship, and who hears of it (T2, T3, T4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TypeVar
from urllib.parse import parse_qsl

from rich.markup import escape

from mallcare.cli.demo.callers import PATIENCE_SECONDS, POLL_SECONDS, Callers
from mallcare.cli.demo.promises import DemoFailed, expect
from mallcare.cli.demo.sample_orders import LATE_SUPPLIER
from mallcare.cli.demo.stage import Ending, Stage
from mallcare.cli.formats import Json, clock
from mallcare.contracts.names import DAILY_SMS_WORKFLOW_ID, timekeeper_workflow_id
from mallcare.ports import shard_of

STAFF, PRINCIPAL, PHONE = "lanting-desk", "lanting-principal", "13900000099"
RUNGS = ((12, STAFF), (2, STAFF), (0, PRINCIPAL))
"""Hours before the deadline, and who is told."""
A_MINUTE = timedelta(minutes=1)
A_DAY = timedelta(hours=24)


async def introduce(callers: Callers) -> None:
    """Before the supplier's orders come: whom to reach there, by WeCom, at any hour of the day."""
    await callers.tell(
        callers.operations,
        "POST",
        "/v1/operations/timeliness-policies",
        {"supplier_id": LATE_SUPPLIER, "quiet_from_seconds": 0, "quiet_until_seconds": 0},
    )
    base = f"/v1/suppliers/{LATE_SUPPLIER}"
    staff: Json = {"role": "staff", "name": "顾青", "wecom_user_id": STAFF}
    principal: Json = {"role": "principal", "name": "沈砚", "wecom_user_id": PRINCIPAL, "phone": PHONE}
    await callers.tell(callers.operations, "PUT", f"{base}/contacts/{STAFF}", staff)
    await callers.tell(callers.operations, "PUT", f"{base}/contacts/{PRINCIPAL}", principal)
    await callers.tell(callers.operations, "PUT", f"{base}/channels", {"preferred": "wecom"})


async def nobody_ships(stage: Stage) -> Ending:
    """Hours pass for the timekeeper alone: people hear of each rung once, operations see it all."""
    order = stage.orders["ageing"]
    found = await _clock_of(stage, order)
    due_at = datetime.fromisoformat(found["due_at"])
    stage.voice.order(order, f"Released, to be shipped by {clock(found['due_at'])} (Beijing). Nobody does.")
    ahead = timedelta(0)
    for hours, who in RUNGS:
        wanted = due_at - timedelta(hours=hours) + A_MINUTE - datetime.now(UTC)
        text = await _reminded(stage, who, wanted - ahead)
        ahead = wanted
        when = f"{hours} h before the deadline" if hours else "at the deadline"
        stage.voice.say(f"{when}, WeCom shows {who}: [cyan]{escape(text)}[/]")
    breached = await _until(lambda: _clock_of(stage, order), _breach_recorded, "the breach is recorded, once")
    expect(breached["outcome"] is None, "the clock runs on: whoever ships now is late all the same")
    await _show_board(stage)
    await _show_sms(stage)
    return Ending(order["order_no"], "unshipped, breach recorded")


async def _reminded(stage: Stage, who: str, by: timedelta) -> str:
    """Let time pass for the timekeeper, and wait for what WeCom shows."""
    already = len(await stage.vendors.shown_in_wecom(who))
    await stage.clocks.forward_process(timekeeper_workflow_id(shard_of(LATE_SUPPLIER)), by)
    shown = await _until(
        lambda: stage.vendors.shown_in_wecom(who),
        lambda seen: len(seen) > already,
        f"WeCom shows {who} a reminder",
    )
    content = shown[-1]["content"]
    return str(content.get("content") or content["description"])


def _breach_recorded(seen: Json) -> bool:
    return seen["breach_recorded_at"] is not None


async def _show_board(stage: Stage) -> None:
    """By the wall clock only the order of four days ago is late; the other one's breach is in the feed."""
    callers = stage.callers
    board = await callers.get(callers.operations, "/v1/boards/timeliness", supplier_id=LATE_SUPPLIER)
    unshipped = next(tile for tile in board["figures"] if tile["figure"] == "unshipped")
    expect(unshipped["overdue"]["value"] >= 1, "the order of four days ago is overdue on the board")
    path, _, query = unshipped["overdue"]["rows"].partition("?")
    rows = await callers.get(callers.operations, path, **dict(parse_qsl(query)))
    expect(len(rows["items"]) == unshipped["overdue"]["value"], "each number opens exactly its rows")
    stage.voice.say("The live board of this supplier, in part (`GET /v1/boards/timeliness`):")
    part = {"data_as_of": board["data_as_of"], "figures": [unshipped]}
    stage.voice.console.print_json(json.dumps(part, ensure_ascii=False), indent=1)


async def _show_sms(stage: Stage) -> None:
    """The process of the daily SMS waits for its hour; the hour comes."""
    already = len(await stage.vendors.sms_to(PHONE))
    await stage.clocks.forward_process(DAILY_SMS_WORKFLOW_ID, A_DAY)
    told = await _until(
        lambda: stage.vendors.sms_to(PHONE), lambda seen: len(seen) > already, "the principal gets an SMS"
    )
    stage.voice.say(f"at nine, SMS to the principal: [cyan]{escape(str(told[-1]['content']))}[/]")


async def _clock_of(stage: Stage, order: Json) -> Json:
    """The clock of the order's only line."""

    async def found() -> list[Json]:
        number = order["order_no"]
        answer = await stage.callers.get(stage.callers.operations, "/v1/clocks", subject=number)
        return [one for one in answer["items"] if one["metric"] == "shipment"]

    return (await _until(found, bool, "the order is released and its clock runs"))[0]


Seen = TypeVar("Seen")


async def _until(read: Callable[[], Awaitable[Seen]], holds: Callable[[Seen], bool], promise: str) -> Seen:
    """What is read, once it holds.

    Raises:
        DemoFailed: it does not within 20 s.
    """
    deadline = monotonic() + PATIENCE_SECONDS
    while not holds(seen := await read()):
        if monotonic() > deadline:
            raise DemoFailed(f"not seen in {PATIENCE_SECONDS:.0f} s: {promise}")
        await asyncio.sleep(POLL_SECONDS)
    return seen
