"""The vendors' own books, the only judge of "paid once", and what the mall was told."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import httpx

from tests.e2e.callers import Api, eventually
from tests.e2e.orders import Json

WEBHOOKS_PATIENCE_SECONDS = 75.0
"""A killed pump is missed after 30 s, and what it had claimed is free after as long."""
UNCLEAR = "refund_unclear"


class Vendors:
    """The doors for tests of the two simulated vendors."""

    def __init__(self, wechat_pay_url: str, mall_url: str) -> None:
        self.wechat_pay_url = wechat_pay_url
        self.mall_url = mall_url

    async def cash(self) -> list[Json]:
        """WeChat Pay's ledger."""
        return await _get(f"{self.wechat_pay_url}/admin/ledger")

    async def tenders(self) -> list[Json]:
        """The mall's ledger of points and vouchers."""
        return await _get(f"{self.mall_url}/admin/ledger")

    async def callbacks(self) -> list[Json]:
        """Every callback of WeChat Pay's."""
        return await _get(f"{self.wechat_pay_url}/admin/callbacks")

    async def webhooks(self) -> list[Json]:
        """What the mall received and found well signed, in order of arrival."""
        return await _get(f"{self.mall_url}/admin/webhooks")

    async def strike_cash(self, kind: str, order: Json | None = None, **facts: object) -> None:
        """WeChat Pay gets a fault, for the payment of one order or for all."""
        match: Json = {"operation": facts.pop("operation", "submit")}
        if order is not None:
            match["transaction_id"] = cash_of(order)["transaction_id"]
        await _post(f"{self.wechat_pay_url}/admin/faults", {"kind": kind, "match": match, **facts})

    async def strike_mall(self, kind: str, **facts: object) -> None:
        """The mall's next refund gets a fault."""
        await _post(f"{self.mall_url}/admin/faults", {"kind": kind, **facts})

    async def heal(self) -> None:
        """No faults any more."""
        async with httpx.AsyncClient(trust_env=False) as client:
            for url in (self.wechat_pay_url, self.mall_url):
                (await client.delete(f"{url}/admin/faults")).raise_for_status()


def cash_of(order: Json) -> Json:
    """The tender of an order that WeChat Pay took."""
    return next(tender for tender in order["payment"]["tenders"] if tender["tender"] == "cash")


async def completed(api: Api, cases: Sequence[Json]) -> list[Json]:
    """The cases, once every one is completed."""
    return list(await asyncio.gather(*(api.until(case, "COMPLETED") for case in cases)))


async def refunded_once(vendors: Vendors, orders: Sequence[Json], cases: Sequence[Json]) -> None:
    """Completed cases: what they say stands in the vendors' books, each refund once, and nothing else."""
    ours = {tender.get("transaction_id") for order in orders for tender in order["payment"]["tenders"]}
    numbers = {order["order_no"] for order in orders}
    books = {
        row["out_refund_no"]: ("cash", row["amount_fen"], row["paid_count"], row["paid_fen"])
        for row in await vendors.cash()
        if row["transaction_id"] in ours
    } | {
        row["refund_no"]: (row["tender"], row["amount_fen"], row["paid_count"], row["amount_fen"])
        for row in await vendors.tenders()
        if row["order_no"] in numbers
    }
    told = {
        leg["refund_no"]: (leg["tender"], leg["amount_fen"], 1, leg["amount_fen"])
        for case in cases
        for leg in case["refunds"]
    }
    assert books == told
    for case in cases:
        assert sum(leg["amount_fen"] for leg in case["refunds"]) == case["quote"]["total_fen"]
        assert {leg["status"] for leg in case["refunds"]} == {"SUCCEEDED"}


async def recorded_once(
    api: Api, orders: Sequence[Json], cases: Sequence[Json], steps: Sequence[str] = ("submitted", "approved")
) -> None:
    """Each order has the one case it was told of, and each thing that happened is recorded once.

    `steps`: what led to the refund.
    """
    for order, case in zip(orders, cases, strict=True):
        found = await api.cases_of(order)
        assert [seen["after_sales_no"] for seen in found] == [case["after_sales_no"]]
        record = _steps(await api.record(case))
        paid = ["refund_succeeded"] * len(case["refunds"])
        names = [event["name"] for event in record]
        assert names == [*steps, *paid, "completed"], record
        assert [event["version"] for event in record] == list(range(1, len(record) + 1))
        told = {event["facts"]["refund_no"] for event in record if event["name"] == "refund_succeeded"}
        assert told == {leg["refund_no"] for leg in case["refunds"]}


def _steps(record: Sequence[Json]) -> list[Json]:
    """What changed a case: no refused command, nor an unclear answer, which is noted once for a refund."""
    unclear = [event["facts"]["refund_no"] for event in record if event["name"] == UNCLEAR]
    assert len(unclear) == len(set(unclear)), record
    return [event for event in record if event["name"] != UNCLEAR and not event["refused_code"]]


async def told_in_order(api: Api, vendors: Vendors, cases: Sequence[Json]) -> None:
    """The mall heard of everything in the cases' records: in order, well signed, one id for each."""
    numbers = {case["after_sales_no"] for case in cases}
    expected = {
        case["after_sales_no"]: [
            (f"after_sales.{event['name']}", event["version"]) for event in _steps(await api.record(case))
        ]
        for case in cases
    }

    async def heard() -> dict[str, list[tuple[str, int]]]:
        told: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for webhook in await vendors.webhooks():
            kind, data = webhook["payload"]["type"], webhook["payload"]["data"]
            ours = kind.startswith("after_sales.") and data["after_sales_no"] in numbers
            if ours and not webhook["duplicate"]:
                told[data["after_sales_no"]].append((kind, data["version"]))
        return dict(told)

    await eventually(heard, lambda told: told == expected, WEBHOOKS_PATIENCE_SECONDS)


async def _get(url: str) -> list[Json]:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.get(url)).raise_for_status().json()


async def _post(url: str, body: Json) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.post(url, json=body)).raise_for_status()
