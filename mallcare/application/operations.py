"""Use cases of operations: policies, and the stop switch of automatic refunds."""

from __future__ import annotations

from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable, answered_before, remember
from mallcare.domain.policy import AUTOMATIC_REFUNDS, AfterSalesPolicy
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, UnitOfWorkFactory


class Policies:
    """Read the policy in force, and publish the next version. Open cases keep theirs."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def current(self, supplier_id: str | None, caller: Caller) -> AfterSalesPolicy:
        """The policy new cases of a supplier open under; None asks for the general one."""
        caller.require_role(Role.OPERATIONS, Role.AUDITOR, Role.FINANCE, Role.MALL)
        async with self._uow() as uow:
            return await uow.policies.current(supplier_id or "")

    async def publish(
        self,
        policy: AfterSalesPolicy,
        supplier_id: str | None,
        caller: Caller,
        once: Repeatable | None = None,
    ) -> AfterSalesPolicy:
        """Add a version for one supplier, or for all; answers it with its number.

        Repeated under the same key it answers the version of the first time.

        Raises:
            NotAllowed: only operations publish.
            IdempotencyMismatch: the key was used with another body.
        """
        caller.require_role(Role.OPERATIONS)
        async with self._uow() as uow:
            first = await answered_before(uow, caller, once) if once else None
            if first is not None:
                return await uow.policies.version(int(str(first["version"])))
            now = self._clock.now()
            version = await uow.policies.publish(policy, supplier_id, caller.actor, now)
            stored = await uow.policies.version(version)
            if once:
                await remember(uow, caller, once, {"version": version}, now)
            await uow.commit()
        return stored


class StopSwitch:
    """Stops every automatic refund at once: new requests go to review, auto-approvals escalate."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def stopped(self, caller: Caller) -> bool:
        """Whether automatic refunds are stopped."""
        caller.require_role(Role.OPERATIONS, Role.FINANCE, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.switches.stopped(AUTOMATIC_REFUNDS)

    async def set(self, *, stopped: bool, reason: str, caller: Caller) -> None:
        """Stop or allow automatic refunds; kept with who and why.

        Raises:
            NotAllowed: only operations and finance.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE)
        async with self._uow() as uow:
            await uow.switches.set(
                AUTOMATIC_REFUNDS, stopped=stopped, reason=reason, actor=caller.actor, now=self._clock.now()
            )
            await uow.commit()
