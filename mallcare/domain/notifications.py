"""The notification centre (站内信): messages that wait in the platform for whom they concern."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mallcare.domain.errors import Fact


class Audience(StrEnum):
    """Whose box a message lies in."""

    CUSTOMER = "customer"
    STAFF = "staff"
    """A person at a supplier."""


EVERYONE = ""
"""Reader of a message to a supplier that each of its contacts gets, as they are when it is written."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One message. `owner`: a customer, or a supplier whose `reader` (a contact's id) it is for; customers
    are their own readers.

    `link`: a path of the API that opens what it is about. `once`: written once for ever, to each reader.
    """

    audience: Audience
    owner: str
    reader: str
    kind: str
    link: str
    created_at: datetime
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    once: str | None = None
