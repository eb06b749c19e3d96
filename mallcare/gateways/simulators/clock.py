"""The simulators' own time: a vendor looks at the wall, whatever its customers' tests pretend."""

from __future__ import annotations

from datetime import UTC, datetime


class WallClock:
    """`Clock` of the machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)
