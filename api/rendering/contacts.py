"""Contacts and channels between bodies and the domain: what is personal masked, what is secret left out."""

from __future__ import annotations

from api.rendering.addresses import in_full, masked
from api.rendering.timeliness import hours_of, spans_of
from api.schemas.contacts import ChannelsIn, ChannelsOut, ContactIn, ContactOut, SecretOut
from mallcare.application.caller import Caller
from mallcare.application.contacts import ChannelsWanted
from mallcare.domain.contacts import Contact, SupplierChannels
from mallcare.domain.vocabulary import Role
from mallcare.ports.notices import KeptChannels, KeptContact


def contact_of(supplier_id: str, contact_id: str, body: ContactIn) -> Contact:
    """The contact a body describes.

    Raises:
        InvalidInput: duty hours that make no sense.
    """
    duty = None if body.duty is None else tuple(hours_of(day) for day in body.duty)
    return Contact(supplier_id, contact_id, body.role, body.name, body.phone, body.wecom_user_id, duty)


def contact_out(kept: KeptContact, caller: Caller) -> ContactOut:
    """A contact as the caller may read it: the auditor sees enough to recognise a person, not to reach it."""
    contact = kept.contact
    mask = masked if caller.role is Role.AUDITOR else in_full
    return ContactOut(
        supplier_id=contact.supplier_id,
        contact_id=contact.contact_id,
        role=contact.role,
        name=mask("name", contact.name),
        phone=None if contact.phone is None else mask("phone", contact.phone),
        wecom_user_id=None if contact.wecom_user_id is None else mask("user id", contact.wecom_user_id),
        duty=None if contact.duty is None else [spans_of(hours) for hours in contact.duty],
        set_by=kept.set_by,
        set_at=kept.set_at,
    )


def channels_of(body: ChannelsIn) -> ChannelsWanted:
    """What a body asks for."""
    return ChannelsWanted(
        preferred=body.preferred,
        wecom_robot_key=body.wecom_robot_key,
        dingtalk_token=body.dingtalk_token,
        dingtalk_secret=body.dingtalk_secret,
        forget=frozenset(body.forget),
    )


def channels_out(supplier_id: str, kept: KeptChannels | None) -> ChannelsOut:
    """How a supplier wants to be reached; of secrets only whether they are there."""
    channels = SupplierChannels(supplier_id) if kept is None else kept.channels
    return ChannelsOut(
        supplier_id=supplier_id,
        preferred=channels.preferred,
        wecom_robot_key=SecretOut(set=channels.wecom_robot_key is not None),
        dingtalk_token=SecretOut(set=channels.dingtalk_token is not None),
        dingtalk_secret=SecretOut(set=channels.dingtalk_secret is not None),
        set_by=None if kept is None else kept.set_by,
        set_at=None if kept is None else kept.set_at,
    )
