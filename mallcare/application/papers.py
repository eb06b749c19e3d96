"""What travels beside a command: addresses, evidence, texts. Personal data, so PostgreSQL alone sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.application.caller import Caller
from mallcare.domain.after_sales import AfterSalesCase, Decision
from mallcare.domain.commands import (
    AcceptProposal,
    Actor,
    Approve,
    ChangeAddress,
    Command,
)
from mallcare.domain.errors import InvalidInput, NotFound
from mallcare.domain.vocabulary import Kind, Role
from mallcare.ports import Address, AddressUse, CaseEvidence, Clock, UnitOfWork, UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class Beside:
    """What a caller sent with a command that the domain has no use for."""

    address: Address | None = None
    evidence: tuple[str, ...] = ()
    text: str | None = None


NOTHING_BESIDE = Beside()


@dataclass(frozen=True, slots=True)
class CaseAddresses:
    """Where the goods of a request go; None while nobody told."""

    return_address: Address | None
    ship_to: Address | None


async def return_address_for(
    uow: UnitOfWork, case: AfterSalesCase, command: Command | None, beside: Beside
) -> Address | None:
    """The address that an approval freezes: the one given with it, or else the supplier's own.

    `command` None: the policy approves by itself. What cannot lead to a return costs no query.
    """
    if beside.address is not None and not isinstance(command, ChangeAddress):
        return beside.address
    if isinstance(command, AcceptProposal):
        kind = case.proposal.kind if case.proposal is not None else Kind.REFUND_ONLY
    elif command is None or isinstance(command, Approve):
        kind = case.kind
    else:
        return None
    return None if kind is Kind.REFUND_ONLY else await uow.suppliers.return_address(case.supplier_id)


async def freeze_return_address(
    uow: UnitOfWork, before: AfterSalesCase, decision: Decision, address: Address | None, actor: Actor
) -> None:
    """Keep the address for the life of the case, from the decision that set it on."""
    case = decision.case
    if address is not None and case.return_address_set and not before.return_address_set:
        await uow.cases.add_address(case.after_sales_no, AddressUse.RETURN, address, actor, case.updated_at)


async def keep_beside(
    uow: UnitOfWork, after_sales_no: str, command: Command, beside: Beside, actor: Actor, now: datetime
) -> None:
    """Keep a new delivery address, evidence and texts of an accepted command.

    Raises:
        InvalidInput: a change of address without one.
    """
    if isinstance(command, ChangeAddress):
        if beside.address is None:
            raise InvalidInput("a change of address names the new one")
        await uow.cases.add_address(after_sales_no, AddressUse.DELIVERY, beside.address, actor, now)
    if beside.evidence or beside.text:
        shown = CaseEvidence(command.action.value, actor, now, beside.evidence, beside.text)
        await uow.cases.add_evidence(after_sales_no, shown)


class CasePapers:
    """Addresses and evidence of a case, for whom they concern."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        self._uow = uow

    async def addresses(self, after_sales_no: str, caller: Caller) -> CaseAddresses:
        """Where the goods go: replacements and refused goods where the order went, unless told otherwise.

        Raises:
            NotFound: unknown, or another tenant's.
        """
        async with self._uow() as uow:
            record = await uow.cases.get(after_sales_no)
            case = caller.require_case(record.case if record else None, after_sales_no)
            known = await uow.cases.addresses_of(after_sales_no)
            ship_to = known.get(AddressUse.DELIVERY)
            if ship_to is None and (case.kind is Kind.EXCHANGE or case.refused_units):
                order = await uow.orders.get(case.order_no)
                ship_to = order.personal.ship_to if order else None
        return CaseAddresses(known.get(AddressUse.RETURN), ship_to)

    async def evidence(self, after_sales_no: str, caller: Caller) -> list[CaseEvidence]:
        """What was shown during the request, oldest first.

        Raises:
            NotFound: unknown, or another tenant's.
        """
        async with self._uow() as uow:
            record = await uow.cases.get(after_sales_no)
            caller.require_case(record.case if record else None, after_sales_no)
            return await uow.cases.evidence_of(after_sales_no)


class ReturnAddresses:
    """Where a supplier's goods are sent back to."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def get(self, supplier_id: str, caller: Caller) -> Address | None:
        """The address, None while nobody told one.

        Raises:
            NotAllowed, NotFound: see `set`.
        """
        _require_own(supplier_id, caller)
        async with self._uow() as uow:
            return await uow.suppliers.return_address(supplier_id)

    async def set(self, supplier_id: str, address: Address, caller: Caller) -> None:
        """Name the address for approvals from now on.

        Raises:
            NotAllowed: only the supplier, the mall and operations.
            NotFound: another supplier's.
        """
        _require_own(supplier_id, caller)
        async with self._uow() as uow:
            await uow.suppliers.set_return_address(supplier_id, address, caller.actor, self._clock.now())
            await uow.commit()


def _require_own(supplier_id: str, caller: Caller) -> None:
    caller.require_role(Role.SUPPLIER, Role.MALL, Role.OPERATIONS)
    if caller.role is Role.SUPPLIER and caller.supplier_id != supplier_id:
        raise NotFound("there is no such supplier", supplier_id=supplier_id)
