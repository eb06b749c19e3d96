"""What crosses Temporal for the platform's own upkeep."""

from __future__ import annotations

from datetime import datetime

from mallcare.contracts.after_sales import Contract


class SweepInput(Contract):
    """Sweep what was lost before `now`."""

    now: datetime


class SweepReport(Contract):
    """How many cases were told again, looked at for an overdue deadline or in rotation, and restarted.

    `restarted`: their workflow was missing, whichever way that was found.
    """

    told: int = 0
    overdue: int = 0
    checked: int = 0
    restarted: int = 0


class DeliveryInput(Contract):
    """Deliver the outbox of one shard until `until_seconds` passed.

    A pump that is not heard of for `heartbeat_seconds` is taken for dead and started again.
    """

    shard: int
    shards: int
    until_seconds: int = 600
    heartbeat_seconds: int = 30
