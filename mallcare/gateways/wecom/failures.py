"""What WeCom's error codes mean for a message: one table for the call, one set for the receiver.

Codes marked [M] are in the vendor's list, but that this call answers them was not confirmed.
"""

from __future__ import annotations

from datetime import timedelta

from mallcare.gateways.errcodes import BUSY, REFUSED, Meaning

TOO_OFTEN = Meaning(retryable=True, retry_after=timedelta(seconds=60))
"""A minute's quota is spent; the vendor then blocks for 60 s."""

TOKEN_REFUSED = frozenset({40014, 42001})
"""The access token is unknown, or over: a new one is needed."""

MEANINGS: dict[int, Meaning] = {
    -1: BUSY,
    40014: TOO_OFTEN,  # a token fetched just now is refused too
    42001: TOO_OFTEN,
    45009: TOO_OFTEN,
    45033: Meaning(retryable=True, retry_after=timedelta(seconds=5)),  # too many calls at once
    40001: REFUSED,  # secret
    40013: REFUSED,  # company
    40056: REFUSED,  # application
    60020: REFUSED,  # our address is not on the company's list
    301002: REFUSED,  # another application's token
}
"""What a person must mend in our configuration is refused for ever: a reminder kept for that is stale."""

UNREACHABLE = frozenset({40003, 40031, 60011, 60111, 81013})
"""This receiver cannot be reached by this application: no such member (40003, 40031, 60111 [M]), not in the
application's scope (60011), or no receiver is left (81013)."""

ROBOT_GONE = frozenset({93000})
"""No robot has this key: deleted, or never there."""
