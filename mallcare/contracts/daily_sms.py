"""What crosses Temporal about the daily SMS: days, instants and counts. Suppliers and messages never do."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, Field

from mallcare.contracts.after_sales import Contract


class NextDailySmsInput(Contract):
    """Which day is next, by the hours as they are set."""

    now: AwareDatetime


class DailySmsTurn(Contract):
    """A day: the hours are asked for again when it begins, and messages go out at `send_at`."""

    day: date
    begins_at: AwareDatetime
    send_at: AwareDatetime


class DailySmsInput(Contract):
    """Plan a page of a day's messages, or report the day."""

    day: date
    now: AwareDatetime


class DailySmsPage(Contract):
    """How far a day's plan has come: suppliers looked at, messages to be sent. `done`: there are no more."""

    done: bool
    suppliers: int = 0
    planned: int = 0


class DailySmsReport(Contract):
    """What a day came to: messages by what became of them."""

    day: date
    missed: bool = False
    outcomes: dict[str, int] = Field(default_factory=dict[str, int])
