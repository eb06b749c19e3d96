"""Refund legs: vendors' words in any order, failures, retries, and the end of a case."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase
from mallcare.domain.commands import Approve, Cancel, Reject, RetryRefund
from mallcare.domain.errors import IllegalTransition, InvalidInput, RefundCapExceeded, VersionConflict
from mallcare.domain.refunding import settle_refund
from mallcare.domain.refunds import LegOutcome, RefundLeg, reopen, settle
from mallcare.domain.vocabulary import LegStatus, State, TenderKind
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    FINANCE,
    PLACED_AT,
    POLICY,
    SUPPLIER,
    asking,
    cash,
    line,
    order,
    points,
)
from tests.domain.ledger import Ledger

NOW = AFTER_COOLING_OFF
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FIRST, SECOND = "R0001", "R0002"
NO = "AS1"


def refunding() -> Ledger:
    """A whole order of 10.00 on its way back over two tenders, 7.00 and 3.00."""
    ledger = Ledger(order(line("A", 2, 500), tenders=(cash(700), points(300))))
    ledger.submit(asking(), NOW)
    ledger.decide(NO, Approve(), SUPPLIER, NOW)
    return ledger


def failed() -> Ledger:
    """The same, with the cash refused by its vendor and the points still open."""
    ledger = refunding()
    ledger.settle(NO, FIRST, NOW, succeeded=False)
    return ledger


def statuses(ledger: Ledger) -> list[LegStatus]:
    """Where each leg of the one case stands."""
    return [leg.status for leg in ledger.cases[NO].legs]


def only(ledger: Ledger) -> AfterSalesCase:
    """The one case of the ledger."""
    return ledger.cases[NO]


def names(ledger: Ledger) -> list[str]:
    """What happened after the approval."""
    return [event.name for _, event in ledger.events][2:]


@pytest.mark.rule("A2")
def test_approval_writes_one_leg_for_each_tender_that_pays() -> None:
    """Each leg has its own number, its tender's place and its share, before any vendor is called."""
    case = only(refunding())
    assert (case.state, case.deadline_at, case.version) == (State.REFUNDING, None, 2)
    assert case.legs == (
        RefundLeg(FIRST, 0, TenderKind.CASH, "wechat_pay", "T1", 700),
        RefundLeg(SECOND, 1, TenderKind.POINTS, "mall", None, 300),
    )


def test_a_tender_that_pays_nothing_gets_no_leg() -> None:
    """No vendor is ever asked for zero fen, and legs keep the place of their tender."""
    ledger = Ledger(order(line("A"), tenders=(cash(0), points(1_000))))
    ledger.submit(asking(), NOW)
    case = ledger.decide(NO, Approve(), SUPPLIER, NOW).case
    assert [(leg.tender_seq, leg.amount_fen) for leg in case.legs] == [(1, 1_000)]


def test_a_case_worth_nothing_completes_when_it_is_approved() -> None:
    """Without a leg to wait for approval and completion are two steps of one decision."""
    ledger = Ledger(order(line("A", 2, 0), line("B")))
    ledger.submit(asking(("A", 2)), NOW)
    decision = ledger.decide(NO, Approve(), SUPPLIER, NOW)
    assert (decision.case.state, decision.case.version) == (State.COMPLETED, 3)
    assert [(e.name, e.version, e.to_state) for e in decision.events] == [
        ("approved", 2, State.REFUNDING),
        ("completed", 3, State.COMPLETED),
    ]


@pytest.mark.parametrize("numbers", [(FIRST, SECOND), (SECOND, FIRST)])
def test_a_case_completes_with_its_last_leg(numbers: tuple[str, str]) -> None:
    """Whichever vendor is slower ends the case; the first success alone does not."""
    ledger = refunding()
    half = ledger.settle(NO, numbers[0], NOW, succeeded=True)
    assert half.case.state is State.REFUNDING
    done = ledger.settle(NO, numbers[1], NOW + HOUR, succeeded=True)
    assert (done.case.state, done.case.version) == (State.COMPLETED, 5)
    assert [(e.name, e.from_state, e.to_state) for e in done.events] == [
        ("refund_succeeded", State.REFUNDING, State.REFUNDING),
        ("completed", State.REFUNDING, State.COMPLETED),
    ]
    assert [leg.settled_at for leg in done.case.legs if leg.refund_no == numbers[1]] == [NOW + HOUR]


def test_an_unclear_leg_is_settled_by_its_final_word() -> None:
    """UNKNOWN still counts as spent, and a success or failure ends the doubt."""
    ledger = refunding()
    ledger.mark_unclear(NO, FIRST)
    assert statuses(ledger) == [LegStatus.UNKNOWN, LegStatus.PENDING]
    assert ledger.spent() == (700, 300)
    ledger.settle(NO, FIRST, NOW, succeeded=True)
    assert statuses(ledger) == [LegStatus.SUCCEEDED, LegStatus.PENDING]


def test_one_failed_tender_fails_the_case_but_not_the_others() -> None:
    """The state says that somebody must act; the other leg keeps its truth and is still pursued."""
    ledger = failed()
    case = only(ledger)
    assert case.state is State.REFUND_FAILED
    assert case.deadline_at == NOW + POLICY.refund_failed_reminder
    assert statuses(ledger) == [LegStatus.FAILED, LegStatus.PENDING]
    assert ledger.events[-1][1].facts == {
        "refund_no": FIRST,
        "tender": "cash",
        "amount_fen": 700,
        "failure_code": "NOT_ENOUGH",
    }
    ledger.settle(NO, SECOND, NOW + HOUR, succeeded=True)
    assert only(ledger).state is State.REFUND_FAILED
    assert only(ledger).deadline_at == NOW + POLICY.refund_failed_reminder
    assert statuses(ledger) == [LegStatus.FAILED, LegStatus.SUCCEEDED]


def test_a_second_failure_does_not_restart_the_reminder() -> None:
    """The clock counts from when the case first needed a person."""
    ledger = failed()
    ledger.settle(NO, SECOND, NOW + HOUR, succeeded=False)
    assert only(ledger).deadline_at == NOW + POLICY.refund_failed_reminder
    assert statuses(ledger) == [LegStatus.FAILED, LegStatus.FAILED]


def test_a_failed_refund_reminds_every_day_until_somebody_acts() -> None:
    """Each reminder arms the next one, counted from when it rang, and a late one is told as late."""
    ledger = failed()
    due = NOW + DAY
    for late in (timedelta(0), HOUR, timedelta(0)):
        decision = ledger.fire(NO, due, due + late)
        assert decision.case.state is State.REFUND_FAILED
        assert decision.case.deadline_at == due + late + DAY
        assert decision.events[0].facts == {"late_ms": late // timedelta(milliseconds=1)}
        due = due + late + DAY
    ledger.decide(NO, RetryRefund(), FINANCE, due)
    assert ledger.fire(NO, due, due).events == ()


def test_a_retry_keeps_the_number_and_counts_the_round() -> None:
    """Finance asks again under the same number, so that a vendor cannot pay twice."""
    ledger = failed()
    minted = list(ledger.mint.minted)
    decision = ledger.decide(NO, RetryRefund(), FINANCE, NOW + HOUR)
    first, second = decision.case.legs
    assert (first.refund_no, first.amount_fen, first.round) == (FIRST, 700, 2)
    assert (first.status, first.settled_at) == (LegStatus.PENDING, None)
    assert (second.refund_no, second.round, second.status) == (SECOND, 1, LegStatus.PENDING)
    assert (decision.case.state, decision.case.deadline_at) == (State.REFUNDING, None)
    assert decision.events[0].facts == {"refund_nos": [FIRST]}
    assert ledger.mint.minted == minted


def test_a_refund_can_be_retried_as_often_as_it_fails() -> None:
    """No failure is a dead end: after three of them the fourth round pays and the case completes."""
    ledger = failed()
    for round_ in (2, 3, 4):
        ledger.decide(NO, RetryRefund(), FINANCE, NOW)
        assert only(ledger).legs[0].round == round_
        ledger.settle(NO, FIRST, NOW, succeeded=round_ == 4)
    ledger.settle(NO, SECOND, NOW, succeeded=True)
    assert only(ledger).state is State.COMPLETED
    assert ledger.spent() == (700, 300)


def test_only_the_failed_legs_are_retried() -> None:
    """A tender that already paid is never asked again."""
    ledger = failed()
    ledger.settle(NO, SECOND, NOW, succeeded=True)
    ledger.decide(NO, RetryRefund(), FINANCE, NOW)
    assert statuses(ledger) == [LegStatus.PENDING, LegStatus.SUCCEEDED]


def test_a_retry_respects_the_caps() -> None:
    """What was refunded elsewhere since the failure is not paid once more; the case stays as it is."""
    ledger = failed()
    ledger.mall_spent = [1, 0]
    before = only(ledger)
    with pytest.raises(RefundCapExceeded) as refused:
        ledger.decide(NO, RetryRefund(), FINANCE, NOW)
    assert refused.value.facts == {"tender": "cash", "left_fen": 699, "asked_fen": 700}
    assert only(ledger) == before


def test_a_late_success_after_a_failure_counts() -> None:
    """A vendor that finishes by hand what it refused has paid: the failure is forgotten."""
    ledger = failed()
    ledger.settle(NO, SECOND, NOW, succeeded=True)
    done = ledger.settle(NO, FIRST, NOW + HOUR, succeeded=True).case
    assert (done.state, done.deadline_at, done.deadline_effect) == (State.COMPLETED, None, None)
    assert done.legs[0].failure_code is None
    assert ledger.fire(NO, NOW + DAY, NOW + DAY).events == ()


def test_a_late_success_leaves_the_case_refunding_while_another_leg_is_open() -> None:
    """Nothing is failed any more, so nobody is called; the open leg ends the case."""
    ledger = failed()
    back = ledger.settle(NO, FIRST, NOW + HOUR, succeeded=True).case
    assert (back.state, back.deadline_at, back.deadline_effect) == (State.REFUNDING, None, None)
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, RetryRefund(), FINANCE, NOW + HOUR)
    assert ledger.settle(NO, SECOND, NOW + HOUR, succeeded=True).case.state is State.COMPLETED


@pytest.mark.parametrize("later", [False, True])
def test_success_is_for_ever(later: bool) -> None:
    """After a success neither a repetition nor a contradiction changes the case or its version."""
    ledger = refunding()
    known = ledger.settle(NO, FIRST, NOW, succeeded=True).case
    decision = ledger.settle(NO, FIRST, NOW + HOUR, succeeded=later)
    assert (decision.case, decision.events) == (known, ())


def test_a_repeated_failure_changes_nothing() -> None:
    """The same refusal told twice reminds nobody twice."""
    ledger = failed()
    known = only(ledger)
    decision = ledger.settle(NO, FIRST, NOW + HOUR, succeeded=False)
    assert (decision.case, decision.events) == (known, ())


def test_a_completed_case_is_deaf() -> None:
    """Webhooks repeated after the end leave the case as it ended."""
    ledger = refunding()
    ledger.settle_all(NOW)
    known = only(ledger)
    for refund_no in (FIRST, SECOND):
        assert ledger.settle(NO, refund_no, NOW, succeeded=False).events == ()
    assert only(ledger) == known


def test_a_word_on_a_foreign_leg_is_refused() -> None:
    """An outcome of another case's refund can never move this one."""
    with pytest.raises(InvalidInput) as refused:
        settle_refund(only(refunding()), LegOutcome("R9999", succeeded=True), POLICY, NOW)
    assert refused.value.facts == {"refund_no": "R9999"}


@given(st.lists(st.sampled_from(["succeeded", "failed", "retried"]), max_size=12))
def test_a_leg_keeps_its_number_and_amount_and_pays_once(words: list[str]) -> None:
    """Through any words and retries a leg stays itself, and succeeds at most once for ever."""
    leg = first = RefundLeg(FIRST, 0, TenderKind.CASH, "wechat_pay", "T1", 700)
    successes = 0
    for word in words:
        if word == "retried":
            leg = reopen(leg) if leg.status is LegStatus.FAILED else leg
            continue
        settled = settle(leg, LegOutcome(FIRST, word == "succeeded", "SYSTEM_ERROR"), NOW)
        successes += settled is not None and settled.status is LegStatus.SUCCEEDED
        leg = settled or leg
    assert (leg.refund_no, leg.amount_fen, leg.tender_seq) == (FIRST, 700, first.tender_seq)
    assert successes == (leg.status is LegStatus.SUCCEEDED)
    assert leg.round >= first.round


def test_the_vendor_s_id_survives_later_words_without_one() -> None:
    """Once a vendor named its refund the name stays, through failure, retry and success."""
    leg = RefundLeg(FIRST, 0, TenderKind.CASH, "wechat_pay", "T1", 700)
    refused = settle(leg, LegOutcome(FIRST, succeeded=False, vendor_refund_id="V1"), NOW)
    assert refused is not None
    paid = settle(reopen(refused), LegOutcome(FIRST, succeeded=True), NOW)
    assert paid is not None
    assert paid.vendor_refund_id == "V1"


@pytest.mark.rule("A2")
@pytest.mark.parametrize("state", ["refunding", "failed", "completed"])
def test_after_the_decision_a_customer_can_no_longer_cancel(state: str) -> None:
    """Handled means approved or rejected: from then on the money goes forward only."""
    ledger = failed() if state == "failed" else refunding()
    if state == "completed":
        ledger.settle_all(NOW)
    with pytest.raises(IllegalTransition) as refused:
        ledger.decide(NO, Cancel(), CUSTOMER, NOW)
    assert refused.value.facts["current_state"] == only(ledger).state.value


@pytest.mark.rule("A2")
def test_cancelling_before_the_decision_frees_the_units() -> None:
    """A withdrawn request holds nothing and runs no clock; the same units can be asked for again."""
    ledger = Ledger(order(line("A", 2)))
    ledger.submit(asking(("A", 2)), NOW)
    gone = ledger.decide(NO, Cancel(), CUSTOMER, NOW).case
    assert (gone.state, gone.holdings, gone.deadline_at) == (State.CANCELLED, (), None)
    assert ledger.submit(asking(("A", 2)), NOW).lines[0].units == (1, 2)


def test_a_rejection_tells_its_reason_and_frees_the_units() -> None:
    """The customer learns why, and may ask again."""
    ledger = Ledger(order(line("A", 2)))
    ledger.submit(asking(("A", 1)), NOW)
    decision = ledger.decide(NO, Reject("no_evidence"), SUPPLIER, NOW)
    assert (decision.case.state, decision.case.holdings) == (State.REJECTED, ())
    assert [(e.name, e.facts) for e in decision.events] == [("rejected", {"reason": "no_evidence"})]


def test_approval_beyond_the_cap_is_refused_and_mints_nothing() -> None:
    """Money that the mall gave back by itself is not promised again, nor is a number spent on it."""
    ledger = Ledger(order(line("A"), tenders=(cash(1_000),)))
    ledger.submit(asking(), NOW)
    ledger.mall_spent = [1]
    with pytest.raises(RefundCapExceeded):
        ledger.decide(NO, Approve(), SUPPLIER, NOW)
    assert ledger.mint.minted == []
    assert ledger.decide(NO, Reject("already_refunded"), SUPPLIER, NOW).case.state is State.REJECTED


@pytest.mark.parametrize("seen", [0, 2, 7])
def test_a_command_on_another_version_loses(seen: int) -> None:
    """Who decided on what is no longer so is told what is, before anything else is looked at."""
    ledger = Ledger(order(line("A")))
    ledger.submit(asking(), NOW)
    with pytest.raises(VersionConflict) as refused:
        ledger.decide(NO, Approve(), SUPPLIER, NOW, expected_version=seen)
    assert refused.value.facts == {"current_version": 1, "current_state": "PENDING_REVIEW"}


def test_a_command_on_the_seen_version_goes_through() -> None:
    """The expected version is a guard, not an obstacle."""
    ledger = Ledger(order(line("A")))
    ledger.submit(asking(), NOW)
    assert ledger.decide(NO, Approve(), SUPPLIER, NOW, expected_version=1).case.refund_decided


def test_of_two_agents_one_loses_with_the_state_it_lost_to() -> None:
    """A double click or a second agent never decides again."""
    ledger = refunding()
    with pytest.raises(IllegalTransition) as refused:
        ledger.decide(NO, Approve(), SUPPLIER, NOW)
    assert refused.value.facts == {"action": "approve", "current_state": "REFUNDING"}
    assert names(ledger) == []
    assert ledger.events[-1][1].actor == SUPPLIER != SYSTEM


def test_a_failure_of_another_round_settles_nothing() -> None:
    """What the vendor said of a round before is no word on the present one; success counts for any."""
    leg = reopen(RefundLeg("R1", 0, TenderKind.CASH, "wechat_pay", "T1", 100, status=LegStatus.FAILED))
    assert leg.round == 2
    assert settle(leg, LegOutcome("R1", succeeded=False, round=1), PLACED_AT) is None
    failed = settle(leg, LegOutcome("R1", succeeded=False, round=2), PLACED_AT)
    paid = settle(leg, LegOutcome("R1", succeeded=True, round=1), PLACED_AT)
    assert (failed and failed.status, paid and paid.status) == (LegStatus.FAILED, LegStatus.SUCCEEDED)
