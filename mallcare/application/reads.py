"""Use cases that read: one case, its record, lists."""

from __future__ import annotations

from dataclasses import replace

from mallcare.application.caller import Caller
from mallcare.domain.errors import NotFound
from mallcare.domain.vocabulary import Role
from mallcare.ports import (
    CaseFilter,
    CaseQueries,
    CaseRecord,
    Clock,
    Page,
    RecordedEvent,
    UnitOfWorkFactory,
)


class ReadAfterSales:
    """One case, its record, or a list of cases, as far as the caller may see."""

    def __init__(self, uow: UnitOfWorkFactory, queries: CaseQueries, clock: Clock) -> None:
        self._uow = uow
        self._queries = queries
        self._clock = clock

    async def one(self, after_sales_no: str, caller: Caller) -> CaseRecord:
        """The case.

        Raises:
            NotFound: unknown, or another tenant's.
        """
        async with self._uow() as uow:
            record = await uow.cases.get(after_sales_no)
        caller.require_case(record.case if record else None, after_sales_no)
        assert record is not None
        return record

    async def events(
        self, after_sales_no: str, caller: Caller, *, limit: int = 200, after: int = 0
    ) -> Page[RecordedEvent]:
        """Who did what and when, refused commands included; oldest first, beyond seq `after`.

        Raises:
            NotFound: unknown, or another tenant's.
        """
        await self.one(after_sales_no, caller)
        async with self._uow() as uow:
            found = await uow.cases.events_of(after_sales_no, after, limit + 1)
        page = tuple(found[:limit])
        return Page(page, str(page[-1].seq) if len(found) > limit else None)

    async def page(
        self, where: CaseFilter, limit: int, cursor: str | None, caller: Caller, *, overdue: bool
    ) -> Page[CaseRecord]:
        """Newest cases first, within the caller's own.

        Raises:
            NotFound: another tenant's list was asked for.
            InvalidInput: a cursor of another list.
        """
        own = _restricted(where, caller)
        if overdue:
            own = replace(own, overdue_at=self._clock.now())
        return await self._queries.cases(own, limit, cursor)


def _restricted(where: CaseFilter, caller: Caller) -> CaseFilter:
    if caller.role is Role.SUPPLIER:
        if where.supplier_id not in (None, caller.supplier_id):
            raise NotFound("there is no such supplier")
        return replace(where, supplier_id=caller.supplier_id)
    if caller.role is Role.CUSTOMER:
        if where.customer_id not in (None, caller.customer_id):
            raise NotFound("there is no such customer")
        return replace(where, customer_id=caller.customer_id)
    return where
