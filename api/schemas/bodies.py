"""What all bodies of callers have in common: how a member is met that this version does not know."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Sent(BaseModel):
    """Base of what the mall sends: members this version does not know are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Asked(BaseModel):
    """Base of what callers ask: a member that is not known is refused, it may be a mistyped guard."""

    model_config = ConfigDict(frozen=True, extra="forbid")
