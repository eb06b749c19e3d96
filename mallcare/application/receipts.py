"""Use case: take what vendors say later about messages, by callbacks that nobody signs and all repeat."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from mallcare.application.notice_settling import settle
from mallcare.domain.notices import after_receipt
from mallcare.ports import (
    Clock,
    Ids,
    Receipt,
    Receipts,
    SendStanding,
    StoredNotice,
    UnitOfWork,
    UnitOfWorkFactory,
)

log = structlog.get_logger()

MOST_KEPT: Final = 20
"""Receipts kept of one notice: nobody can fill the database by repeating them with small changes."""


@dataclass(frozen=True, slots=True)
class ReceiptDoor:
    """Where a vendor delivers receipts that prove nothing: its `token` is part of the address."""

    token: str = field(repr=False)
    reader: Receipts

    def opens(self, token: str) -> bool:
        """Whether this is the token, in a time that tells nothing of it."""
        return hmac.compare_digest(token.encode(errors="replace"), self.token.encode())


class TakeReceipts:
    """Keeps receipts with their notices; the notice becomes the same by any order and number of them."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def __call__(self, receipts: Sequence[Receipt]) -> int:
        """How many were of notices we know; each is a transaction of its own."""
        known = [await self._take(receipt) for receipt in receipts]
        return sum(known)

    async def _take(self, receipt: Receipt) -> bool:
        async with self._uow() as uow:
            stored = await _notice_of(uow, receipt)
            if stored is None:
                log.info("receipt.unknown", channel=receipt.channel.value)
                return False
            new = await uow.notices.add_receipt(stored.notice.notice_id, receipt, MOST_KEPT)
            if new and receipt.standing in (SendStanding.DELIVERED, SendStanding.UNDELIVERABLE):
                now = self._clock.now()
                before = stored.notice
                after = after_receipt(
                    before,
                    arrived=receipt.standing is SendStanding.DELIVERED,
                    code=receipt.code,
                    vendor_id=receipt.vendor_message_id,
                    now=now,
                )
                held = stored.claimed_until if after.status is before.status else None
                await settle(uow, before, after, now, self._ids, claimed_until=held)
            await uow.commit()
        return True


async def _notice_of(uow: UnitOfWork, receipt: Receipt) -> StoredNotice | None:
    """By our own key, which a vendor hands back before we know its id; else by the vendor's id."""
    if receipt.message_id is not None:
        stored = await uow.notices.lock(receipt.message_id)
        if stored is not None and stored.notice.channel is receipt.channel:
            return stored
    return await uow.notices.lock_by_vendor_id(receipt.channel, receipt.vendor_message_id)
