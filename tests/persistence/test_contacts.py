from __future__ import annotations

from datetime import timedelta

from mallcare.domain.calendars import ALL_DAY, CLOSED, Hours
from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Channel, Contact, ContactRole, SupplierChannels
from mallcare.domain.vocabulary import Role
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports.notices import KeptChannels, KeptContact
from tests.domain.builders import PLACED_AT

HOUR = timedelta(hours=1)
LATER = PLACED_AT + HOUR
SUPPLIER = Actor(Role.SUPPLIER, "boss")
OPERATIONS = Actor(Role.OPERATIONS, "ops-1")
TWO_SPANS = Hours(((9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR + timedelta(seconds=1))))
DUTY = (TWO_SPANS,) * 5 + (ALL_DAY, CLOSED)
ANN = Contact("supplier-1", "ann", ContactRole.STAFF, "安", "+8613800000001", "ann.wecom", DUTY)
BOSS = Contact("supplier-1", "boss", ContactRole.PRINCIPAL, "Boss")
OTHER = Contact("supplier-2", "ann", ContactRole.STAFF, "Another Ann", "13800000009")
CHANNELS = SupplierChannels("supplier-1", Channel.DINGTALK, "key", "token", "secret")


async def test_contacts_are_stored_as_they_are(uow: SqlUnitOfWorkFactory) -> None:
    """By supplier and id, with duty hours to the second, and with who set them when."""
    async with uow() as work:
        for contact in (BOSS, ANN, OTHER):
            await work.contacts.set(contact, SUPPLIER, PLACED_AT)
        await work.commit()
    async with uow() as work:
        assert await work.contacts.of("supplier-1") == [ANN, BOSS]
        assert await work.contacts.of("supplier-3") == []
        assert await work.contacts.find("supplier-2", "ann") == KeptContact(OTHER, "supplier:boss", PLACED_AT)
        assert await work.contacts.find("supplier-2", "boss") is None


async def test_setting_a_contact_again_replaces_all_of_it(uow: SqlUnitOfWorkFactory) -> None:
    """What the new word leaves out is gone, and the record says who spoke last."""
    bare = Contact("supplier-1", "ann", ContactRole.PRINCIPAL, "Ann")
    async with uow() as work:
        await work.contacts.set(ANN, SUPPLIER, PLACED_AT)
        await work.contacts.set(bare, OPERATIONS, LATER)
        assert await work.contacts.kept_of("supplier-1") == [KeptContact(bare, "operations:ops-1", LATER)]


async def test_a_removed_contact_is_forgotten_once(uow: SqlUnitOfWorkFactory) -> None:
    """Of that supplier alone; removing what is not there says so."""
    async with uow() as work:
        await work.contacts.set(ANN, SUPPLIER, PLACED_AT)
        await work.contacts.set(OTHER, SUPPLIER, PLACED_AT)
        assert await work.contacts.remove("supplier-1", "ann")
        assert not await work.contacts.remove("supplier-1", "ann")
        assert await work.contacts.of("supplier-1") == []
        assert await work.contacts.of("supplier-2") == [OTHER]


async def test_channels_are_sms_until_the_supplier_says_otherwise(uow: SqlUnitOfWorkFactory) -> None:
    """The last word counts, secrets included."""
    async with uow() as work:
        assert await work.contacts.channels("supplier-1") == SupplierChannels("supplier-1")
        assert await work.contacts.kept_channels("supplier-1") is None
        await work.contacts.set_channels(SupplierChannels("supplier-1", Channel.WECOM), SUPPLIER, PLACED_AT)
        await work.contacts.set_channels(CHANNELS, OPERATIONS, LATER)
        assert await work.contacts.channels("supplier-1") == CHANNELS
        kept = await work.contacts.kept_channels("supplier-1")
        assert kept == KeptChannels(CHANNELS, "operations:ops-1", LATER)
