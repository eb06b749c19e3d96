"""What crosses Temporal about a case: frozen, versionless models that only ever gain defaulted fields.

No personal data: the workflow waits and acts, PostgreSQL knows. Amounts are there for people to read.
"""

from __future__ import annotations

from pydantic import AwareDatetime, BaseModel, ConfigDict

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.vocabulary import DeadlineEffect, Kind, State


class Contract(BaseModel):
    """Base of every payload: unknown fields of newer senders are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class OpenRefund(Contract):
    """A refund leg that the vendor still has to be asked about."""

    refund_no: str
    tender: str
    amount_fen: int
    provider: str
    round: int = 1


class CaseSnapshot(Contract):
    """A case as its workflow needs to know it. A higher version replaces a lower one."""

    after_sales_no: str
    order_no: str
    supplier_id: str
    kind: Kind
    state: State
    version: int
    disputed: bool = False
    escalated: bool = False
    cooling_off: bool = False
    deadline_at: AwareDatetime | None = None
    deadline_effect: DeadlineEffect | None = None
    open_refunds: tuple[OpenRefund, ...] = ()
    keeps_alarm: bool = False
    """Read from the input of a run alone: its timer is moved only where that matters (`workflows/alarm.py`).

    False in what began before November 2026: those runs set a timer anew with every piece of news.
    """

    @property
    def final(self) -> bool:
        """The case has ended."""
        return self.state.final


class FireDeadlineInput(Contract):
    """A deadline passed on the workflow's clock `now`; `deadline_at` says which."""

    after_sales_no: str
    deadline_at: AwareDatetime
    now: AwareDatetime


class IssueRefundInput(Contract):
    """Pursue one leg until the vendor gave its final word. `now`: the workflow's clock."""

    after_sales_no: str
    refund_no: str
    now: AwareDatetime


def snapshot_of(case: AfterSalesCase) -> CaseSnapshot:
    """The part of a case that its workflow knows."""
    return CaseSnapshot(
        after_sales_no=case.after_sales_no,
        order_no=case.order_no,
        supplier_id=case.supplier_id,
        kind=case.kind,
        state=case.state,
        version=case.version,
        disputed=case.disputed,
        escalated=case.escalated_at is not None,
        cooling_off=case.cooling_off,
        deadline_at=case.deadline_at,
        deadline_effect=case.deadline_effect,
        open_refunds=tuple(
            OpenRefund(
                refund_no=leg.refund_no,
                tender=leg.tender.value,
                amount_fen=leg.amount_fen,
                provider=leg.provider,
                round=leg.round,
            )
            for leg in case.legs
            if leg.status.open
        ),
        keeps_alarm=True,
    )
