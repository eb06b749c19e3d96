"""The notification centre: whom its messages are for."""

from __future__ import annotations

from enum import StrEnum


class Audience(StrEnum):
    """Whose box a message lies in."""

    CUSTOMER = "customer"
    STAFF = "staff"
    """A person at a supplier."""
