"""Reports of the daily SMS to suppliers' principals."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

EXAMPLE: dict[str, Any] = {
    "day": "2026-03-05",
    "status": "reported",
    "started_at": "2026-03-05T01:00:00Z",
    "planned_at": "2026-03-05T01:00:04Z",
    "reported_at": "2026-03-05T01:03:07Z",
    "missed": False,
    "suppliers": 431,
    "planned": 87,
    "counts": {
        "waiting": 0,
        "asking": 0,
        "sent": 0,
        "delivered": 85,
        "undeliverable": 1,
        "failed": 1,
        "unknown": 0,
        "moot": 0,
    },
    "problems": [
        {"code": "isv.MOBILE_NUMBER_ILLEGAL", "count": 1, "status": "failed", "supplier_id": None},
        {"code": "contacts_missing", "count": 0, "status": None, "supplier_id": "supplier-7"},
    ],
}


class DailySmsProblemOut(BaseModel):
    """Why something of a day did not go as it should."""

    code: str = Field(
        description="The vendor's word, or `missed`: it was too late; `contacts_missing`: nobody to tell."
    )
    count: int = Field(description="How many messages it concerns.")
    status: str | None = Field(description="What became of these messages; null: there were none.")
    supplier_id: str | None = Field(description="The supplier it is about, if it is about one.")


class DailySmsOut(BaseModel):
    """What one day's SMS came to."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    day: date = Field(description="The local day.")
    status: str = Field(description="`planning`, `sending` until all is settled, then `reported`.")
    started_at: datetime = Field(description="When it was begun.")
    planned_at: datetime | None = Field(description="When every supplier had been looked at.")
    reported_at: datetime | None = Field(description="When it was reported: `counts` are of that moment.")
    missed: bool = Field(description="The latest hour had passed before everybody was told.")
    suppliers: int = Field(description="Suppliers looked at.")
    planned: int = Field(description="Messages to be sent.")
    counts: dict[str, int] = Field(
        description="Messages by what had become of them: `sent` ones have no receipt, `unknown` ones may "
        "have arrived and are never repeated, `moot` ones had nothing left to tell."
    )
    problems: list[DailySmsProblemOut] = Field(
        description="Why messages did not arrive, and whom nobody could be told of; the first thousand."
    )


class DailySmsListOut(BaseModel):
    """One page of days, newest first."""

    items: list[DailySmsOut] = Field(description="The days of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
