"""Money of an order, frozen into cells at payment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from mallcare.domain.errors import InvalidInput, MoneyDoesNotAddUp
from mallcare.domain.money import largest_remainder
from mallcare.domain.orders import FREIGHT_LINE, Discount, Order, check, freeze
from tests.domain.builders import cash, line, order, points
from tests.domain.strategies import orders


@given(orders())
def test_columns_sum_to_tenders(bought: Order) -> None:
    """Every tender is spread over lines and freight to the last fen, and no cell is negative."""
    cells = freeze(bought)
    for i, tender in enumerate(bought.tenders):
        column = [row[i] for row in (*cells.by_line.values(), cells.freight)]
        assert sum(column) == tender.amount_fen
        assert min(column) >= 0


@given(orders())
def test_rows_sum_to_net_prices(bought: Order) -> None:
    """Each line's cells sum to its price after the discounts, each applied to what was left before."""
    net = {line.line_id: line.gross_fen for line in bought.lines}
    for discount in bought.discounts:
        covered = list(net) if discount.line_ids is None else list(discount.line_ids)
        shares = largest_remainder(discount.amount_fen, [net[line_id] for line_id in covered])
        net = {**net, **{i: net[i] - share for i, share in zip(covered, shares, strict=True)}}
    cells = freeze(bought)
    assert {line_id: sum(row) for line_id, row in cells.by_line.items()} == net
    assert sum(cells.freight) == bought.freight_fen


def test_freeze_by_hand() -> None:
    """Worked on paper: 3 x 19.99 and 10.00, 5.00 off, freight 8.00, paid 70.00 and 297 points.

    The discount is 428.54 : 71.46 fen, so 429 and 71 leave 5568 and 929. Cash of 7000 over
    5568 : 929 : 800 is 5341.37, 891.19 and 767.44, and the odd fen goes to the freight.
    """
    bought = order(
        line("A", 3, 1_999),
        line("B", 1, 1_000),
        discounts=(Discount("D", 500),),
        freight_fen=800,
        tenders=(cash(7_000), points(297)),
    )
    cells = freeze(bought)
    assert cells.by_line == {"A": (5_341, 227), "B": (891, 38)}
    assert cells.freight == (768, 32)


def test_discounts_apply_in_their_order() -> None:
    """A later discount is shared over what the earlier ones left: in the other order others pay it."""
    one_line, all_lines = Discount("first", 900, ("A",)), Discount("second", 100)
    there = order(line("A"), line("B"), discounts=(one_line, all_lines))
    back = order(line("A"), line("B"), discounts=(all_lines, one_line))
    assert freeze(there).by_line == {"A": (91,), "B": (909,)}
    assert freeze(back).by_line == {"A": (50,), "B": (950,)}


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_single_fen_orders_stay_exact_where_naive_shares_fail(count: int) -> None:
    """Lines of one fen and tenders of one fen: shared one by one each tender would hit the first line."""
    kinds = tuple(points(1) for _ in range(count))
    bought = order(*(line(f"L{i}", 1, 1) for i in range(count)), tenders=kinds)
    naive = [largest_remainder(1, [1] * count) for _ in range(count)]
    assert [sum(column[i] for column in naive) for i in range(count)] == [count] + [0] * (count - 1)
    assert [sum(row) for row in freeze(bought).by_line.values()] == [1] * count


def test_an_odd_fen_of_each_tender_does_not_meet_in_one_line() -> None:
    """1.01 and 1.01 paid half in cash, half in points: naive shares give one line 102 fen of 101."""
    bought = order(line("A", 1, 101), line("B", 1, 101), tenders=(cash(101), points(101)))
    naive = [largest_remainder(101, [101, 101]) for _ in range(2)]
    assert [a + b for a, b in zip(*naive, strict=True)] == [102, 100]
    assert freeze(bought).by_line == {"A": (51, 50), "B": (50, 51)}


def test_an_order_for_nothing_is_an_order() -> None:
    """Given away: no tender is needed, and its cells are empty rows."""
    gift = order(line("A", 2, 0), tenders=())
    assert gift.paid_fen == 0
    assert freeze(gift).by_line == {"A": ()}


def test_an_unpaid_order_may_lack_its_tenders_but_not_contradict_them() -> None:
    """Before payment tenders may be unknown; as soon as there are some they have to add up."""
    check(order(tenders=(), paid=False))
    with pytest.raises(MoneyDoesNotAddUp):
        check(order(tenders=(cash(1),), paid=False))


@pytest.mark.parametrize("off_by", [-1, 1])
def test_tenders_a_fen_off_are_refused(off_by: int) -> None:
    """Paid must be lines + freight - discounts to the fen, and the error says what was expected."""
    with pytest.raises(MoneyDoesNotAddUp) as refused:
        check(order(tenders=(cash(1_000 + off_by),)))
    assert refused.value.facts == {"tenders_fen": 1_000 + off_by, "expected_fen": 1_000}


def test_a_discount_beyond_its_lines_is_refused() -> None:
    """No line can become cheaper than nothing, counting the discounts before."""
    first, second = Discount("D1", 600, ("A",)), Discount("D2", 401, ("A",))
    with pytest.raises(MoneyDoesNotAddUp) as refused:
        check(order(line("A"), line("B"), discounts=(first, second)))
    assert refused.value.facts == {"discount_fen": 401, "left_fen": 400}


@pytest.mark.parametrize(("named", "told"), [(("A", "X", "W"), ["W", "X"]), (("A", "A"), ["A", "A"])])
def test_a_discount_on_unknown_or_repeated_lines_is_refused(named: tuple[str, ...], told: list[str]) -> None:
    """A discount names lines of its order, each of them once."""
    with pytest.raises(InvalidInput) as refused:
        check(order(line("A"), discounts=(Discount("D", 1, named),)))
    assert refused.value.facts == {"line_ids": told}


def test_repeated_line_ids_are_refused() -> None:
    """A line id names one line: otherwise units could be held twice."""
    with pytest.raises(InvalidInput) as refused:
        check(order(line("A"), line("B"), line("A")))
    assert refused.value.facts == {"line_ids": ["A"]}


def test_no_line_may_pass_for_the_freight() -> None:
    """The id of the freight's pseudo-line is taken, else a case on that line would hold the freight."""
    with pytest.raises(InvalidInput) as refused:
        check(order(line(FREIGHT_LINE)))
    assert refused.value.facts == {"line_ids": [FREIGHT_LINE]}


def test_a_tender_fits_in_its_transaction() -> None:
    """An order's part of a payment is at most the whole payment."""
    check(order(tenders=(cash(1_000, transaction_total_fen=1_000),)))
    with pytest.raises(MoneyDoesNotAddUp) as refused:
        check(order(tenders=(cash(1_000, transaction_total_fen=999),)))
    assert refused.value.facts == {"amount_fen": 1_000, "transaction_total_fen": 999}


def test_freeze_refuses_what_check_refuses() -> None:
    """No cells are ever made of an order that does not add up."""
    with pytest.raises(MoneyDoesNotAddUp):
        freeze(order(tenders=(cash(1),)))


def test_money_facts_tell_whether_cells_would_change() -> None:
    """A new title leaves the money facts equal; another price, payment or freight does not."""
    before = order(line("A"), freight_fen=5)
    renamed = replace(before, version=2, lines=(replace(before.lines[0], title="other"),))
    assert renamed.money_facts() == before.money_facts()
    others = (order(line("A", 2), freight_fen=5), order(line("A")), replace(before, paid_at=None))
    assert all(other.money_facts() != before.money_facts() for other in others)
