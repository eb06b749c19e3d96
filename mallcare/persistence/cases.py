"""After-sales cases with their legs, parcels and units, and the sweeper's view of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    DateTime,
    Integer,
    Text,
    bindparam,
    case,
    column,
    func,
    insert,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent
from mallcare.domain.commands import Actor
from mallcare.domain.errors import VersionConflict
from mallcare.domain.policy import AUTOMATIC_REFUNDS, AutoRefundUsage
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.vocabulary import Role
from mallcare.persistence import case_legs, case_papers, records
from mallcare.persistence.case_codec import case_of, case_record, case_values
from mallcare.persistence.case_legs import write_legs
from mallcare.persistence.case_parcels import SENT_WITH, claim_waybill, write_parcels
from mallcare.persistence.holdings import hold, move_holdings
from mallcare.persistence.statements import CASES
from mallcare.persistence.tables import LIVE, after_sales, switches
from mallcare.ports.records import (
    Address,
    AddressUse,
    CaseEvidence,
    CaseRecord,
    CommandRecord,
    RecordedEvent,
)

NUMBER = bindparam("number", type_=Text())
BEFORE = bindparam("before", type_=DateTime(timezone=True))
LIMIT = bindparam("limit", type_=Integer())
AFTER = tuple_(bindparam("after_at", type_=DateTime(timezone=True)), NUMBER)
"""The last case of the page before."""

GET = CASES.where(after_sales.c.after_sales_no == NUMBER)
LOCK = GET.with_for_update(key_share=True, of=after_sales)
ADD = insert(after_sales)
OF_ORDER = (
    CASES.where(after_sales.c.order_no == NUMBER)
    .order_by(after_sales.c.after_sales_no)
    .with_for_update(key_share=True, of=after_sales)
)
LIVE_OF_ORDER = OF_ORDER.where(text(LIVE))
OF_WAYBILL = OF_ORDER.where(SENT_WITH)
SAVE = update(after_sales).where(
    after_sales.c.after_sales_no == NUMBER, after_sales.c.version == bindparam("known", type_=Integer())
)
NEVER_CHANGE = ("after_sales_no", "order_no", "supplier_id", "customer_id", "created_at")

_told = (
    func.json_to_recordset(bindparam("rows", type_=JSON()))
    .table_valued(column("number", Text()), column("version", Integer()))
    .render_derived(name="told", with_types=True)
)
_told_locked = (
    select(after_sales.c.after_sales_no, _told.c.version)
    .join_from(after_sales, _told, after_sales.c.after_sales_no == _told.c.number)
    .where(after_sales.c.told_version < _told.c.version)
    .order_by(after_sales.c.after_sales_no)
    .with_for_update(key_share=True, of=after_sales)
    .cte("locked")
)
MARK_TOLD = (
    update(after_sales)
    .where(after_sales.c.after_sales_no == _told_locked.c.after_sales_no)
    .values(told_version=func.least(_told_locked.c.version, after_sales.c.version))
)
UNTOLD = (
    CASES.where(after_sales.c.told_version < after_sales.c.version, after_sales.c.updated_at < BEFORE)
    .order_by(after_sales.c.updated_at, after_sales.c.after_sales_no)
    .limit(LIMIT)
)
UNTOLD_AFTER = UNTOLD.where(tuple_(after_sales.c.updated_at, after_sales.c.after_sales_no).op(">")(AFTER))
OVERDUE = (
    CASES.where(after_sales.c.deadline_at < BEFORE)
    .order_by(after_sales.c.deadline_at, after_sales.c.after_sales_no)
    .limit(LIMIT)
)
OVERDUE_AFTER = OVERDUE.where(tuple_(after_sales.c.deadline_at, after_sales.c.after_sales_no).op(">")(AFTER))
_next_to_check = (
    select(after_sales.c.after_sales_no)
    .where(text(LIVE))
    .order_by(after_sales.c.checked_at)
    .limit(LIMIT)
    .with_for_update(key_share=True, skip_locked=True)
    .cte("next")
)
CHECK = (
    update(after_sales)
    .where(after_sales.c.after_sales_no == _next_to_check.c.after_sales_no)
    .values(checked_at=bindparam("now", type_=DateTime(timezone=True)))
    .returning(after_sales.c.after_sales_no)
)
CHECKED = CASES.where(after_sales.c.after_sales_no.in_(bindparam("numbers", expanding=True))).order_by(
    after_sales.c.created_at
)

COUNTER_OF_CUSTOMER, COUNTER_OF_SUPPLIER = 7301, 7302
"""Families of advisory locks; always taken in this order."""
CUSTOMER = bindparam("customer_id", type_=Text())
SUPPLIER = bindparam("supplier_id", type_=Text())
SINCE = bindparam("since", type_=DateTime(timezone=True))
LOCK_COUNTERS = select(
    func.pg_advisory_xact_lock(COUNTER_OF_CUSTOMER, func.hashtext(CUSTOMER)),
    func.pg_advisory_xact_lock(COUNTER_OF_SUPPLIER, func.hashtext(SUPPLIER)),
)
USAGE = select(
    select(func.count())
    .where(after_sales.c.customer_id == CUSTOMER, after_sales.c.auto_refunded_at >= SINCE)
    .scalar_subquery(),
    select(func.count())
    .where(after_sales.c.supplier_id == SUPPLIER, after_sales.c.auto_refunded_at >= SINCE)
    .scalar_subquery(),
    select(switches.c.stopped).where(switches.c.name == AUTOMATIC_REFUNDS).scalar_subquery(),
)


class SqlCases:
    """Cases in PostgreSQL; see `ports.storage.Cases` for what each method promises."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, after_sales_no: str) -> CaseRecord | None:
        """One round trip, legs included: nobody changes them without the order's lock."""
        return await self._one(LOCK, after_sales_no)

    async def get(self, after_sales_no: str) -> CaseRecord | None:
        """As last committed."""
        return await self._one(GET, after_sales_no)

    async def _one(self, statement: Any, number: str) -> CaseRecord | None:
        row = (await self._connection.execute(statement, {"number": number})).mappings().one_or_none()
        return None if row is None else case_record(row)

    async def add(self, record: CaseRecord, *, automatic: bool = False) -> None:
        """Its workflow knows nothing of it yet."""
        case = record.case
        values = case_values(case) | {
            "description": record.details.description,
            "evidence": list(record.details.evidence),
            "told_version": 0,
            "checked_at": case.created_at,
            "auto_refunded_at": case.updated_at if automatic else None,
        }
        await self._connection.execute(ADD, values)
        await write_legs(self._connection, None, case)
        await write_parcels(self._connection, None, case)
        await hold(self._connection, case.order_no, case.holdings)

    async def save(
        self,
        before: AfterSalesCase,
        after: AfterSalesCase,
        *,
        told: bool,
        quiet: bool = False,
        automatic: bool = False,
    ) -> None:
        """Only legs, parcels and units that changed are written."""
        values: dict[str, Any] = {
            name: item for name, item in case_values(after).items() if name not in NEVER_CHANGE
        }
        if told:
            values["told_version"] = after.version
        elif quiet:
            heard_all = after_sales.c.told_version == before.version
            values["told_version"] = case((heard_all, after.version), else_=after_sales.c.told_version)
        if automatic:
            values["auto_refunded_at"] = after.updated_at
        saved = await self._connection.execute(
            SAVE.values(values), {"number": after.after_sales_no, "known": before.version}
        )
        if saved.rowcount != 1:
            raise VersionConflict("the request has changed meanwhile", seen_version=before.version)
        await write_legs(self._connection, before, after)
        await write_parcels(self._connection, before, after)
        await move_holdings(self._connection, before, after)

    async def record(self, after_sales_no: str, events: Sequence[CaseEvent], command_id: str | None) -> None:
        """In the order given."""
        await records.append(self._connection, after_sales_no, events, command_id)

    async def refuse(self, after_sales_no: str, command: CommandRecord, state: str) -> None:
        """A line of the record only; `add_command` keeps the answer."""
        await records.append_refusal(self._connection, after_sales_no, command, state)

    async def find_command(self, after_sales_no: str, role: Role, command_id: str) -> CommandRecord | None:
        """The stored outcome of a command, None if it is new."""
        return await records.find_command(self._connection, after_sales_no, role, command_id)

    async def add_command(self, after_sales_no: str, command: CommandRecord) -> None:
        """Keep the outcome of a new command."""
        await records.add_command(self._connection, after_sales_no, command)

    async def events_of(self, after_sales_no: str, after: int = 0, most: int = 1_000) -> list[RecordedEvent]:
        """By the index of number and id alone."""
        return await records.events_of(self._connection, after_sales_no, after, most)

    async def live_of_order(self, order_no: str) -> list[CaseRecord]:
        """Legs and parcels included; see `lock`."""
        rows = (await self._connection.execute(LIVE_OF_ORDER, {"number": order_no})).mappings()
        return [case_record(row) for row in rows]

    async def with_waybill(self, order_no: str, waybill: str) -> list[CaseRecord]:
        """As `live_of_order`."""
        given = {"number": order_no, "waybill_": waybill}
        return [case_record(row) for row in (await self._connection.execute(OF_WAYBILL, given)).mappings()]

    async def claim_waybill(self, waybill: str, supplier_id: str, customer_id: str) -> bool:
        """Waits for whoever claims the same waybill, and then sees what they wrote."""
        return await claim_waybill(self._connection, waybill, supplier_id, customer_id)

    async def add_address(
        self, after_sales_no: str, use: AddressUse, address: Address, actor: Actor, now: datetime
    ) -> None:
        """Nothing is overwritten."""
        await case_papers.add_address(self._connection, after_sales_no, use, address, actor, now)

    async def addresses_of(self, after_sales_no: str) -> dict[AddressUse, Address]:
        """The one added last counts."""
        return await case_papers.addresses_of(self._connection, after_sales_no)

    async def add_evidence(self, after_sales_no: str, evidence: CaseEvidence) -> None:
        """Nothing is overwritten."""
        await case_papers.add_evidence(self._connection, after_sales_no, evidence)

    async def evidence_of(self, after_sales_no: str) -> list[CaseEvidence]:
        """In the order it was added."""
        return await case_papers.evidence_of(self._connection, after_sales_no)

    async def find_leg(self, refund_no: str) -> tuple[str, RefundLeg] | None:
        """As last committed."""
        return await case_legs.find_leg(self._connection, refund_no)

    async def mark_unclear(self, refund_no: str, now: datetime) -> bool:
        """Needs no lock before it: the version of the case does not change."""
        return await case_legs.mark_unclear(self._connection, refund_no, now)

    async def mark_told(self, told: Mapping[str, int]) -> None:
        """Never goes back, and never beyond the version that exists."""
        if told:
            rows = [{"number": number, "version": version} for number, version in told.items()]
            await self._connection.execute(MARK_TOLD, {"rows": rows})

    async def untold(
        self, before: datetime, limit: int, after: AfterSalesCase | None = None
    ) -> list[AfterSalesCase]:
        """Ended cases too: their workflow must be told to end. Longest untold first."""
        given = {"before": before, "limit": limit}
        if after is None:
            return await self._list(UNTOLD, given)
        place = {"after_at": after.updated_at, "number": after.after_sales_no}
        return await self._list(UNTOLD_AFTER, given | place)

    async def overdue(
        self, before: datetime, limit: int, after: AfterSalesCase | None = None
    ) -> list[AfterSalesCase]:
        """Longest overdue first."""
        given = {"before": before, "limit": limit}
        if after is None:
            return await self._list(OVERDUE, given)
        place = {"after_at": after.deadline_at, "number": after.after_sales_no}
        return await self._list(OVERDUE_AFTER, given | place)

    async def least_recently_checked(self, now: datetime, limit: int) -> list[AfterSalesCase]:
        """A case that a command holds just now is left for the next turn."""
        checked = await self._connection.execute(CHECK, {"now": now, "limit": limit})
        numbers = list(checked.scalars())
        return await self._list(CHECKED, {"numbers": numbers}) if numbers else []

    async def _list(self, statement: Any, given: Mapping[str, object]) -> list[AfterSalesCase]:
        rows = (await self._connection.execute(statement, given)).mappings()
        return [case_of(row) for row in rows]

    async def auto_refund_usage(self, customer_id: str, supplier_id: str, since: datetime) -> AutoRefundUsage:
        """Others who ask for the same customer or supplier wait until this transaction ends."""
        who = {"customer_id": customer_id, "supplier_id": supplier_id}
        await self._connection.execute(LOCK_COUNTERS, who)
        used = (await self._connection.execute(USAGE, {**who, "since": since})).one()
        return AutoRefundUsage(stopped=bool(used[2]), by_customer=used[0], by_supplier=used[1])
