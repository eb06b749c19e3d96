"""Public holidays of mainland China and made-up working days (调休), as the State Council announced them.

They come from `chinesecalendar`, which knows whole years up to one and nothing of later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import chinese_calendar  # pyright: ignore[reportMissingTypeStubs]

ONE_DAY = timedelta(days=1)


def known_years() -> tuple[int, int]:
    """The first and the last year whose holidays are known."""
    years = {day.year for day in chinese_calendar.holidays}
    return min(years), max(years)


def special_days(hours: Sequence[str]) -> dict[str, list[str]]:
    """Every holiday closed, every made-up working day with `hours`, ascending by day."""
    closed: Iterable[date] = chinese_calendar.holidays
    opened: Iterable[date] = chinese_calendar.workdays
    days = dict.fromkeys(closed, False) | dict.fromkeys(opened, True)
    return {day.isoformat(): list(hours) if days[day] else [] for day in sorted(days)}


def known_until() -> date:
    """The last day whose holidays are known."""
    return date(known_years()[1] + 1, 1, 1) - ONE_DAY
