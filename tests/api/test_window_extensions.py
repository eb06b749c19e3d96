"""Operations reopen the customer's entry of an order (A5), over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.api.calls import answered, ask_body, event_body, problem_of
from tests.api.conftest import PLACED_AT, Api

pytestmark = pytest.mark.rule("A5")

EXTENSIONS = "/v1/orders/O-1/after-sales-window-extensions"
REASON = {"reason": "the parcel lay at the depot"}


async def past_its_window(api: Api) -> None:
    """An order delivered a month ago."""
    answered(await api.mall.put_order())
    delivered = event_body(type="delivered", occurred_at=(PLACED_AT + timedelta(days=1)).isoformat())
    answered(await api.mall("POST", "/v1/orders/O-1/events", delivered))
    api.clock.at = PLACED_AT + timedelta(days=30)


async def extend(api: Api, key: str) -> object:
    """One opening by operations."""
    answer = await api.operations("POST", EXTENSIONS, REASON, headers={"Idempotency-Key": key})
    return answered(answer, 201)["after_sales_until"]


async def test_an_order_past_its_window_can_be_asked_about_again(api: Api) -> None:
    """Closed, reopened for a week, closed again by itself; the order tells who and until when."""
    await past_its_window(api)
    problem_of(await api.customer.ask(ask_body()), 409, "window_closed")
    assert await extend(api, "x-1") == "2026-04-07T08:00:00Z"
    answered(await api.customer.ask(ask_body(), key="a-1"), 201)
    shown = answered(await api.operations.get("/v1/orders/O-1"))
    assert shown["after_sales_until"] == "2026-04-07T08:00:00Z"
    [kept] = shown["after_sales_window_extensions"]
    assert (kept["reason"], kept["extended_at"]) == (REASON["reason"], "2026-03-31T08:00:00Z")
    masked = answered(await api.customer.get("/v1/orders/O-1"))
    assert masked["after_sales_window_extensions"][0]["reason"] is None
    api.clock.at += timedelta(days=7)
    problem_of(await api.customer.ask(ask_body(), key="a-2"), 409, "window_closed")


async def test_openings_stack_and_a_repeated_one_counts_once(api: Api) -> None:
    """Two keys give two weeks; one key sent five times at once gives one."""
    await past_its_window(api)
    ends = await asyncio.gather(*(extend(api, "x-1") for _ in range(5)))
    assert set(ends) == {"2026-04-07T08:00:00Z"}
    assert await extend(api, "x-2") == "2026-04-14T08:00:00Z"
    other = await api.operations("POST", EXTENSIONS, {"reason": "b"}, headers={"Idempotency-Key": "x-1"})
    problem_of(other, 409, "idempotency_mismatch")


async def test_a_newer_order_version_keeps_the_extension(api: Api) -> None:
    """What operations opened is not closed by a snapshot that comes later."""
    await past_its_window(api)
    await extend(api, "x-1")
    again = answered(await api.mall.put_order(version=2))
    assert again["after_sales_until"] == "2026-04-07T08:00:00Z"


async def test_an_open_window_is_not_extended(api: Api) -> None:
    """Nothing to reopen: 409 `window_open`."""
    answered(await api.mall.put_order())
    answer = await api.operations("POST", EXTENSIONS, REASON, headers={"Idempotency-Key": "x-1"})
    problem_of(answer, 409, "window_open")


async def test_the_mall_is_told(api: Api) -> None:
    """A webhook waits for the mall, with the new end and the reason."""
    await past_its_window(api)
    await extend(api, "x-1")
    listed = answered(await api.mall.get("/v1/webhooks/messages?subject=O-1"))
    assert [item["type"] for item in listed["items"]] == ["order.after_sales_window_extended"]
