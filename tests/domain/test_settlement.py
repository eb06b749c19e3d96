"""Refunds paid by other means: two people of finance, evidence, and a vendor that pays after all."""

from __future__ import annotations

import pytest

from mallcare.domain.commands import RetryRefund, SettleOffline
from mallcare.domain.errors import FourEyes, IllegalTransition, InvalidInput, NotAllowed, RefundCapExceeded
from mallcare.domain.vocabulary import LegStatus, State
from tests.domain import journeys
from tests.domain.builders import CHECKER, FINANCE, OPERATIONS
from tests.domain.journeys import DAY, NO, NOW, only
from tests.domain.ledger import Ledger

FIRST, SECOND = "R0001", "R0002"


def said() -> Ledger:
    """One person of finance said that the failed cash was paid otherwise; the points are still open."""
    ledger = journeys.failed()
    ledger.decide(NO, SettleOffline(1), FINANCE, NOW)
    return ledger


def test_one_person_alone_settles_nothing() -> None:
    """The first word is on record, with its legs and evidence; the failed leg stays failed."""
    ledger = journeys.failed()
    before = only(ledger)
    decision = ledger.decide(NO, SettleOffline(2), FINANCE, NOW)
    assert decision.case.settlement is not None
    assert decision.case.settlement.maker == FINANCE.subject
    assert (decision.case.legs, decision.case.deadline_at) == (before.legs, before.deadline_at)
    assert [(e.name, e.facts) for e in decision.events] == [
        ("offline_settlement_proposed", {"refund_nos": [FIRST], "items": 2})
    ]
    with pytest.raises(FourEyes):
        ledger.decide(NO, SettleOffline(2), FINANCE, NOW + DAY)


def test_two_people_settle_while_another_leg_is_still_open() -> None:
    """The failed leg counts as paid, in every cap too; the open one still ends the request."""
    ledger = said()
    case = ledger.decide(NO, SettleOffline(1), CHECKER, NOW + DAY).case
    assert (case.state, case.deadline_at, case.settlement) == (State.REFUNDING, None, None)
    first, second = case.legs
    assert (first.status, first.settled_offline, first.settled_at) == (LegStatus.SUCCEEDED, True, NOW + DAY)
    assert (second.status, second.settled_offline) == (LegStatus.PENDING, False)
    assert ledger.spent() == (first.amount_fen, second.amount_fen)
    assert ledger.settle(NO, SECOND, NOW + DAY, succeeded=True).case.state is State.COMPLETED


def test_settling_the_last_leg_ends_the_request() -> None:
    """With the other leg paid by its vendor nothing is left to wait for."""
    ledger = said()
    ledger.settle(NO, SECOND, NOW, succeeded=True)
    ledger.decide(NO, SettleOffline(1), FINANCE, NOW)
    decision = ledger.decide(NO, SettleOffline(1), CHECKER, NOW)
    assert [e.name for e in decision.events] == ["settled_offline", "completed"]
    assert decision.events[0].facts == {"refund_nos": [FIRST], "items": 1}


def test_settling_with_refused_goods_leaves_their_way_back() -> None:
    """The money is through; the goods still have to go to their customer."""
    ledger = journeys.failed(2, good=2, damaged=1)
    ledger.settle(NO, SECOND, NOW, succeeded=False)
    ledger.decide(NO, SettleOffline(1), FINANCE, NOW)
    case = ledger.decide(NO, SettleOffline(1), CHECKER, NOW).case
    assert case.state is State.RETURNING_TO_CUSTOMER
    assert all(leg.settled_offline for leg in case.legs)


@pytest.mark.parametrize("succeeded", [True, False])
def test_what_finance_said_ends_with_any_news_of_a_vendor(succeeded: bool) -> None:
    """The second person never confirms legs that the first one did not speak of."""
    ledger = said()
    heard = ledger.settle(NO, SECOND, NOW, succeeded=succeeded).case
    assert (heard.state, heard.settlement) == (State.REFUND_FAILED, None)
    assert ledger.decide(NO, SettleOffline(1), CHECKER, NOW).case.state is State.REFUND_FAILED
    settled = ledger.decide(NO, SettleOffline(1), FINANCE, NOW).case
    assert settled.state is State.COMPLETED


def test_a_retry_ends_what_finance_said() -> None:
    """Asking the vendor once more takes the word back that it was paid otherwise."""
    ledger = said()
    assert ledger.decide(NO, RetryRefund(), FINANCE, NOW).case.settlement is None
    ledger.settle(NO, FIRST, NOW, succeeded=False)
    assert ledger.decide(NO, SettleOffline(1), CHECKER, NOW).case.state is State.REFUND_FAILED


def test_no_settlement_without_evidence() -> None:
    """Neither the first nor the second person may go without."""
    ledger = journeys.failed()
    with pytest.raises(InvalidInput):
        ledger.decide(NO, SettleOffline(0), FINANCE, NOW)
    ledger.decide(NO, SettleOffline(1), FINANCE, NOW)
    with pytest.raises(InvalidInput):
        ledger.decide(NO, SettleOffline(0), CHECKER, NOW)


def test_only_finance_settles_and_only_what_failed() -> None:
    """Operations never may; finance not while vendors are still asked."""
    with pytest.raises(NotAllowed):
        journeys.failed().decide(NO, SettleOffline(1), OPERATIONS, NOW)
    ledger = said()
    ledger.decide(NO, SettleOffline(1), CHECKER, NOW)
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, SettleOffline(1), FINANCE, NOW)


def test_a_settlement_respects_the_caps() -> None:
    """Money that went elsewhere since the failure is not counted as paid a second time."""
    ledger = said()
    ledger.mall_spent = [1_999, 0]
    with pytest.raises(RefundCapExceeded):
        ledger.decide(NO, SettleOffline(1), CHECKER, NOW)
    assert only(ledger).legs[0].status is LegStatus.FAILED


@pytest.mark.parametrize("ended", [False, True])
def test_a_vendor_that_pays_what_was_settled_paid_twice(ended: bool) -> None:
    """Failure 1 from the other side: the request is as it was, and operations gets the money back."""
    ledger = said()
    ledger.decide(NO, SettleOffline(1), CHECKER, NOW)
    if ended:
        ledger.settle(NO, SECOND, NOW, succeeded=True)
    known = only(ledger)
    decision = ledger.settle(NO, FIRST, NOW + DAY, succeeded=True)
    assert (decision.case, decision.events) == (known, ())
    (task,) = decision.tasks
    amount = known.legs[0].amount_fen
    assert (task.kind, task.subject) == ("paid_twice", FIRST)
    assert task.facts == {"refund_no": FIRST, "amount_fen": amount, "reason": "settled_offline"}


def test_a_vendor_that_pays_while_one_person_said_so_may_have_paid_twice() -> None:
    """The transfer of which the first person spoke may be on its way: operations looks after it."""
    decision = said().settle(NO, FIRST, NOW, succeeded=True)
    assert decision.case.settlement is None
    assert [(task.kind, task.facts["reason"]) for task in decision.tasks] == [
        ("paid_twice", "said_to_be_settled")
    ]


def test_nobody_retries_over_the_word_of_another() -> None:
    """Money may be on its way by other means: only who said so takes it back, and operations hears of it."""
    ledger = said()
    with pytest.raises(FourEyes):
        ledger.decide(NO, RetryRefund(), CHECKER, NOW)
    decision = ledger.decide(NO, RetryRefund(), FINANCE, NOW)
    assert (decision.case.state, decision.case.settlement) == (State.REFUNDING, None)
    assert [(task.subject, task.facts["reason"]) for task in decision.tasks] == [
        (FIRST, "settlement_taken_back")
    ]


def test_a_vendor_that_refuses_again_what_was_settled_says_nothing_new() -> None:
    """It was known to have failed: no second call, no step back."""
    ledger = said()
    ledger.decide(NO, SettleOffline(1), CHECKER, NOW)
    known = only(ledger)
    decision = ledger.settle(NO, FIRST, NOW + DAY, succeeded=False)
    assert (decision.case, decision.events, decision.tasks) == (known, (), ())
