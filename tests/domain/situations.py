"""Every situation a request can be in, as the parties bring it there, and a command for every action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    AcceptProposal,
    Approve,
    Cancel,
    ChangeAddress,
    Choose,
    Close,
    Command,
    Confirm,
    CorrectWaybill,
    DeclineProposal,
    ExtendDeadline,
    OutOfStock,
    Propose,
    Receive,
    ReceivedLine,
    Refuse,
    Reject,
    ReportMissing,
    RequestEvidence,
    Reship,
    Resume,
    RetryRefund,
    SetReturnAddress,
    SettleOffline,
    ShipBack,
    SubmitEvidence,
    SubmitWaybill,
)
from mallcare.domain.vocabulary import FINAL_STATES, Action, Choice, Kind, State
from tests.domain import journeys
from tests.domain.builders import SUPPLIER
from tests.domain.journeys import EX, NO, NOW, RR, only
from tests.domain.ledger import Ledger

COMMANDS: dict[Action, Command] = {
    command.action: command
    for command in (
        Approve(),
        Reject("no_evidence"),
        Propose("take half of it", 1_500, Kind.REFUND_ONLY),
        RequestEvidence("show us"),
        AcceptProposal(),
        DeclineProposal(),
        SubmitEvidence(1),
        Cancel(),
        SetReturnAddress(),
        SubmitWaybill("SF", "SF-1"),
        CorrectWaybill("SF", "SF-2"),
        ChangeAddress(),
        Receive((ReceivedLine("A", good=2),)),
        Accept((AcceptedLine("A", 1),)),
        Refuse("worn"),
        ShipBack("SF", "SF-3"),
        Reship("SF", "SF-4"),
        OutOfStock(),
        Choose(Choice.WAIT),
        Confirm(),
        ReportMissing(),
        RetryRefund(),
        SettleOffline(1),
        ExtendDeadline(NOW + timedelta(days=60), "holiday"),
        Close("refunded by the mall"),
        Resume("another unit"),
    )
}

STILL_TO_GO_BACK = {"replacement due", "out of stock", "reshipped", "reported missing", "refunding"} | {
    "refund failed"
}
"""Where refused goods may have to be shipped back beside the rest."""


def without_address() -> Ledger:
    """Approved, though the supplier has no address for returns."""
    ledger = journeys.requested(RR)
    ledger.return_address_known = False
    ledger.decide(NO, Approve(), SUPPLIER, NOW)
    return ledger


def asked_of_customer(command: Command) -> Ledger:
    """Before the customer, who was offered something or asked for evidence."""
    ledger = journeys.requested(RR)
    ledger.decide(NO, command, SUPPLIER, NOW)
    return ledger


def ended(state: State) -> Ledger:
    """As if the request had ended in `state`."""
    ledger = journeys.requested(RR)
    done = replace(only(ledger), state=state, deadline_at=None, deadline_effect=None)
    ledger.cases[NO] = done
    return ledger


def signed_for() -> Ledger:
    """Delivered to the supplier, who did not look at it yet."""
    ledger = journeys.sent(RR)
    ledger.cases[NO] = replace(only(ledger), state=State.INSPECTING)
    return ledger


SITUATIONS: Mapping[str, Callable[[], Ledger]] = {
    "under review": lambda: journeys.requested(RR),
    "offered": lambda: asked_of_customer(Propose("take half of it", 1_500)),
    "evidence asked": lambda: asked_of_customer(RequestEvidence("show us")),
    "to be sent back": lambda: journeys.approved(RR),
    "without return address": without_address,
    "coming back": lambda: journeys.sent(RR),
    "signed for": signed_for,
    "counted": lambda: journeys.counted(RR),
    "replacement due": lambda: journeys.accepted(EX),
    "replacement due, goods to go back": lambda: journeys.accepted(EX, 2, good=2, damaged=1),
    "out of stock": journeys.out_of_stock,
    "out of stock, goods to go back": lambda: journeys.out_of_stock(2, good=2, damaged=1),
    "reshipped": journeys.reshipped,
    "reshipped, goods to go back": lambda: journeys.reshipped(2, good=2, damaged=1),
    "reported missing": journeys.reported_missing,
    "reported missing, goods to go back": lambda: journeys.reported_missing(2, good=2, damaged=1),
    "refunding": lambda: journeys.accepted(RR),
    "refunding, goods to go back": lambda: journeys.accepted(RR, 2, good=2, damaged=1),
    "refund failed": journeys.failed,
    "refund failed, goods to go back": lambda: journeys.failed(2, good=2, damaged=1),
    "refused": lambda: journeys.refused(RR),
    "refused, sent back": lambda: journeys.shipped_back(journeys.refused(RR)),
    **{state.value.lower(): lambda state=state: ended(state) for state in sorted(FINAL_STATES)},
}
TO_GO_BACK = ", goods to go back"
GONE_BACK = ", goods gone back"
TAKEN_OVER = ", taken over"
"""The mall refunded units under it, or closed its order."""
ALL_SITUATIONS = [
    *SITUATIONS,
    *(f"{stage}{GONE_BACK}" for stage in sorted(STILL_TO_GO_BACK)),
    *(f"{stage}{TAKEN_OVER}" for stage in SITUATIONS if stage.upper() not in FINAL_STATES),
]


def situation(name: str, kind: Kind) -> Ledger:
    """A ledger whose one case is in that situation, as if it had always been of `kind`."""
    if name.endswith(TAKEN_OVER):
        ledger = situation(name.removesuffix(TAKEN_OVER), kind)
        ledger.cases[NO] = replace(only(ledger), taken_over=True)
        return ledger
    gone = name.endswith(GONE_BACK)
    ledger = SITUATIONS[name.removesuffix(GONE_BACK) + TO_GO_BACK if gone else name]()
    ledger = journeys.shipped_back(ledger) if gone else ledger
    ledger.cases[NO] = replace(only(ledger), kind=kind)
    return ledger
