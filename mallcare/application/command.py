"""Use case: a command on a case, one transaction, answered in the same breath."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mallcare.application.caller import Caller
from mallcare.application.papers import (
    NOTHING_BESIDE,
    Beside,
    freeze_return_address,
    keep_beside,
    return_address_for,
)
from mallcare.application.parcels import claim_waybill
from mallcare.application.recording import write_change
from mallcare.contracts.after_sales import snapshot_of
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import AfterSalesCase, Circumstances, Decision
from mallcare.domain.commands import Command, WaybillCommand
from mallcare.domain.deciding import decide
from mallcare.domain.errors import DomainError, IdempotencyMismatch, NotFound, refused_as
from mallcare.domain.vocabulary import Action
from mallcare.ports import (
    CaseRecord,
    Clock,
    CommandRecord,
    Hints,
    Ids,
    OrderRecord,
    UnitOfWork,
    UnitOfWorkFactory,
)

MOVES_MONEY = frozenset(
    {
        Action.APPROVE,
        Action.ACCEPT_PROPOSAL,
        Action.ACCEPT,
        Action.CHOOSE,
        Action.RETRY_REFUND,
        Action.SETTLE_OFFLINE,
    }
)
"""Commands that may decide a refund: the payment transactions are locked with the order."""


def signal_of(action: Action) -> Signal:
    """The hint that tells of a command bears its name."""
    return Signal[action.name]


@dataclass(frozen=True, slots=True)
class GivenCommand:
    """A command as it arrived. `body_hash` covers its name and all that was sent, `beside` included."""

    after_sales_no: str
    command_id: str
    command: Command
    body_hash: str
    expected_version: int | None = None
    beside: Beside = NOTHING_BESIDE


class CommandCase:
    """Apply a command under the locks of order and case; refused ones are kept on record too."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids, hints: Hints) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._hints = hints

    async def __call__(self, given: GivenCommand, caller: Caller) -> CaseRecord:
        """The case after the command; the same command id and body give the stored outcome again.

        Raises:
            NotFound, IdempotencyMismatch, and the refusals of `decide`.
        """
        async with self._uow() as uow:
            order = await uow.orders.lock_of_case(given.after_sales_no)
            if order is None:
                raise NotFound("there is no such after-sales request", after_sales_no=given.after_sales_no)
            record = await uow.cases.lock(given.after_sales_no)
            case = caller.require_case(record.case if record else None, given.after_sales_no)
            assert record is not None
            known = await uow.cases.find_command(given.after_sales_no, caller.role, given.command_id)
            if known is not None:
                return _replay(known, given, record, caller.subject)
            answer = CommandRecord(
                given.command_id,
                given.command.action.value,
                given.body_hash,
                caller.actor,
                self._clock.now(),
                case.version,
            )
            try:
                decision = await self._decide(uow, order, case, given, caller)
            except DomainError as refusal:
                await _refuse(uow, record, answer, refusal)
                raise
            await self._accept(uow, record, answer, decision)
        self._hints.offer(snapshot_of(decision.case), signal_of(given.command.action))
        return CaseRecord(decision.case, record.details)

    async def _decide(
        self, uow: UnitOfWork, order: OrderRecord, case: AfterSalesCase, given: GivenCommand, caller: Caller
    ) -> Decision:
        """What the domain says, with the waybill claimed and what came beside the command kept."""
        command, beside = given.command, given.beside
        address = await return_address_for(uow, case, command, beside)
        at = Circumstances(
            book=await uow.orders.book(order, lock_transactions=command.action in MOVES_MONEY),
            policy=await uow.policies.version(case.policy_version),
            now=self._clock.now(),
            mint=self._ids.refund_no,
            return_address_known=address is not None,
        )
        decision = decide(case, command, caller.actor, at, given.expected_version)
        if isinstance(command, WaybillCommand):
            decision = await claim_waybill(uow, order, case, decision, command, at, self._ids)
        await freeze_return_address(uow, case, decision, address, caller.actor)
        await keep_beside(uow, case.after_sales_no, command, beside, caller.actor, at.now)
        return decision

    async def _accept(
        self, uow: UnitOfWork, record: CaseRecord, answer: CommandRecord, decision: Decision
    ) -> None:
        accepted = replace(answer, version=decision.case.version)
        await uow.cases.add_command(record.case.after_sales_no, accepted)
        await write_change(uow, record.case, decision, self._ids, command_id=answer.command_id)
        await uow.commit()


async def _refuse(uow: UnitOfWork, record: CaseRecord, answer: CommandRecord, refusal: DomainError) -> None:
    refused = replace(answer, code=refusal.code, detail=refusal.detail, facts=refusal.facts)
    await uow.cases.add_command(record.case.after_sales_no, refused)
    await uow.cases.refuse(record.case.after_sales_no, refused, record.case.state.value)
    await uow.commit()


def _replay(known: CommandRecord, given: GivenCommand, record: CaseRecord, subject: str) -> CaseRecord:
    same = known.body_hash == given.body_hash and known.name == given.command.action.value
    if not same or known.actor.subject != subject:
        raise IdempotencyMismatch(
            "this command_id was used for another command, or by somebody else",
            command=known.name,
            command_id=known.command_id,
        )
    if known.code is not None:
        raise refused_as(known.code, known.detail, known.facts)
    return record
