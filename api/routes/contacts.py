"""Whom to reach at a supplier, when, and how."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from api.deps import Cases
from api.documentation import READING, WRITING, problems
from api.rendering.contacts import channels_of, channels_out, contact_of, contact_out
from api.schemas.contacts import ChannelsIn, ChannelsOut, ContactId, ContactIn, ContactListOut, ContactOut
from api.schemas.fields import Id
from api.security import SignedIn, SignedInRoute

router = APIRouter(tags=["suppliers"], route_class=SignedInRoute)

SupplierId = Annotated[Id, Path(description="The supplier.")]
WhichContact = Annotated[
    ContactId, Path(description="Id of the contact: the `sub` of the token they sign in with.")
]


@router.get(
    "/v1/suppliers/{supplier_id}/contacts",
    summary="List a supplier's contacts",
    responses=problems(*READING, "not_allowed"),
)
async def list_contacts(supplier_id: SupplierId, caller: SignedIn, cases: Cases) -> ContactListOut:
    """Everybody who is told, by id (the supplier itself, mall, operations; masked for the auditor)."""
    kept = await cases.contacts.all(supplier_id, caller)
    return ContactListOut(items=[contact_out(one, caller) for one in kept])


@router.get(
    "/v1/suppliers/{supplier_id}/contacts/{contact_id}",
    summary="One contact of a supplier",
    responses=problems(*READING, "not_allowed"),
)
async def get_contact(
    supplier_id: SupplierId, contact_id: WhichContact, caller: SignedIn, cases: Cases
) -> ContactOut:
    """One person (the supplier itself, mall, operations; masked for the auditor)."""
    return contact_out(await cases.contacts.one(supplier_id, contact_id, caller), caller)


@router.put(
    "/v1/suppliers/{supplier_id}/contacts/{contact_id}",
    summary="Set a contact of a supplier",
    responses=problems(*WRITING, "not_found"),
)
async def put_contact(
    supplier_id: SupplierId, contact_id: WhichContact, body: ContactIn, caller: SignedIn, cases: Cases
) -> ContactOut:
    """Add a person, or replace all of what is known of them (the supplier itself, operations).

    From the next notice on. A supplier without a principal gets no daily SMS, and without staff nobody is
    reminded: operations is asked to find somebody.
    """
    return contact_out(await cases.contacts.set(contact_of(supplier_id, contact_id, body), caller), caller)


@router.delete(
    "/v1/suppliers/{supplier_id}/contacts/{contact_id}",
    summary="Remove a contact of a supplier",
    status_code=204,
    responses=problems(*READING, "not_allowed"),
)
async def delete_contact(
    supplier_id: SupplierId, contact_id: WhichContact, caller: SignedIn, cases: Cases
) -> None:
    """Forget a person (the supplier itself, operations). What they were told stays on record."""
    await cases.contacts.remove(supplier_id, contact_id, caller)


@router.get(
    "/v1/suppliers/{supplier_id}/channels",
    summary="How a supplier is reached",
    responses=problems(*READING, "not_allowed"),
)
async def get_channels(supplier_id: SupplierId, caller: SignedIn, cases: Cases) -> ChannelsOut:
    """The first choice and which robots are known (the supplier itself, mall, operations, auditor)."""
    return channels_out(supplier_id, await cases.contacts.channels(supplier_id, caller))


@router.put(
    "/v1/suppliers/{supplier_id}/channels",
    summary="Set how a supplier is reached",
    responses=problems(*WRITING, "not_found"),
)
async def put_channels(
    supplier_id: SupplierId, body: ChannelsIn, caller: SignedIn, cases: Cases
) -> ChannelsOut:
    """Choose a channel and tell its robot's key (the supplier itself, operations).

    Keys, tokens and secrets are write-only: answers say whether they are set.
    """
    kept = await cases.contacts.set_channels(supplier_id, channels_of(body), caller)
    return channels_out(supplier_id, kept)
