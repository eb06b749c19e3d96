"""What people may try in any situation: commands whose contents a number decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Choose,
    Command,
    CorrectWaybill,
    ExtendDeadline,
    Propose,
    Receive,
    ReceivedLine,
    Reship,
    SettleOffline,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.vocabulary import Action, Choice, Kind, State
from tests.domain.situations import COMMANDS

USUAL: Mapping[State, tuple[Action, ...]] = {
    State.PENDING_REVIEW: (Action.APPROVE,),
    State.PENDING_CUSTOMER: (Action.ACCEPT_PROPOSAL, Action.SUBMIT_EVIDENCE),
    State.AWAITING_RETURN: (Action.SUBMIT_WAYBILL,),
    State.RETURN_IN_TRANSIT: (Action.RECEIVE,),
    State.INSPECTING: (Action.ACCEPT, Action.ACCEPT, Action.RECEIVE, Action.REFUSE),
    State.AWAITING_RESHIPMENT: (Action.RESHIP, Action.OUT_OF_STOCK, Action.SHIP_BACK),
    State.OUT_OF_STOCK: (Action.CHOOSE,),
    State.RESHIPPED: (Action.CONFIRM, Action.REPORT_MISSING, Action.SHIP_BACK, Action.RESHIP),
    State.RETURNING_TO_CUSTOMER: (Action.SHIP_BACK, Action.CONFIRM),
    State.REFUND_FAILED: (Action.SETTLE_OFFLINE, Action.SETTLE_OFFLINE, Action.RETRY_REFUND),
}
"""What leads on from each state; random moves alone seldom come far."""

BY_THE_WAY = {Action.EXTEND_DEADLINE, Action.CHANGE_ADDRESS, Action.RECEIVE, Action.CORRECT_WAYBILL}
"""Actions that lead nowhere else most of the time."""


def received(case: AfterSalesCase, detail: int) -> Receive:
    """Some count of what came back, often all of it and good."""
    told: list[ReceivedLine] = []
    for i, line in enumerate(case.lines):
        good = line.quantity if detail % 2 else (detail // 3) % (line.quantity + 1)
        damaged = (detail // 5) % (line.quantity - good + 1)
        wrong = (detail // 7) % (line.quantity - good - damaged + 1)
        if (detail + i) % 6:
            told.append(ReceivedLine(line.line_id, good, damaged, wrong))
    return Receive(tuple(told))


def accepted(case: AfterSalesCase, detail: int) -> Accept:
    """Some part of the lines, at times more than arrived, and then with or without a reason."""
    lines = [
        AcceptedLine(line.line_id, line.quantity if detail % 2 else (detail // 3) % (line.quantity + 1))
        for line in case.lines
    ]
    return Accept(tuple(lines), "goodwill" if detail % 5 else None)


def command_for(case: AfterSalesCase, action: Action, now: datetime, waybill: str, detail: int) -> Command:
    """A command of that name, of which `detail` decides the rest."""
    match action:
        case Action.PROPOSE:
            kind = [None, *Kind][detail % 4]
            part = case.quote.goods_fen * (detail % 5) // 4
            return Propose("instead", part if detail % 3 else None, kind)
        case Action.RECEIVE:
            return received(case, detail)
        case Action.ACCEPT:
            return accepted(case, detail)
        case Action.CHOOSE:
            return Choose(list(Choice)[detail % 2])
        case Action.EXTEND_DEADLINE:
            later = timedelta(hours=1) if detail % 2 else timedelta(days=30)
            return ExtendDeadline(max(case.deadline_at or now, now) + later, "holiday")
        case Action.SUBMIT_WAYBILL:
            return SubmitWaybill("SF", waybill)
        case Action.CORRECT_WAYBILL:
            return CorrectWaybill("SF", waybill)
        case Action.SHIP_BACK:
            return ShipBack("SF", f"{waybill}-back")
        case Action.RESHIP:
            return Reship("SF", f"{waybill}-{case.version}")
        case Action.SETTLE_OFFLINE:
            return SettleOffline(detail % 4)
        case _:
            return COMMANDS[action]
