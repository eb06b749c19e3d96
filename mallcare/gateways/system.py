"""The machine's clock, and business keys minted from it."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class SystemClock:
    """The machine's clock in UTC."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


class TimeOrderedIds:
    """Keys of two letters and 26 characters: milliseconds, then 80 random bits (the ULID layout).

    Ordered by time for the sake of indexes; alphanumeric and <= 32 characters so that every payment
    vendor takes them.
    """

    def after_sales_no(self) -> str:
        """A case number."""
        return "AS" + _time_ordered()

    def refund_no(self) -> str:
        """A refund number, the vendor's idempotency key."""
        return "RF" + _time_ordered()

    def message_id(self) -> str:
        """Id of an outgoing message."""
        return "msg_" + _time_ordered()

    def task_id(self) -> str:
        """Id of an operations task."""
        return "OT" + _time_ordered()

    def notice_id(self) -> str:
        """Id of a message to a person, the key at its channel's vendor."""
        return "NT" + _time_ordered()


def _time_ordered() -> str:
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))
