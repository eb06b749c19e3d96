"""A bill equal to our books differs in nothing, and each single change shows as itself and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.reconciliation import (
    BEIJING,
    MOST_DAYS_BACK,
    TOLERANCE,
    BillDay,
    BilledRefund,
    BookedRefund,
    Difference,
    DifferenceKind,
    compare,
    days_to_search,
)
from mallcare.domain.vocabulary import LegStatus

pytestmark = pytest.mark.rule("P3")

DAY = BillDay(date(2026, 3, 1))
MIDNIGHT = datetime.combine(DAY.day, time(), BEIJING)
NEXT = MIDNIGHT + timedelta(days=1)
K = DifferenceKind
WORD = {
    LegStatus.SUCCEEDED: "SUCCESS",
    LegStatus.FAILED: "CHANGE",
    LegStatus.PENDING: "PROCESSING",
    LegStatus.UNKNOWN: "PROCESSING",
}


def leg(refund_no: str = "R1", **changes: object) -> BookedRefund:
    """A leg asked for and paid at noon."""
    noon = MIDNIGHT + timedelta(hours=12)
    known = BookedRefund(refund_no, f"AS-{refund_no}", 500, LegStatus.SUCCEEDED, noon, noon)
    return replace(known, **changes)  # type: ignore[arg-type]


def row_of(booked: BookedRefund, **changes: object) -> BilledRefund:
    """The leg as the vendor bills it when both agree."""
    row = BilledRefund(booked.refund_no, booked.amount_fen, booked.paid, WORD[booked.status])
    return replace(row, **changes)  # type: ignore[arg-type]


def kinds(found: tuple[Difference, ...]) -> list[tuple[str, DifferenceKind]]:
    return [(one.refund_no, one.kind) for one in found]


@st.composite
def books(draw: st.DrawFn) -> list[BookedRefund]:
    """Legs of a day, in every status, with times within its bounds."""
    numbers = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=12, unique=True))
    legs: list[BookedRefund] = []
    for number in numbers:
        asked = DAY.starts_at + timedelta(seconds=draw(st.integers(0, 86_399)))
        settled = draw(st.datetimes(asked.replace(tzinfo=None), DAY.ends_at.replace(tzinfo=None)))
        at = min(settled.replace(tzinfo=BEIJING), DAY.ends_at - timedelta(microseconds=1))
        status = draw(st.sampled_from(LegStatus))
        legs.append(
            leg(
                f"R{number}",
                amount_fen=draw(st.integers(1, 10**9)),
                status=status,
                created_at=asked,
                settled_at=None if status.open else at,
            )
        )
    return legs


@given(books(), st.randoms())
def test_a_bill_equal_to_the_books_has_no_difference(legs: list[BookedRefund], chance: object) -> None:
    """In whatever order the rows come, and with no row for what never reached the vendor."""
    bill = [row_of(one) for one in legs]
    chance.shuffle(bill)  # type: ignore[attr-defined]
    assert compare(DAY, bill, legs) == ()
    assert compare(DAY, [row for row in bill if row.paid], legs) == ()
    assert days_to_search(DAY, bill, legs) == ()


@given(books(), st.data())
def test_each_single_change_is_exactly_its_difference(legs: list[BookedRefund], data: st.DataObject) -> None:
    """A row that is lacking, doubled, of another amount or status, and one that nobody knows."""
    bill = [row_of(one) for one in legs]
    changed = data.draw(st.sampled_from(bill))
    at = bill.index(changed)
    others = bill[:at] + bill[at + 1 :]
    paid = changed.paid
    more = data.draw(st.integers(1, 1_000))
    mutations: list[tuple[list[BilledRefund], list[DifferenceKind]]] = [
        (others, [K.MISSING_AT_VENDOR] if paid else []),
        ([*bill, changed], [K.DOUBLED]),
        ([*others, replace(changed, amount_fen=changed.amount_fen + more)], [K.AMOUNT_DIFFERS]),
        ([*others, replace(changed, paid=not paid, status="other")], [K.STATUS_DIFFERS]),
    ]
    for mutated, expected in mutations:
        assert kinds(compare(DAY, mutated, legs)) == [(changed.refund_no, kind) for kind in expected]
    stranger = replace(changed, refund_no="X1")
    assert kinds(compare(DAY, [*bill, stranger], legs)) == [("X1", K.MISSING_HERE)]


@given(books(), books(), st.randoms())
def test_the_order_of_neither_side_matters(
    legs: list[BookedRefund], others: list[BookedRefund], chance: object
) -> None:
    """Two unrelated books: every number of either side alone is named, always in the same order."""
    bill = [row_of(one) for one in others]
    found = compare(DAY, bill, legs)
    shuffled, mixed = list(bill), list(legs)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    assert compare(DAY, shuffled, mixed) == found
    ours, theirs = {one.refund_no for one in legs}, {row.refund_no for row in bill}
    assert {no for no, kind in kinds(found) if kind is K.MISSING_HERE} == theirs - ours
    paid = {one.refund_no for one in legs if one.paid}
    assert {no for no, kind in kinds(found) if kind is K.MISSING_AT_VENDOR} == paid - theirs


@given(st.integers(-3 * 86_400, 3 * 86_400))
def test_a_paid_leg_is_due_on_exactly_one_day(seconds: int) -> None:
    """Whenever we learned of it: no leg falls between two bills, none is asked for twice."""
    paid = leg(settled_at=MIDNIGHT + timedelta(seconds=seconds))
    days = [BillDay(DAY.day + timedelta(days=n)) for n in range(-5, 6)]
    assert sum(day.due(paid) for day in days) == 1


def test_what_a_difference_tells() -> None:
    """Both sides, as far as they know the number."""
    one = leg()
    (lacking,) = compare(DAY, [], [one])
    assert lacking == Difference(K.MISSING_AT_VENDOR, "R1", "AS-R1", 500, "SUCCEEDED")
    found = compare(DAY, [row_of(one, amount_fen=700), row_of(one)], [one])
    assert kinds(found) == [("R1", K.AMOUNT_DIFFERS), ("R1", K.DOUBLED)]
    assert (found[0].billed_fen, found[0].billed_status) == ((500, 700), ("SUCCESS", "SUCCESS"))
    strangers = compare(DAY, [row_of(leg("X"))] * 2, [])
    assert kinds(strangers) == [("X", K.DOUBLED), ("X", K.MISSING_HERE)]
    assert (strangers[0].after_sales_no, strangers[0].our_fen) == (None, None)


@pytest.mark.parametrize("status", [LegStatus.PENDING, LegStatus.UNKNOWN, LegStatus.FAILED])
def test_paid_by_the_vendor_and_not_known_here(status: LegStatus) -> None:
    """Money that left without our knowing, whether we still ask or gave up."""
    ours = leg(status=status, settled_at=None if status.open else leg().settled_at)
    assert kinds(compare(DAY, [row_of(leg())], [ours])) == [("R1", K.STATUS_DIFFERS)]


def test_a_refund_over_midnight_is_found_on_the_day_before() -> None:
    """It was asked for at the end of one day, we knew of it on the next: each bill alone would lack it."""
    late = leg(created_at=MIDNIGHT - timedelta(seconds=2), settled_at=MIDNIGHT + timedelta(seconds=3))
    before = BillDay(DAY.day - timedelta(days=1))
    assert compare(before, [row_of(late)], [late]) == ()
    assert compare(before, [], [late]) == ()
    assert days_to_search(DAY, [], [late]) == (before.day,)
    assert compare(DAY, [], [late], elsewhere={"R1"}) == ()
    assert kinds(compare(DAY, [], [late])) == [("R1", K.MISSING_AT_VENDOR)]


def test_clocks_a_little_apart_around_midnight() -> None:
    """Paid just before midnight by our clock, just after by the vendor's: due on the next day."""
    early = leg(created_at=NEXT - TOLERANCE, settled_at=NEXT - timedelta(seconds=1))
    assert compare(DAY, [], [early]) == ()
    assert compare(BillDay(NEXT.date()), [row_of(early)], [early]) == ()
    assert days_to_search(BillDay(NEXT.date()), [], [early]) == (DAY.day,)


def test_a_refund_that_took_days_is_looked_for_on_each_of_them() -> None:
    """And on no more days than the vendor keeps bills for."""
    slow = leg(created_at=MIDNIGHT - timedelta(days=2, hours=12))
    assert days_to_search(DAY, [], [slow]) == tuple(DAY.day - timedelta(days=n) for n in (1, 2, 3))
    endless = leg(created_at=MIDNIGHT - timedelta(days=400))
    assert len(days_to_search(DAY, [], [slow, endless])) == MOST_DAYS_BACK


def test_still_processing_on_the_bill_and_paid_later_agree() -> None:
    """The bill tells how things stood at its day's end."""
    later = leg(settled_at=NEXT + timedelta(hours=2))
    processing = row_of(later, paid=False, status="PROCESSING")
    assert compare(DAY, [processing], [later]) == ()
    assert kinds(compare(DAY, [processing], [leg()])) == [("R1", K.STATUS_DIFFERS)]


def test_paid_again_on_a_later_day_is_doubled() -> None:
    """We knew the refund as paid before the day whose bill pays it once more."""
    earlier = leg(settled_at=MIDNIGHT - timedelta(hours=1))
    assert kinds(compare(DAY, [row_of(earlier)], [earlier])) == [("R1", K.DOUBLED)]
