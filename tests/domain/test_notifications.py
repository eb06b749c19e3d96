"""What people are told of a change: customers what others did, suppliers what waits for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mallcare.domain.after_sales import Decision
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    AcceptProposal,
    Actor,
    Approve,
    Cancel,
    Choose,
    Close,
    Command,
    Confirm,
    DeclineProposal,
    OutOfStock,
    Propose,
    Receive,
    ReceivedLine,
    Refuse,
    Reject,
    ReportMissing,
    RequestEvidence,
    Reship,
    SetReturnAddress,
    ShipBack,
    SubmitEvidence,
    SubmitWaybill,
)
from mallcare.domain.notifications import (
    EVERYONE,
    Audience,
    Notification,
    NotificationKind,
    tell,
    tell_customer,
    tell_staff,
)
from mallcare.domain.vocabulary import Choice, Kind, OrderEventType
from tests.domain import journeys
from tests.domain.builders import CUSTOMER, MALL, OPERATIONS, SUPPLIER, TICK, asking, line, order, reported
from tests.domain.journeys import COMING_BACK, DAY, EX, NO, NOW, RO, RR, WAY_BACK, only
from tests.domain.ledger import Ledger

MONEY = Propose("less", goods_fen=1_000)
DELIVERED = reported(OrderEventType.DELIVERED, NOW + TICK, COMING_BACK)


def customer_hears(decision: Decision) -> list[str]:
    """Kinds a decision tells the customer."""
    return [message.kind for message in tell_customer(decision.case, decision.events)]


def staff_hears(decision: Decision) -> list[str]:
    """Kinds a decision tells the supplier's people."""
    return [message.kind for message in tell_staff(decision.case, decision.events)]


def begun(ledger: Ledger) -> Decision:
    """The submission of a ledger's only request."""
    return Decision(only(ledger), tuple(event for _, event in ledger.events))


@pytest.mark.parametrize(
    ("ledger", "command", "actor", "kinds"),
    [
        (journeys.requested(RO), Approve(), SUPPLIER, ["refund_approved"]),
        (journeys.requested(RO), Approve(), MALL, ["refund_approved"]),
        (journeys.requested(RR), Approve(), SUPPLIER, ["return_wanted"]),
        (journeys.requested(RO), Reject("no"), SUPPLIER, ["rejected"]),
        (journeys.requested(RO), MONEY, SUPPLIER, ["proposed"]),
        (journeys.requested(RO), RequestEvidence("photo"), SUPPLIER, ["evidence_requested"]),
        (journeys.counted(RR), Accept((AcceptedLine("A", 3),)), SUPPLIER, ["refund_approved"]),
        (journeys.counted(EX), Accept((AcceptedLine("A", 3),)), SUPPLIER, []),
        (journeys.counted(RR), Refuse("worn"), SUPPLIER, ["goods_refused"]),
        (journeys.counted(RR, good=0), Refuse("nothing came"), SUPPLIER, ["rejected"]),
        (journeys.refused(RR), ShipBack("SF", WAY_BACK), SUPPLIER, ["shipped_back"]),
        (journeys.accepted(EX), Reship("SF", "SF-NEW"), SUPPLIER, ["reshipped"]),
        (journeys.accepted(EX), OutOfStock(), SUPPLIER, ["out_of_stock"]),
        (journeys.out_of_stock(), Choose(Choice.REFUND), OPERATIONS, ["refund_approved"]),
        (journeys.reshipped(), Confirm(), OPERATIONS, ["ended"]),
        (journeys.reshipped(2), Confirm(), OPERATIONS, ["goods_refused"]),
        (journeys.shipped_back(journeys.reshipped(2)), Confirm(), OPERATIONS, []),
    ],
)
def test_the_customer_hears_what_others_did(
    ledger: Ledger, command: Command, actor: Actor, kinds: list[str]
) -> None:
    """Once for each thing that concerns them; the last one knows already that the goods are on their way."""
    assert customer_hears(ledger.decide(NO, command, actor, NOW)) == kinds


def proposed(kind: Kind | None = None) -> Ledger:
    """The supplier offers less money, or another kind of request."""
    ledger = journeys.requested(RO)
    ledger.decide(NO, Propose("instead", kind=kind) if kind else MONEY, SUPPLIER, NOW)
    return ledger


def asked() -> Ledger:
    """The supplier wants to see more."""
    ledger = journeys.requested(RO)
    ledger.decide(NO, RequestEvidence("photo"), SUPPLIER, NOW)
    return ledger


@pytest.mark.parametrize("actor", [CUSTOMER, MALL])
@pytest.mark.parametrize(
    ("begin", "command"),
    [
        (lambda: journeys.requested(RO), Cancel()),
        (proposed, AcceptProposal()),
        (lambda: proposed(RR), AcceptProposal()),
        (proposed, DeclineProposal()),
        (asked, SubmitEvidence(1)),
        (lambda: journeys.approved(RR), SubmitWaybill("SF", COMING_BACK)),
        (journeys.out_of_stock, Choose(Choice.REFUND)),
        (journeys.out_of_stock, Choose(Choice.WAIT)),
        (journeys.reshipped, Confirm()),
        (journeys.reshipped, ReportMissing()),
        (lambda: journeys.shipped_back(journeys.refused(RR)), Confirm()),
    ],
)
def test_nobody_hears_of_what_they_did_themselves(
    begin: Callable[[], Ledger], command: Command, actor: Actor
) -> None:
    """Nor of what the mall did in their name."""
    assert customer_hears(begin().decide(NO, command, actor, NOW)) == []


def test_a_request_that_begins_tells_the_supplier_alone() -> None:
    """It was the customer's own; refunded by itself while cooling off, nothing waits for the supplier."""
    waits = begun(journeys.requested(RO))
    assert (customer_hears(waits), staff_hears(waits)) == ([], ["to_review"])
    ledger = Ledger(journeys.bought())
    ledger.submit(asking(), ledger.order.placed_at + TICK)
    paid = begun(ledger)
    assert (customer_hears(paid), staff_hears(paid)) == (["refund_approved"], [])


def test_a_return_waits_for_its_address() -> None:
    """The customer hears of the approval, and again once they know where to send the goods."""
    ledger = journeys.requested(RR)
    ledger.return_address_known = False
    assert customer_hears(ledger.decide(NO, Approve(), SUPPLIER, NOW)) == ["return_approved"]
    assert customer_hears(ledger.decide(NO, SetReturnAddress(), SUPPLIER, NOW)) == ["return_wanted"]


def test_a_refund_is_told_once_all_of_it_is_paid() -> None:
    """Not leg by leg, and not that a leg failed."""
    ledger = journeys.approved(RO)
    first, second = only(ledger).legs
    assert customer_hears(ledger.settle(NO, first.refund_no, NOW, succeeded=False)) == []
    assert customer_hears(ledger.settle(NO, second.refund_no, NOW, succeeded=True)) == []
    decided = ledger.settle(NO, first.refund_no, NOW, succeeded=True)
    (message,) = tell(decided.case, decided.events)
    assert (message.kind, message.facts["amount_fen"]) == ("refunded", first.amount_fen + second.amount_fen)


def test_a_refund_with_refused_goods_tells_both() -> None:
    """The money is through, and the rest comes back."""
    ledger = journeys.accepted(RR, 2)
    *_, last = only(ledger).legs
    for leg in only(ledger).legs[:-1]:
        ledger.settle(NO, leg.refund_no, NOW, succeeded=True)
    decided = ledger.settle(NO, last.refund_no, NOW, succeeded=True)
    assert customer_hears(decided) == ["refunded", "goods_refused"]


def test_a_refund_of_nothing_only_ends() -> None:
    """No amount of zero is announced."""
    ledger = Ledger(order(line("A", 1, 0), line("B", 1, 100)))
    ledger.submit(asking(("A", 1)), NOW)
    assert customer_hears(ledger.decide(NO, Approve(), SUPPLIER, NOW)) == ["ended"]


def test_clocks_that_decide_are_told() -> None:
    """An expired return, a choice nobody made, goods nobody confirmed; a silent customer's answer is not."""
    assert customer_hears(journeys.approved(RR).ring(NO)) == ["expired"]
    assert customer_hears(journeys.out_of_stock().ring(NO)) == ["refund_approved"]
    assert customer_hears(journeys.reshipped().ring(NO)) == ["ended"]
    assert customer_hears(journeys.shipped_back(journeys.refused(RR)).ring(NO)) == ["ended"]
    silent = proposed().ring(NO)
    assert (customer_hears(silent), staff_hears(silent)) == ([], ["to_review"])
    late = journeys.requested(RO).ring(NO)
    assert tell(late.case, late.events) == ()


def test_the_end_that_operations_makes_is_told() -> None:
    """After the mall closed the order."""
    ledger = journeys.requested(RO)
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    assert customer_hears(ledger.decide(NO, Close("settled"), OPERATIONS, NOW)) == ["closed"]


def test_the_supplier_hears_of_what_begins_to_wait() -> None:
    """Goods that arrived, by carrier or count; a replacement to send, and one that did not arrive."""
    assert staff_hears(journeys.sent(RR).hear(NO, DELIVERED, NOW + DAY)) == ["to_inspect"]
    counted = journeys.sent(RR)
    count = Receive((ReceivedLine("A", 3),))
    assert staff_hears(counted.decide(NO, count, SUPPLIER, NOW)) == ["to_inspect"]
    assert staff_hears(counted.decide(NO, count, SUPPLIER, NOW)) == []
    accept = Accept((AcceptedLine("A", 3),))
    assert staff_hears(journeys.counted(EX).decide(NO, accept, SUPPLIER, NOW)) == ["to_reship"]
    missing = journeys.reshipped().decide(NO, ReportMissing(), CUSTOMER, NOW)
    assert staff_hears(missing) == ["replacement_missing"]


def test_a_message_says_what_it_is_about() -> None:
    """Where it leads, whose it is, how long there is, and a name under which it is written once."""
    decided = journeys.requested(RR).decide(NO, Approve(), SUPPLIER, NOW)
    case = decided.case
    assert case.deadline_at is not None
    facts = {
        "after_sales_no": NO,
        "order_no": "O1",
        "kind": "return_refund",
        "due_at": case.deadline_at.isoformat(),
    }
    assert tell(case, decided.events) == (
        Notification(
            Audience.CUSTOMER,
            "customer-1",
            "customer-1",
            "return_wanted",
            f"/v1/after-sales/{NO}",
            NOW,
            facts,
            f"{NO}:2:approved",
        ),
    )
    opened = begun(journeys.requested(RO))
    (review,) = tell_staff(opened.case, opened.events)
    assert (review.audience, review.owner, review.reader) == (Audience.STAFF, "supplier-1", EVERYONE)
    assert review.once == f"{NO}:1:to_review"
    sent = journeys.accepted(EX).decide(NO, Reship("SF", "SF-NEW"), SUPPLIER, NOW)
    (reshipped,) = tell(sent.case, sent.events)
    assert (reshipped.facts["carrier"], reshipped.facts["waybill"]) == ("SF", "SF-NEW")
    assert "due_at" not in reshipped.facts


def test_what_nobody_waits_for_says_no_deadline() -> None:
    """A request without a clock tells none."""
    decided = journeys.requested(RO).decide(NO, RequestEvidence("photo"), SUPPLIER, NOW)
    without = replace(decided.case, deadline_at=None)
    (message,) = tell_customer(without, decided.events)
    assert message.kind == NotificationKind.EVIDENCE_REQUESTED
    assert "due_at" not in message.facts
