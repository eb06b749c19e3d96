"""Use cases: whom to reach at a supplier, when, and how."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from mallcare.application.asking import BY_PLATFORM
from mallcare.application.caller import Caller
from mallcare.domain.contacts import ROBOT, Channel, Contact, ContactRole, SupplierChannels
from mallcare.domain.errors import InvalidInput, NotFound
from mallcare.domain.tasks import TaskKind
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, UnitOfWorkFactory
from mallcare.ports.notices import KeptChannels, KeptContact

log = structlog.get_logger()

MOST_CONTACTS = 200
"""Of one supplier: each of them is told of everything that begins to wait."""
READERS = (Role.SUPPLIER, Role.MALL, Role.OPERATIONS, Role.AUDITOR)
WRITERS = (Role.SUPPLIER, Role.OPERATIONS)


@dataclass(frozen=True, slots=True)
class ChannelsWanted:
    """How a supplier wants to be reached from now on; a key or secret of None stays what it is."""

    preferred: Channel
    wecom_robot_key: str | None = None
    dingtalk_token: str | None = None
    dingtalk_secret: str | None = None
    forget: frozenset[Channel] = frozenset()
    """Robots whose key, token and secret are to be forgotten."""


class SupplierContacts:
    """Contacts and channels, set by the supplier itself and by operations.

    Every method raises:
        NotAllowed: a role that has no part in it.
        NotFound: another supplier's, or no such contact.
    """

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def all(self, supplier_id: str, caller: Caller) -> list[KeptContact]:
        """All contacts of a supplier, by id."""
        _require(supplier_id, caller, READERS)
        async with self._uow() as uow:
            return await uow.contacts.kept_of(supplier_id)

    async def one(self, supplier_id: str, contact_id: str, caller: Caller) -> KeptContact:
        """One contact."""
        _require(supplier_id, caller, READERS)
        async with self._uow() as uow:
            found = await uow.contacts.find(supplier_id, contact_id)
        return _known(found, contact_id)

    async def set(self, contact: Contact, caller: Caller) -> KeptContact:
        """Add a contact, or replace all of what is known of it.

        Raises:
            InvalidInput: the supplier has too many contacts, or the id stands for a group's robot.
        """
        _require(contact.supplier_id, caller, WRITERS)
        if contact.contact_id == ROBOT:
            raise InvalidInput(f"{ROBOT!r} cannot be a person's id: it stands for a group", contact_id=ROBOT)
        now = self._clock.now()
        async with self._uow() as uow:
            known = await uow.contacts.of(contact.supplier_id)
            others = [other for other in known if other.contact_id != contact.contact_id]
            if len(others) >= MOST_CONTACTS:
                raise InvalidInput(f"a supplier has at most {MOST_CONTACTS} contacts", most=MOST_CONTACTS)
            await uow.contacts.set(contact, caller.actor, now)
            if any(one.role is ContactRole.PRINCIPAL and one.phone for one in (*others, contact)):
                note, missing = "the supplier named a principal", TaskKind.CONTACTS_MISSING
                await uow.tasks.resolve_for(contact.supplier_id, missing, BY_PLATFORM, note, now)
            kept = await uow.contacts.find(contact.supplier_id, contact.contact_id)
            await uow.commit()
        log.info("contact.set", supplier_id=contact.supplier_id, role=contact.role.value)
        return _known(kept, contact.contact_id)

    async def remove(self, supplier_id: str, contact_id: str, caller: Caller) -> None:
        """Forget a contact."""
        _require(supplier_id, caller, WRITERS)
        async with self._uow() as uow:
            if not await uow.contacts.remove(supplier_id, contact_id):
                raise NotFound("there is no such contact", contact_id=contact_id)
            await uow.commit()
        log.info("contact.removed", supplier_id=supplier_id)

    async def channels(self, supplier_id: str, caller: Caller) -> KeptChannels | None:
        """How the supplier wants to be reached; None: it never said, so by SMS."""
        _require(supplier_id, caller, READERS)
        async with self._uow() as uow:
            return await uow.contacts.kept_channels(supplier_id)

    async def set_channels(
        self, supplier_id: str, wanted: ChannelsWanted, caller: Caller
    ) -> KeptChannels | None:
        """From the next notice on.

        Raises:
            InvalidInput: a robot is preferred whose key or token nobody told.
        """
        _require(supplier_id, caller, WRITERS)
        async with self._uow() as uow:
            channels = _merged(await uow.contacts.channels(supplier_id), wanted)
            await uow.contacts.set_channels(channels, caller.actor, self._clock.now())
            kept = await uow.contacts.kept_channels(supplier_id)
            await uow.commit()
        log.info("channels.set", supplier_id=supplier_id, preferred=channels.preferred.value)
        return kept


def _merged(known: SupplierChannels, wanted: ChannelsWanted) -> SupplierChannels:
    if Channel.WECOM_ROBOT in wanted.forget:
        known = replace(known, wecom_robot_key=None)
    if Channel.DINGTALK in wanted.forget:
        known = replace(known, dingtalk_token=None, dingtalk_secret=None)
    merged = SupplierChannels(
        supplier_id=known.supplier_id,
        preferred=wanted.preferred,
        wecom_robot_key=wanted.wecom_robot_key or known.wecom_robot_key,
        dingtalk_token=wanted.dingtalk_token or known.dingtalk_token,
        dingtalk_secret=wanted.dingtalk_secret or known.dingtalk_secret,
    )
    needed = {Channel.WECOM_ROBOT: merged.wecom_robot_key, Channel.DINGTALK: merged.dingtalk_token}
    if needed.get(merged.preferred, "none") is None:
        raise InvalidInput(
            f"{merged.preferred.value} needs the robot's key", preferred=merged.preferred.value
        )
    return merged


def _require(supplier_id: str, caller: Caller, roles: tuple[Role, ...]) -> None:
    caller.require_role(*roles)
    if caller.role is Role.SUPPLIER and caller.supplier_id != supplier_id:
        raise NotFound("there is no such supplier", supplier_id=supplier_id)


def _known(kept: KeptContact | None, contact_id: str) -> KeptContact:
    if kept is None:
        raise NotFound("there is no such contact", contact_id=contact_id)
    return kept
