"""The simulated vendors: how a scene plays tricks on them, and what their ledgers say."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from mallcare.cli.formats import Json


@dataclass(frozen=True, slots=True)
class PaidOut:
    """One refund in a vendor's own books."""

    refund_no: str
    tender: str
    amount_fen: int
    asked: int
    paid: int


class Vendors:
    """The simulated vendors' doors for demos: faults, and the ledgers that say who was paid how often."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        wechat_pay_url: str,
        mall_url: str,
        *,
        wecom_url: str = "",
        sms_url: str = "",
    ) -> None:
        self._http = http
        self._wechat_pay = wechat_pay_url
        self._mall = mall_url
        self._wecom = wecom_url
        self._sms = sms_url

    async def time_out_after_paying(self, transaction_id: str) -> None:
        """WeChat Pay will pay the next refund of this payment and then never answer."""
        fault = {
            "kind": "timeout_after_commit",
            "match": {"operation": "submit", "transaction_id": transaction_id},
        }
        (await self._http.post(f"{self._wechat_pay}/admin/faults", json=fault)).raise_for_status()

    async def join_wecom(self, *user_ids: str) -> None:
        """These people are members of the enterprise in WeCom."""
        members = {"user_ids": list(user_ids)}
        (await self._http.put(f"{self._wecom}/admin/members", json=members)).raise_for_status()

    async def shown_in_wecom(self, user_id: str) -> list[Json]:
        """What WeCom really showed to a member, in order."""
        answer = await self._http.get(f"{self._wecom}/admin/messages", params={"receiver": user_id})
        return [message for message in answer.json() if message["shown"]]

    async def sms_to(self, phone: str) -> list[Json]:
        """The short messages that really went to a phone, in order."""
        return [
            sms for sms in (await self._http.get(f"{self._sms}/admin/ledger")).json() if sms["phone"] == phone
        ]

    async def books_of(self, case: Json) -> list[PaidOut]:
        """What the vendors' ledgers hold about the refunds of a case, in the case's order."""
        cash, other = await self._ledgers()
        rows = [(row["out_refund_no"], "cash", row) for row in cash]
        rows += [(row["refund_no"], row["tender"], row) for row in other]
        found = {no: (tender, row) for no, tender, row in rows}
        return [
            PaidOut(no, tender, row["amount_fen"], row["requests"], row["paid_count"])
            for no, (tender, row) in found.items()
            if no in {refund["refund_no"] for refund in case["refunds"]}
        ]

    async def refunded_fen(self, order: Json) -> int:
        """All that the vendors ever paid back of an order, whoever asked for it."""
        paid_by = {tender.get("transaction_id") for tender in order["payment"]["tenders"]}
        cash, other = await self._ledgers()
        rows = [row for row in cash if row["transaction_id"] in paid_by]
        rows += [row for row in other if row["order_no"] == order["order_no"]]
        return sum(row["amount_fen"] * row["paid_count"] for row in rows)

    async def _ledgers(self) -> tuple[list[Json], list[Json]]:
        """WeChat Pay's and the mall's."""
        answers = [await self._http.get(f"{url}/admin/ledger") for url in (self._wechat_pay, self._mall)]
        cash, other = (answer.raise_for_status().json() for answer in answers)
        return cash, other
