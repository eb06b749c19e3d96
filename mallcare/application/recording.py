"""Writing a decision: the case, its record and its messages, in the transaction that made it."""

from __future__ import annotations

from mallcare.application.announcements import announce
from mallcare.application.asking import ask_operations, drop_moot_tasks
from mallcare.application.intercepts import begin_intercept
from mallcare.application.stage_timing import follow_case
from mallcare.domain.after_sales import AfterSalesCase, Decision
from mallcare.domain.notifications import tell
from mallcare.domain.release import holds_release
from mallcare.domain.vocabulary import State
from mallcare.ports import CaseDetails, CaseRecord, Ids, UnitOfWork


async def write_new(uow: UnitOfWork, decision: Decision, details: CaseDetails, ids: Ids) -> None:
    """Store a case that was just opened."""
    case = decision.case
    await uow.cases.add(CaseRecord(case, details), automatic=_automatic(decision))
    await uow.cases.record(case.after_sales_no, decision.events, command_id=None)
    await uow.outbox.add(announce(case, decision.events, ids), tell(case, decision.events))
    await follow_case(uow, None, case, decision.events[-1].name)


async def write_change(
    uow: UnitOfWork,
    before: AfterSalesCase,
    decision: Decision,
    ids: Ids,
    *,
    command_id: str | None = None,
    told: bool = False,
    quiet: bool = False,
) -> None:
    """Store a changed case and what it asks of operations.

    `told`: its workflow made the change; `quiet`: it need not hear of it.
    """
    if decision.tasks:
        await ask_operations(uow, decision, ids)
    if not decision.events:
        return
    case = decision.case
    await uow.cases.save(before, case, told=told, quiet=quiet, automatic=_automatic(decision))
    await uow.cases.record(case.after_sales_no, decision.events, command_id=command_id)
    await uow.outbox.add(announce(case, decision.events, ids), tell(case, decision.events))
    await drop_moot_tasks(uow, before, case)
    if holds_release(before) and not holds_release(case):
        await uow.releases.due_again(case.order_no, case.updated_at)
    await begin_intercept(uow, before, case, ids)
    await follow_case(uow, before, case, decision.events[-1].name)
    if case.exchanged_at is not None:
        units = dict.fromkeys(case.accepted_units, case.exchanged_at)
        await uow.orders.mark_exchanged(case.order_no, units)


def _automatic(decision: Decision) -> bool:
    """No person decided the refund, so it counts against the limits of automatic refunds."""
    return any(e.facts.get("automatic") is True and e.to_state is State.REFUNDING for e in decision.events)
