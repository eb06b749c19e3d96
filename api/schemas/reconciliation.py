"""Reconciliation with payment vendors, and the tasks of operations."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from api.schemas.bodies import Asked
from api.schemas.fields import LongText
from mallcare.domain.reconciliation import DifferenceKind
from mallcare.domain.tasks import TaskKind, TaskStatus

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _iso_day(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value) is None:
        raise ValueError("must be a day like 2026-03-01")
    if not isinstance(value, str | date):
        raise ValueError("must be a day like 2026-03-01")
    return value


def _this_century(value: date) -> date:
    if not 2000 <= value.year < 2100:
        raise ValueError("must lie between 2000 and 2100")
    return value


Day = Annotated[date, AfterValidator(_this_century), BeforeValidator(_iso_day)]


class ReconciliationIn(Asked):
    """Have a day reconciled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"day": "2026-03-01"}]})

    day: Day = Field(description="The day of the bill, in Beijing; today's is waited for.")


class ReconciliationStarted(BaseModel):
    """Reconciliations that were started, or ran already."""

    day: date = Field(description="The day of the bill.")
    asked_at: datetime = Field(description="Now: a result whose `started_at` is not earlier is new.")
    providers: list[str] = Field(description="The payment vendors whose bills are read.")


class DifferenceOut(BaseModel):
    """How the bill and our refunds disagree about one refund number. Amounts in fen."""

    kind: DifferenceKind = Field(description="How they disagree.")
    refund_no: str = Field(description="The refund number.")
    after_sales_no: str | None = Field(description="The request it belongs to; null: not one of ours.")
    our_fen: int | None = Field(description="Its amount in our books.")
    our_status: str | None = Field(description="Its status in our books.")
    billed_fen: list[int] = Field(description="Its amounts on the bill, one for each row.")
    billed_status: list[str] = Field(description="Its statuses on the bill, in the vendor's words.")


class ReconciliationOut(BaseModel):
    """What came of one merchant's day."""

    provider: str = Field(description="The payment vendor.")
    merchant: str = Field(description="Our account there.")
    day: date = Field(description="The day of the bill.")
    started_at: datetime = Field(description="When it was last attempted.")
    finished_at: datetime | None = Field(description="When it last came to an end; null: never.")
    failure_code: str | None = Field(
        description="Why the last attempt failed; `STATEMENT_CREATING`: the bill is not written yet."
    )
    billed: int = Field(description="Rows on the bill.")
    due: int = Field(description="Paid refunds that had to be on a bill by then.")
    different: int = Field(description="Differences; each is a task of operations.")
    by_kind: dict[str, int] = Field(description="Differences by kind.")
    differences: list[DifferenceOut] = Field(description="The first thousand of them.")


class ReconciliationListOut(BaseModel):
    """Every merchant's reconciliation of a day."""

    items: list[ReconciliationOut] = Field(description="By vendor and merchant; empty: none was attempted.")


class TaskOut(BaseModel):
    """Something for a person of operations."""

    task_id: str = Field(description="Id of the task.")
    kind: TaskKind = Field(description="What kind of thing a person is needed for.")
    status: TaskStatus = Field(description="open, claimed by somebody, or resolved.")
    subject: str = Field(description="What it is about; one task for each kind and subject.")
    facts: dict[str, Any] = Field(description="What is known of it, by its kind.")
    opened_at: datetime = Field(description="When it was opened.")
    claimed_by: str | None = Field(description="Role and subject of whoever took it.")
    claimed_at: datetime | None = Field(description="When they took it.")
    resolved_by: str | None = Field(description="Role and subject of whoever resolved it.")
    resolved_at: datetime | None = Field(description="When they resolved it.")
    note: str | None = Field(description="What was done about it.")


class TaskListOut(BaseModel):
    """One page of tasks, newest first."""

    items: list[TaskOut] = Field(description="The tasks of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class ResolveTaskIn(Asked):
    """Resolve a task."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "the vendor corrects its bill of the next day"}]}
    )

    note: LongText = Field(description="What was done about it; no names, numbers or addresses of people.")
