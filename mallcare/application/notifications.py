"""Use cases: the notification centre (站内信), for customers and for people at suppliers."""

from __future__ import annotations

from dataclasses import dataclass

from mallcare.application.caller import Caller
from mallcare.domain.errors import InvalidInput, NotAllowed, NotFound
from mallcare.domain.notifications import Audience
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, Page, UnitOfWorkFactory
from mallcare.ports.notices import Box, KeptNotification

MOST_COUNTED = 1_000
"""Unread messages are counted up to here: nobody reads a larger number, and it costs the same for all."""


@dataclass(frozen=True, slots=True)
class Inbox:
    """One page of a box, with how many of the box are unread (`MOST_COUNTED`: that many or more)."""

    page: Page[KeptNotification]
    unread_count: int


class NotificationCentre:
    """Read one's messages, and mark them; the mall does it for a customer it names.

    Every method raises:
        NotAllowed: a role without messages, or anybody but the mall naming a customer.
        InvalidInput: the mall names no customer.
        NotFound: a customer names another one.
    """

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def inbox(
        self, caller: Caller, customer_id: str | None, limit: int, cursor: str | None, *, unread: bool
    ) -> Inbox:
        """Newest first; `unread`: only what is.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        box = _box(caller, customer_id)
        async with self._uow() as uow:
            page = await uow.notifications.page(box, limit, cursor, unread=unread)
            return Inbox(page, await uow.notifications.unread(box, MOST_COUNTED))

    async def unread(self, caller: Caller, customer_id: str | None) -> int:
        """How many are unread, up to `MOST_COUNTED`."""
        box = _box(caller, customer_id)
        async with self._uow() as uow:
            return await uow.notifications.unread(box, MOST_COUNTED)

    async def read(self, notification_id: str, caller: Caller, customer_id: str | None) -> KeptNotification:
        """Mark one message as read; the first mark counts.

        Raises:
            NotFound: another's, or none at all.
        """
        box = _box(caller, customer_id)
        async with self._uow() as uow:
            kept = await uow.notifications.mark_read(box, notification_id, self._clock.now())
            if kept is None:
                raise _missing(notification_id)
            await uow.commit()
        return kept

    async def read_up_to(self, notification_id: str, caller: Caller, customer_id: str | None) -> int:
        """Mark a message and all before it as read; answers how many were not.

        Raises:
            NotFound: another's, or none at all.
        """
        box = _box(caller, customer_id)
        async with self._uow() as uow:
            marked = await uow.notifications.mark_read_up_to(box, notification_id, self._clock.now())
            if marked is None:
                raise _missing(notification_id)
            await uow.commit()
        return marked


def _box(caller: Caller, customer_id: str | None) -> Box:
    if caller.role is Role.MALL:
        if customer_id is None:
            raise InvalidInput("the mall names the customer whose messages these are")
        return Box(Audience.CUSTOMER, customer_id, customer_id)
    caller.require_role(Role.CUSTOMER, Role.SUPPLIER)
    if caller.customer_id is not None:
        if customer_id not in (None, caller.customer_id):
            raise NotFound("there is no such customer", customer_id=customer_id)
        return Box(Audience.CUSTOMER, caller.customer_id, caller.customer_id)
    if customer_id is not None:
        raise NotAllowed("only the mall reads a customer's messages", role=caller.role.value)
    assert caller.supplier_id is not None, "a supplier's token names it"
    return Box(Audience.STAFF, caller.supplier_id, caller.subject)


def _missing(notification_id: str) -> NotFound:
    return NotFound("there is no such message", notification_id=notification_id)
