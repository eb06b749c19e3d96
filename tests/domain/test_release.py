"""When a paid order is its supplier's to ship, and which requests keep it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.commands import AcceptProposal, Propose
from mallcare.domain.deciding import decide
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.release import holds_release, release_due_at
from mallcare.domain.submission import in_cooling_off, submit
from mallcare.domain.vocabulary import FINAL_STATES, Kind, State
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    PLACED_AT,
    POLICY,
    SUPPLIER,
    asking,
    book,
    circumstances,
    order,
)

pytestmark = pytest.mark.rule("A1")
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=3))


@given(paid_after=LENGTHS, cooling_off=LENGTHS, held=st.booleans())
def test_an_order_is_due_when_both_are_over(
    paid_after: timedelta, cooling_off: timedelta, held: bool
) -> None:
    """Paid, and out of its cooling-off; at once where the policy does not hold it."""
    policy = AfterSalesPolicy(cooling_off=cooling_off, hold_during_cooling_off=held)
    bought = replace(order(), paid_at=PLACED_AT + paid_after)
    wait = max(paid_after, cooling_off) if held else paid_after
    assert release_due_at(bought, policy) == PLACED_AT + wait


@pytest.mark.parametrize("held", [True, False])
def test_an_unpaid_order_is_never_due(held: bool) -> None:
    """Whatever the policy."""
    assert release_due_at(order(paid=False), AfterSalesPolicy(hold_during_cooling_off=held)) is None


@pytest.mark.parametrize(
    ("released", "held", "refunded_at_once"),
    [(False, True, True), (True, True, False), (True, False, True), (False, False, True)],
)
def test_a_released_order_is_out_of_its_cooling_off(
    released: bool, held: bool, refunded_at_once: bool
) -> None:
    """Even to a clock that is behind; where the policy holds nothing, release says nothing of time."""
    policy = replace(POLICY, hold_during_cooling_off=held)
    known = replace(book(), released=released)
    assert in_cooling_off(known, asking(), policy, PLACED_AT) is refunded_at_once


@pytest.mark.parametrize("kind", [*Kind])
@pytest.mark.parametrize("whole", [True, False])
def test_only_a_refund_of_the_whole_order_holds_it(kind: Kind, whole: bool) -> None:
    """In every open state, and in none of its ends, unless its refund was decided."""
    wish = asking(kind=kind) if whole else asking(("A", 1), kind=kind)
    case = submit(wish, "AS1", CUSTOMER, circumstances(book(), AFTER_COOLING_OFF)).case
    asked_back = whole and kind is Kind.REFUND_ONLY
    for state in State:
        seen = replace(case, state=state)
        assert holds_release(seen) is (asked_back and state not in FINAL_STATES)
        decided = replace(seen, refund_decided_at=AFTER_COOLING_OFF)
        assert holds_release(decided) is asked_back


@pytest.mark.parametrize("kind", [Kind.REFUND_ONLY, Kind.RETURN_REFUND])
@pytest.mark.parametrize("goods_fen", [0, 1, 999, 1_000, None])
def test_whoever_agreed_to_an_amount_still_gets_the_goods(kind: Kind, goods_fen: int | None) -> None:
    """An offer holds the order while it stands; a refund-only of the amount offered is a compensation."""
    at = circumstances(book(), AFTER_COOLING_OFF)
    opened = submit(asking(), "AS1", CUSTOMER, at).case
    at = circumstances(book(holdings=opened.holdings), AFTER_COOLING_OFF)
    if goods_fen is None and kind is Kind.REFUND_ONLY:
        opened = replace(opened, kind=Kind.RETURN_REFUND)
    offered = decide(opened, Propose("less", goods_fen, kind), SUPPLIER, at).case
    assert holds_release(offered) is (offered.kind is Kind.REFUND_ONLY)
    assert not offered.goods_stay
    agreed = decide(offered, AcceptProposal(), CUSTOMER, at).case
    assert agreed.goods_stay is (kind is Kind.REFUND_ONLY and goods_fen is not None)
    assert holds_release(agreed) is (kind is Kind.REFUND_ONLY and goods_fen is None)
