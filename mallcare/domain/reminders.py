"""Reminders: which rungs of a clock's ladder were reached, and whom each of them is for (T3)."""

from __future__ import annotations

from enum import StrEnum


class ReminderState(StrEnum):
    """PLANNED: to be told. TOLD: notices of it were written. MOOT: its clock had stopped by then.

    UNADDRESSED: the supplier has nobody to tell, and operations was asked instead.
    """

    PLANNED = "planned"
    TOLD = "told"
    MOOT = "moot"
    UNADDRESSED = "unaddressed"
