"""Operations tasks that decisions ask for, and those that became moot."""

from __future__ import annotations

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Decision
from mallcare.domain.deadlines import CALLS_OPERATIONS
from mallcare.domain.errors import Fact
from mallcare.domain.parcels import Parcel
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskWanted
from mallcare.domain.vocabulary import ParcelPurpose, State
from mallcare.ports import Ids, UnitOfWork

BY_PLATFORM = f"{SYSTEM.role.value}:{SYSTEM.subject}"


async def ask_operations(uow: UnitOfWork, decision: Decision, ids: Ids) -> None:
    """Open what the decision calls for, mostly under the case's number; what still asks stays alone."""
    await uow.tasks.open([_task(decision.case, wanted, ids) for wanted in decision.tasks])


def _task(case: AfterSalesCase, wanted: TaskWanted, ids: Ids) -> OperationsTask:
    facts: dict[str, Fact] = {
        "after_sales_no": case.after_sales_no,
        "order_no": case.order_no,
        "supplier_id": case.supplier_id,
        "kind": case.kind.value,
        **wanted.facts,
    }
    subject = wanted.subject or case.after_sales_no
    return OperationsTask(ids.task_id(), wanted.kind, subject, case.updated_at, facts)


async def drop_moot_tasks(uow: UnitOfWork, before: AfterSalesCase, after: AfterSalesCase) -> None:
    """What asked about a wait that is over asks no more."""
    moot = CALLS_OPERATIONS.get(before.state) if before.state is not after.state else None
    if moot is not None:
        await _drop(uow, after, moot)
    if after.return_address_set and not before.return_address_set:
        await _drop(uow, after, TaskKind.RETURN_ADDRESS_MISSING)
    if any(_asks(p, before) for p in before.parcels) and not any(_asks(p, after) for p in after.parcels):
        await _drop_parcel_task(uow, before, after)
    if before.taken_over and (after.state.final or not after.taken_over):
        await _drop(uow, after, TaskKind.TAKEN_OVER_BY_MALL)


def _asks(parcel: Parcel, case: AfterSalesCase) -> bool:
    """The carrier reported an exception, and the goods are still waited for."""
    arrived = case.state.final or (
        parcel.purpose is ParcelPurpose.RETURN and case.state is not State.RETURN_IN_TRANSIT
    )
    return parcel.abnormal and not arrived


async def _drop_parcel_task(uow: UnitOfWork, before: AfterSalesCase, after: AfterSalesCase) -> None:
    """Whoever ended the request has the goods; where its clock did, the parcel may still be lost."""
    by_clock = before.deadline_at is not None and after.updated_at >= before.deadline_at
    if not (after.state.final and by_clock):
        await _drop(uow, after, TaskKind.PARCEL_ABNORMAL)


async def _drop(uow: UnitOfWork, case: AfterSalesCase, kind: TaskKind) -> None:
    note = f"the request went on, it is {case.state.value}"
    await uow.tasks.resolve_for(case.after_sales_no, kind, BY_PLATFORM, note, case.updated_at)
