"""The tour believes vendors' ledgers, not the platform it shows."""

from __future__ import annotations

from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from rich.console import Console

from mallcare.cli.demo.stage import Callers, CaseClocks, DemoFailed, Stage, Vendors, Voice
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
    case = {"after_sales_no": "AS1", "quote": {"total_fen": told_fen}, "refunds": [refund]}
    with Served(vendor([row])) as wechat_pay, Served(vendor([])) as mall:
        async with httpx.AsyncClient() as http:
            stage = Stage(
                callers=cast("Callers", Recorded()),
                vendors=Vendors(http, wechat_pay.url, mall.url),
                clocks=cast("CaseClocks", None),
                voice=Voice(Console(quiet=True), "http://api", "http://ui", "mallcare"),
                orders={},
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
