"""Use cases: see what people were told, over which channel, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mallcare.application.caller import Caller
from mallcare.application.notice_addresses import addressee, masked
from mallcare.domain.errors import NotFound
from mallcare.domain.vocabulary import Role
from mallcare.ports import NoticeFilter, Page, StoredNotice, UnitOfWork, UnitOfWorkFactory

READERS = (Role.OPERATIONS, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """A notice with its address of today, masked; None: its contact has none there any more."""

    stored: StoredNotice
    address: str | None


class ReadNotices:
    """The record of all messages to people at suppliers."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        self._uow = uow

    async def page(
        self, where: NoticeFilter, limit: int, cursor: str | None, caller: Caller
    ) -> Page[ShownNotice]:
        """Newest first.

        Raises:
            NotAllowed: the caller is neither operations nor auditor.
            InvalidInput: a cursor that was not made by this list.
        """
        caller.require_role(*READERS)
        async with self._uow() as uow:
            page = await uow.notices.page(where, limit, cursor)
            shown = await _shown(uow, page.items)
        return Page(tuple(shown[stored.notice.notice_id] for stored in page.items), page.next_cursor)

    async def one(self, notice_id: str, caller: Caller) -> ShownNotice:
        """One notice.

        Raises:
            NotAllowed: the caller is neither operations nor auditor.
            NotFound: there is no such notice.
        """
        caller.require_role(*READERS)
        async with self._uow() as uow:
            stored = await uow.notices.find(notice_id)
            if stored is None:
                raise NotFound("there is no such notice", notice_id=notice_id)
            return (await _shown(uow, (stored,)))[notice_id]


async def _shown(uow: UnitOfWork, items: tuple[StoredNotice, ...]) -> Mapping[str, ShownNotice]:
    """With their addresses masked, one look for each supplier."""
    shown: dict[str, ShownNotice] = {}
    for supplier_id in dict.fromkeys(stored.notice.supplier_id for stored in items):
        people = await uow.contacts.of(supplier_id)
        channels = await uow.contacts.channels(supplier_id)
        for stored in items:
            notice = stored.notice
            if notice.supplier_id == supplier_id:
                to = addressee(notice, people, channels)
                address = None if to is None else masked(notice.channel, to.address)
                shown[notice.notice_id] = ShownNotice(stored, address)
    return shown
