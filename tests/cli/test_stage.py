"""The tour believes vendors' ledgers, not the platform it shows."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from rich.console import Console

from mallcare.cli.demo.callers import Callers
from mallcare.cli.demo.clocks import CaseClocks
from mallcare.cli.demo.promises import DemoFailed
from mallcare.cli.demo.stage import Stage, Voice
from mallcare.cli.demo.vendors import Vendors
from tests.gateways.serving import Served


def vendor(ledger: list[dict[str, Any]]) -> FastAPI:
    """A vendor with nothing but a ledger."""
    app = FastAPI()
    app.add_api_route("/admin/ledger", lambda: ledger, methods=["GET"])
    return app


class Recorded:
    """Callers that only ever ask for a record."""

    async def record(self, _case: dict[str, Any]) -> list[dict[str, Any]]:
        return []


async def shown(status: str, told_fen: int, paid_fen: int, times: int) -> None:
    """Show a case with one cash refund, against WeChat Pay's ledger of it."""
    row = {"out_refund_no": "RF1", "amount_fen": paid_fen, "requests": 1, "paid_count": times}
    refund = {"refund_no": "RF1", "tender": "cash", "amount_fen": told_fen, "status": status}
    case = {
        "after_sales_no": "AS1",
        "kind": "refund_only",
        "lines": [],
        "quote": {"total_fen": told_fen},
        "refunds": [refund],
    }
    with Served(vendor([row])) as wechat_pay, Served(vendor([])) as mall:
        async with httpx.AsyncClient() as http:
            stage = Stage(
                callers=cast("Callers", Recorded()),
                vendors=Vendors(http, wechat_pay.url, mall.url),
                clocks=cast("CaseClocks", None),
                voice=Voice(Console(quiet=True), "http://api", "http://ui", "mallcare"),
                orders={},
                return_addresses={},
            )
            await stage.show(case)


async def test_paid_once_is_what_is_expected() -> None:
    """The very amount, one time."""
    await shown("SUCCEEDED", 500, 500, 1)


@pytest.mark.parametrize(
    ("status", "paid_fen", "times"),
    [("SUCCEEDED", 500, 2), ("SUCCEEDED", 500, 0), ("SUCCEEDED", 499, 1), ("UNKNOWN", 500, 1)],
)
async def test_anything_else_fails_the_tour(status: str, paid_fen: int, times: int) -> None:
    """Twice, never, another sum, or paid without the platform knowing."""
    with pytest.raises(DemoFailed, match="exactly once"):
        await shown(status, 500, paid_fen, times)


async def test_all_that_was_paid_of_an_order_is_counted() -> None:
    """By payment and by order, each time it was paid, whatever request it belongs to; nothing of others."""
    order = {"order_no": "MO-1", "payment": {"tenders": [{"transaction_id": "T1"}, {"tender": "points"}]}}
    cash = [
        {"transaction_id": "T1", "amount_fen": 500, "paid_count": 2},
        {"transaction_id": "T1", "amount_fen": 70, "paid_count": 0},
        {"transaction_id": "T2", "amount_fen": 9, "paid_count": 1},
    ]
    other = [
        {"order_no": "MO-1", "amount_fen": 30, "paid_count": 1},
        {"order_no": "MO-2", "amount_fen": 8, "paid_count": 1},
    ]
    with Served(vendor(cash)) as wechat_pay, Served(vendor(other)) as mall:
        async with httpx.AsyncClient() as http:
            assert await Vendors(http, wechat_pay.url, mall.url).refunded_fen(order) == 1_030
