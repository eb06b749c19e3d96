"""Every wait of a request that has a clock, of every kind, told by hand: its begin, its length, its effect.

Kept apart from the product's own tables on purpose: a clock armed for another state, another length or
another effect than the one here is a mistake on one side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mallcare.domain import commands as c
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Actor, Command
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.vocabulary import Action, Choice, DeadlineEffect, Kind, OrderEventType, State
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    FINANCE,
    OPERATIONS,
    POLICY,
    SUPPLIER,
    asking,
    cash,
    line,
    order,
    points,
    reported,
)
from tests.domain.ledger import Ledger

NO = "AS1"
NOW = AFTER_COOLING_OFF
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AUTO = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)

RO, RR, EX = Kind.REFUND_ONLY, Kind.RETURN_REFUND, Kind.EXCHANGE
S, E = State, DeadlineEffect

Step = Callable[[Ledger], None]


def by(actor: Actor, command: Command) -> Step:
    """Somebody gives a command."""
    return lambda ledger: void_of(ledger.decide(NO, command, actor, NOW))


def void_of(_: object) -> None:
    """Nothing: what was decided stands in the ledger."""


def legs_fail(ledger: Ledger) -> None:
    """The vendors refuse every leg."""
    for leg in ledger.cases[NO].legs:
        ledger.settle(NO, leg.refund_no, NOW, succeeded=False)


def signed(ledger: Ledger) -> None:
    """The carrier delivered the return."""
    ledger.hear(NO, reported(OrderEventType.DELIVERED, NOW, "R1"), NOW)


def closed_and_granted(ledger: Ledger) -> None:
    """The mall closed the order, which voids the clock, and operations set another one."""
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    ledger.decide(NO, c.ExtendDeadline(NOW + DAY, "looked into"), OPERATIONS, NOW)


BOTH = (("A", 2),)
APPROVE = by(SUPPLIER, c.Approve())
SENT = (APPROVE, by(CUSTOMER, c.SubmitWaybill("shunfeng", "R1")))
RECEIVED = (*SENT, by(SUPPLIER, c.Receive((c.ReceivedLine("A", good=2),))))
ACCEPTED = (*RECEIVED, by(SUPPLIER, c.Accept((c.AcceptedLine("A", 2),))))
OUT = (*ACCEPTED, by(SUPPLIER, c.OutOfStock()))
RESHIPPED = (*ACCEPTED, by(SUPPLIER, c.Reship("shunfeng", "N1")))
REFUSED = (*RECEIVED, by(SUPPLIER, c.Refuse("used", 1)))
BACK = (*REFUSED, by(SUPPLIER, c.ShipBack("shunfeng", "B1")))
OFFERS = {
    RO: by(SUPPLIER, c.Propose("less", goods_fen=700)),
    RR: by(SUPPLIER, c.Propose("less", goods_fen=700)),
    EX: by(SUPPLIER, c.Propose("money instead", kind=RR)),
}
FAILED = {
    RO: (APPROVE, legs_fail),
    RR: (*ACCEPTED, legs_fail),
    EX: (*OUT, by(CUSTOMER, c.Choose(Choice.REFUND)), legs_fail),
}


@dataclass(frozen=True)
class Wait:
    """One wait of one kind: its steps, how long it lasts, and what its end does."""

    name: str
    kind: Kind
    state: State
    effect: DeadlineEffect
    lasts: timedelta
    steps: tuple[Step, ...] = ()
    policy: AfterSalesPolicy = POLICY

    def __str__(self) -> str:
        return f"{self.kind.value}-{self.name}"

    @property
    def due(self) -> datetime:
        """The instant its clock is set to."""
        return NOW + self.lasts

    def begun(self) -> Ledger:
        """A ledger whose one request waits so, two units of three over two tenders."""
        bought = order(line("A", 3), tenders=(cash(2_301), points(800)), freight_fen=101)
        ledger = Ledger(bought, self.policy)
        ledger.parcels.append(reported(OrderEventType.DELIVERED, NOW - HOUR))
        ledger.submit(asking(*BOTH, kind=self.kind), NOW)
        for step in self.steps:
            step(ledger)
        return ledger


def of_every_kind() -> list[Wait]:
    """Waits that all kinds know."""
    return [
        wait
        for kind in Kind
        for wait in (
            Wait("review", kind, S.PENDING_REVIEW, E.ESCALATE, 48 * HOUR),
            Wait("automatic review", kind, S.PENDING_REVIEW, E.AUTO_APPROVE, 48 * HOUR, (), AUTO),
            Wait("offer", kind, S.PENDING_CUSTOMER, E.DECLINE, 7 * DAY, (OFFERS[kind],)),
            Wait(
                "question",
                kind,
                S.PENDING_CUSTOMER,
                E.DECLINE,
                7 * DAY,
                (by(SUPPLIER, c.RequestEvidence("?")),),
            ),
            Wait(
                "granted offer", kind, S.PENDING_CUSTOMER, E.ESCALATE, DAY, (OFFERS[kind], closed_and_granted)
            ),
            Wait("failed refund", kind, S.REFUND_FAILED, E.ESCALATE, 24 * HOUR, FAILED[kind]),
        )
    ]


def with_goods() -> list[Wait]:
    """Waits for goods on their way back."""
    return [
        wait
        for kind in (RR, EX)
        for wait in (
            Wait("return", kind, S.AWAITING_RETURN, E.EXPIRE, 7 * DAY, (APPROVE,)),
            Wait("granted return", kind, S.AWAITING_RETURN, E.ESCALATE, DAY, (APPROVE, closed_and_granted)),
            Wait("transit", kind, S.RETURN_IN_TRANSIT, E.ESCALATE, 10 * DAY, SENT),
            Wait("inspection", kind, S.INSPECTING, E.ESCALATE, 48 * HOUR, RECEIVED),
            Wait("signed for", kind, S.INSPECTING, E.ESCALATE, 48 * HOUR, (*SENT, signed)),
            Wait("shipping back", kind, S.RETURNING_TO_CUSTOMER, E.ESCALATE, 48 * HOUR, REFUSED),
            Wait("back", kind, S.RETURNING_TO_CUSTOMER, E.COMPLETE, 10 * DAY, BACK),
        )
    ]


EXCHANGED = [
    Wait("reshipment", EX, S.AWAITING_RESHIPMENT, E.ESCALATE, 48 * HOUR, ACCEPTED),
    Wait("out of stock", EX, S.OUT_OF_STOCK, E.REFUND, 7 * DAY, OUT),
    Wait("granted choice", EX, S.OUT_OF_STOCK, E.ESCALATE, DAY, (*OUT, closed_and_granted)),
    Wait("replacement", EX, S.RESHIPPED, E.COMPLETE, 10 * DAY, RESHIPPED),
    Wait(
        "missing replacement",
        EX,
        S.RESHIPPED,
        E.ESCALATE,
        48 * HOUR,
        (*RESHIPPED, by(CUSTOMER, c.ReportMissing())),
    ),
]
WAITS = [*of_every_kind(), *with_goods(), *EXCHANGED]

WHO: dict[Action, Actor] = {
    **dict.fromkeys(
        (
            Action.CANCEL,
            Action.ACCEPT_PROPOSAL,
            Action.DECLINE_PROPOSAL,
            Action.SUBMIT_EVIDENCE,
            Action.SUBMIT_WAYBILL,
            Action.CORRECT_WAYBILL,
            Action.CHANGE_ADDRESS,
            Action.CHOOSE,
            Action.CONFIRM,
            Action.REPORT_MISSING,
        ),
        CUSTOMER,
    ),
    Action.EXTEND_DEADLINE: OPERATIONS,
    Action.CLOSE: OPERATIONS,
    Action.RESUME: OPERATIONS,
    Action.RETRY_REFUND: FINANCE,
    Action.SETTLE_OFFLINE: FINANCE,
}
"""Who gives each command; the supplier where nobody else is named."""


def commands_on(case: AfterSalesCase, now: datetime) -> dict[Action, Command]:
    """Every command there is, each so that nothing but state and clock can refuse it."""
    later = max(case.deadline_at or now, now) + 20 * DAY
    kind = RR if case.kind is EX else None
    given: tuple[Command, ...] = (
        c.Approve(),
        c.Reject("used"),
        c.Propose("less", None if kind else 500, kind),
        c.RequestEvidence("a picture?"),
        c.AcceptProposal(),
        c.DeclineProposal(),
        c.SubmitEvidence(1),
        c.Cancel(),
        c.SetReturnAddress(),
        c.SubmitWaybill("shunfeng", "R2"),
        c.CorrectWaybill("shunfeng", "R3"),
        c.ChangeAddress(),
        c.Receive((c.ReceivedLine("A", good=2),)),
        c.Accept((c.AcceptedLine("A", 1),), "as agreed"),
        c.Refuse("used", 1),
        c.ShipBack("shunfeng", "B2"),
        c.Reship("shunfeng", "N2"),
        c.OutOfStock(),
        c.Choose(Choice.WAIT),
        c.Confirm(),
        c.ReportMissing(),
        c.RetryRefund(),
        c.SettleOffline(1),
        c.ExtendDeadline(later, "a holiday"),
        c.Close("settled with the mall"),
        c.Resume("another unit"),
    )
    return {command.action: command for command in given}
