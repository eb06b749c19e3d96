"""What crosses Temporal about what falls due: shards, counts and instants. Rows never do."""

from __future__ import annotations

from pydantic import AwareDatetime

from mallcare.contracts.after_sales import Contract


class TimekeeperInput(Contract):
    """The timekeeper of one shard; it looks at the latest after `longest_sleep_seconds`."""

    shard: int
    longest_sleep_seconds: int = 300


class KeepTimeInput(Contract):
    """Let what is due in a shard by `now` take place."""

    shard: int
    now: AwareDatetime


class KeepTimeReport(Contract):
    """What took place, and when the next thing is known to fall due."""

    released: int = 0
    withheld: int = 0
    next_due_at: AwareDatetime | None = None
    clocks: int = 0
    breached: int = 0
    planned: int = 0
    told: int = 0
    notices: int = 0
