"""Time and ids: the two things the domain may not fetch for itself."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, as an aware UTC instant."""

    def now(self) -> datetime: ...


class Ids(Protocol):
    """Mints business keys: at most 32 alphanumeric characters, ordered by time, never reused."""

    def after_sales_no(self) -> str: ...

    def refund_no(self) -> str: ...

    def message_id(self) -> str: ...

    def task_id(self) -> str: ...

    def notice_id(self) -> str: ...
