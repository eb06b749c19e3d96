"""Shares and unit values: no fen is lost, none is made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.money import largest_remainder, unit_value, units_value
from tests.domain.strategies import AMOUNTS

WEIGHTS = st.lists(AMOUNTS, min_size=1, max_size=8)
CELLS = st.tuples(AMOUNTS, st.integers(1, 60))


@given(AMOUNTS, WEIGHTS.filter(any))
def test_shares_sum_to_the_amount_and_miss_their_proportion_by_less_than_a_fen(
    amount: int, weights: list[int]
) -> None:
    """Nothing is lost in sharing, and every share is its exact proportion rounded down or up."""
    shares = largest_remainder(amount, weights)
    assert sum(shares) == amount
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * sum(weights) - amount * weight) < sum(weights)


@given(st.data(), WEIGHTS)
def test_no_share_exceeds_its_weight_while_the_amount_fits(data: st.DataObject, weights: list[int]) -> None:
    """A discount or tender that fits its lines never takes more of a line than is left of it."""
    amount = data.draw(st.integers(0, sum(weights)))
    shares = largest_remainder(amount, weights)
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))


@given(st.integers(0, 100), st.integers(1, 9), st.integers(1, 50))
def test_ties_go_to_the_earlier(amount: int, count: int, weight: int) -> None:
    """Among equal weights the first ones get the odd fen, so that sharing again gives the same."""
    base, odd = divmod(amount, count)
    assert largest_remainder(amount, [weight] * count) == (base + 1,) * odd + (base,) * (count - odd)


def test_largest_remainder_by_hand() -> None:
    """10 fen over 3:3:1 are 4.28, 4.28, 1.43: the one odd fen goes where most was cut off."""
    assert largest_remainder(10, [3, 3, 1]) == (4, 4, 2)


def test_nothing_over_nothing_is_nothing() -> None:
    """A zero amount may be shared over lines that are worth nothing, or over none at all."""
    assert largest_remainder(0, [0, 0]) == (0, 0)
    assert largest_remainder(0, []) == ()


@pytest.mark.parametrize(("amount", "weights"), [(-1, [1]), (1, [2, -1]), (1, [0, 0]), (1, [])])
def test_what_cannot_be_shared_is_refused(amount: int, weights: list[int]) -> None:
    """Negative money, and money over nothing, are errors and never shares."""
    with pytest.raises(ValueError, match=r"negative|nothing to share"):
        largest_remainder(amount, weights)


@pytest.mark.rule("A4")
@given(CELLS)
def test_units_of_a_cell_sum_to_it_and_differ_by_a_fen_at_most(cell: tuple[int, int]) -> None:
    """Refunding units one by one returns the cell exactly, and no unit is favoured."""
    amount, quantity = cell
    worth = [unit_value(amount, quantity, j) for j in range(1, quantity + 1)]
    assert sum(worth) == amount
    assert max(worth) - min(worth) <= 1
    assert min(worth) >= 0


@pytest.mark.rule("A4")
@given(CELLS, st.data())
def test_units_split_in_any_way_are_worth_the_whole(cell: tuple[int, int], data: st.DataObject) -> None:
    """Any subset of units and the rest of them are worth the cell together."""
    amount, quantity = cell
    everyone = range(1, quantity + 1)
    some = data.draw(st.sets(st.sampled_from(everyone)))
    rest = set(everyone) - some
    assert units_value(amount, quantity, some) + units_value(amount, quantity, rest) == amount


def test_units_by_hand() -> None:
    """10 fen over three units are 3, 3 and 4 by their ordinals, whichever is refunded first."""
    assert [unit_value(10, 3, j) for j in (1, 2, 3)] == [3, 3, 4]
    assert units_value(10, 3, [3, 1]) == 7


@pytest.mark.parametrize(("amount", "quantity", "ordinal"), [(1, 0, 1), (1, 2, 0), (1, 2, 3), (-1, 2, 1)])
def test_units_that_cannot_be_are_refused(amount: int, quantity: int, ordinal: int) -> None:
    """A unit outside the line, or of negative money, has no worth to answer."""
    with pytest.raises(ValueError, match="ordinal"):
        unit_value(amount, quantity, ordinal)
