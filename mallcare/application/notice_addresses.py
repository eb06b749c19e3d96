"""Where a notice goes: looked up just before it is sent, and masked wherever else it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mallcare.domain.contacts import ROBOT, Channel, Contact, SupplierChannels
from mallcare.domain.notices import Notice
from mallcare.domain.reminders import Telling, whom
from mallcare.domain.timeliness import Party, TimelinessPolicy

PARTIES = tuple(party for party in Party if party is not Party.OPERATIONS)
SHOWN = 4
MOBILE = 11
"""Digits of a mobile number of the mainland."""


@dataclass(frozen=True, slots=True)
class Addressee:
    """An address of one channel. Personal data, and robots' keys: never kept, logged or sent to Temporal."""

    address: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    mention: tuple[str, ...] = field(default=(), repr=False)


def addressee(
    notice: Notice, people: Sequence[Contact], channels: SupplierChannels, mentioned: Sequence[Contact] = ()
) -> Addressee | None:
    """Where a notice goes by what is on record now; None: its contact has no address there any more."""
    mention = tuple(person.phone for person in mentioned if person.phone)
    match notice.channel:
        case Channel.WECOM_ROBOT:
            key = channels.wecom_robot_key
            return Addressee(key, mention=mention) if key else None
        case Channel.DINGTALK:
            token = channels.dingtalk_token
            return Addressee(token, channels.dingtalk_secret, mention) if token else None
        case Channel.WECOM | Channel.SMS:
            named = next((one for one in people if one.contact_id == notice.contact_id), None)
            address = None
            if named is not None:
                address = named.wecom_user_id if notice.channel is Channel.WECOM else named.phone
            return Addressee(address) if address else None
        case Channel.IN_APP:
            return None


def told_to(
    notice: Notice, people: Sequence[Contact], policy: TimelinessPolicy, now: datetime
) -> list[Telling]:
    """Whom a notice is for, as people of today, and not before when; quiet hours are theirs.

    A robot's are those whom the parties of the notice stand for at this hour.
    """
    if notice.contact_id != ROBOT:
        named = tuple(one for one in people if one.contact_id == notice.contact_id)
        return [Telling(named, now)] if named else []
    found = (whom(people, party, policy, now) for party in parties_of(notice))
    return [telling for telling in found if telling is not None]


def parties_of(notice: Notice) -> tuple[Party, ...]:
    """The parties a reminder is for; of anything else, all at the supplier."""
    named = notice.facts.get("parties")
    if not isinstance(named, list):
        return PARTIES
    return tuple(party for party in PARTIES if party.value in named)


def masked(channel: Channel, address: str) -> str:
    """Enough to recognise, not enough to reach: the ends of a number, the beginning of anything else."""
    if channel is Channel.SMS and len(address) >= MOBILE:
        return f"{address[:3]}****{address[-4:]}"
    return f"{address[:SHOWN]}****" if len(address) > 2 * SHOWN else f"{address[:1]}****"
