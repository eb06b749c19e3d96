"""Waits on a real engine, each with the command that races its clock and where either of them leads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import uuid4

from mallcare.application.caller import Caller
from mallcare.domain.commands import (
    AcceptProposal,
    Approve,
    Cancel,
    Choose,
    Command,
    Confirm,
    OutOfStock,
    Propose,
    Refuse,
    Reject,
    ReportMissing,
    Reship,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.vocabulary import Choice, Kind, State
from tests.failures.shop import ADDRESS, Shop, waybill
from tests.world import CUSTOMER, OPERATIONS, SUPPLIER

DAY = timedelta(days=1)
HOURS_48 = timedelta(hours=48)
S = State

Begin = Callable[[Shop], Awaitable[str]]


@dataclass(frozen=True)
class Race:
    """A wait, the command that races its clock, where either leads, and whether the clock decides."""

    name: str
    begin: Begin
    lasts: timedelta
    command: Callable[[], Command]
    caller: Caller
    won_by_command: frozenset[State]
    fired: str
    won_by_clock: frozenset[State]
    decides: bool = True

    def __str__(self) -> str:
        return self.name


def asked(kind: Kind) -> Begin:
    """A request under review."""

    async def begin(shop: Shop) -> str:
        return await shop.ask(await shop.order(), kind, ("1", 1), reason="quality")

    return begin


def then(kind: Kind, *commands: tuple[Callable[[], Command], Caller], goods: str = "") -> Begin:
    """A request of that kind after its goods came as far as told, and after further commands."""

    async def begin(shop: Shop) -> str:
        no = await asked(kind)(shop)
        if goods == "received":
            await shop.received(no)
        if goods == "accepted":
            await shop.received(no)
            await shop.accepted(no)
        if goods == "sent":
            await shop.sent_back(no)
        for command, caller in commands:
            await shop.world.command(no, command(), caller)
        return no

    return begin


def automatic(kind: Kind) -> Begin:
    """A request under review of a supplier whose silence is consent."""

    async def begin(shop: Shop) -> str:
        supplier_id = f"S{uuid4().hex[:12]}"
        policy = replace(AfterSalesPolicy(), review_timeout=ReviewTimeout.AUTO_APPROVE)
        await shop.world.use_cases.policies.publish(policy, supplier_id, OPERATIONS)
        await shop.world.use_cases.return_addresses.set(supplier_id, ADDRESS, OPERATIONS)
        return await shop.ask(await shop.order(supplier_id=supplier_id), kind, ("1", 1))

    return begin


def states(*names: State) -> frozenset[State]:
    return frozenset(names)


PAYING = states(S.REFUNDING, S.COMPLETED)
RACES = [
    Race(
        "automatic refund",
        automatic(Kind.REFUND_ONLY),
        HOURS_48,
        Cancel,
        CUSTOMER,
        states(S.CANCELLED),
        "approved",
        PAYING,
    ),
    Race(
        "automatic return",
        automatic(Kind.RETURN_REFUND),
        HOURS_48,
        lambda: Reject("used"),
        OPERATIONS,
        states(S.REJECTED),
        "approved",
        states(S.AWAITING_RETURN),
    ),
    Race(
        "review",
        asked(Kind.EXCHANGE),
        HOURS_48,
        Approve,
        SUPPLIER,
        states(S.AWAITING_RETURN),
        "escalated",
        states(S.PENDING_REVIEW),
        decides=False,
    ),
    Race(
        "offer",
        then(Kind.REFUND_ONLY, (lambda: Propose("less", goods_fen=1), SUPPLIER)),
        7 * DAY,
        AcceptProposal,
        CUSTOMER,
        PAYING,
        "answer_overdue",
        states(S.PENDING_REVIEW),
    ),
    Race(
        "return",
        then(Kind.RETURN_REFUND, (Approve, SUPPLIER)),
        7 * DAY,
        lambda: SubmitWaybill("shunfeng", waybill()),
        CUSTOMER,
        states(S.RETURN_IN_TRANSIT),
        "expired",
        states(S.EXPIRED),
    ),
    Race(
        "return of an exchange",
        then(Kind.EXCHANGE, (Approve, SUPPLIER)),
        7 * DAY,
        Cancel,
        CUSTOMER,
        states(S.CANCELLED),
        "expired",
        states(S.EXPIRED),
    ),
    Race(
        "inspection",
        then(Kind.RETURN_REFUND, goods="received"),
        HOURS_48,
        lambda: Refuse("used", 1),
        SUPPLIER,
        states(S.RETURNING_TO_CUSTOMER),
        "escalated",
        states(S.INSPECTING),
        decides=False,
    ),
    Race(
        "reshipment",
        then(Kind.EXCHANGE, goods="accepted"),
        HOURS_48,
        lambda: Reship("shunfeng", waybill()),
        SUPPLIER,
        states(S.RESHIPPED),
        "escalated",
        states(S.AWAITING_RESHIPMENT),
        decides=False,
    ),
    Race(
        "out of stock",
        then(Kind.EXCHANGE, (OutOfStock, SUPPLIER), goods="accepted"),
        7 * DAY,
        lambda: Choose(Choice.WAIT),
        CUSTOMER,
        states(S.AWAITING_RESHIPMENT),
        "refund_by_default",
        PAYING,
    ),
    Race(
        "replacement",
        then(Kind.EXCHANGE, (lambda: Reship("shunfeng", waybill()), SUPPLIER), goods="accepted"),
        10 * DAY,
        ReportMissing,
        CUSTOMER,
        states(S.RESHIPPED),
        "completed",
        states(S.COMPLETED),
    ),
    Race(
        "way back",
        then(
            Kind.RETURN_REFUND,
            (lambda: Refuse("used", 1), SUPPLIER),
            (lambda: ShipBack("shunfeng", waybill()), SUPPLIER),
            goods="received",
        ),
        10 * DAY,
        Confirm,
        CUSTOMER,
        states(S.REJECTED),
        "goods_back_with_customer",
        states(S.REJECTED),
    ),
]
