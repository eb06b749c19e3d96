"""Writing a decision: the case, its record and its messages, in the transaction that made it."""

from __future__ import annotations

from mallcare.application.announcements import announce
from mallcare.domain.after_sales import AfterSalesCase, Decision
from mallcare.domain.vocabulary import Role
from mallcare.ports import CaseDetails, CaseRecord, Ids, UnitOfWork


async def write_new(uow: UnitOfWork, decision: Decision, details: CaseDetails, ids: Ids) -> None:
    """Store a case that was just opened."""
    case = decision.case
    await uow.cases.add(CaseRecord(case, details), automatic=_automatic(decision))
    await uow.cases.record(case.after_sales_no, decision.events, command_id=None)
    await uow.outbox.add(announce(case, decision.events, ids))


async def write_change(
    uow: UnitOfWork,
    before: AfterSalesCase,
    decision: Decision,
    ids: Ids,
    *,
    command_id: str | None = None,
    told: bool = False,
) -> None:
    """Store a changed case; `told`: its workflow made the change and knows of it."""
    if not decision.events:
        return
    case = decision.case
    await uow.cases.save(before, case, told=told, automatic=_automatic(decision))
    await uow.cases.record(case.after_sales_no, decision.events, command_id=command_id)
    await uow.outbox.add(announce(case, decision.events, ids))


def _automatic(decision: Decision) -> bool:
    """No person decided the refund, so it counts against the limits of automatic refunds."""
    return any(e.name == "approved" and e.actor.role is Role.SYSTEM for e in decision.events)
