"""Doors for tests and demos, the same at each messaging simulator. No authentication, so loopback only."""

from __future__ import annotations

from fastapi import APIRouter

from mallcare.gateways.simulators.messages.desk import AnsweringDesk
from mallcare.gateways.simulators.messages.faults import MessageFault


class MessageAdmin:
    """The `/admin` routes over one desk's ledger and faults."""

    def __init__(self, desk: AnsweringDesk) -> None:
        self._ledger = desk.ledger
        self._faults = desk.faults

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/healthz", self.health, methods=["GET"])
        router.add_api_route("/admin/messages", self.messages, methods=["GET"])
        router.add_api_route("/admin/refusals", self.refusals, methods=["GET"])
        router.add_api_route("/admin/faults", self.pending, methods=["GET"])
        router.add_api_route("/admin/faults", self.add_fault, methods=["POST"], status_code=201)
        router.add_api_route("/admin/faults", self.clear_faults, methods=["DELETE"])
        return router

    async def health(self) -> dict[str, str]:
        return {"status": "ok"}

    async def messages(self, receiver: str | None = None) -> list[dict[str, object]]:
        """Every message taken, oldest first: `seq, channel, receiver, msgtype, content, mentioned, shown,
        dropped, truncated, vendor_message_id, at`. What nobody saw has `shown` false and why in `dropped`."""
        return self._ledger.statement(receiver)

    async def refusals(self) -> list[dict[str, object]]:
        """Every refused call: `operation, receiver, errcode, errmsg, at`."""
        return self._ledger.refusals()

    async def pending(self) -> list[MessageFault]:
        return self._faults.pending()

    async def add_fault(self, fault: MessageFault) -> MessageFault:
        self._faults.add(fault)
        return fault

    async def clear_faults(self) -> list[MessageFault]:
        self._faults.clear()
        return []
