"""Whatever a case can hold survives its row, its legs' and its parcels'."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.after_sales import AfterSalesCase, OfflineSettlement, Proposal
from mallcare.domain.inspection import Counts
from mallcare.domain.parcels import Parcel
from mallcare.domain.quotes import CaseLine, Quote
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.vocabulary import DeadlineEffect, Kind, LegStatus, ParcelPurpose, State, TenderKind
from mallcare.persistence.case_codec import case_of, case_values, leg_values, parcel_values
from mallcare.persistence.codec import dump_json
from tests.domain.builders import PLACED_AT

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
FEN = st.integers(0, 10**12)
COUNTS = st.builds(Counts, *[st.integers(0, 9)] * 4)
WORTH = st.lists(st.lists(FEN, max_size=3).map(tuple), max_size=3).map(tuple)
LINES = st.builds(
    CaseLine,
    st.text(),
    st.lists(st.integers(1, 99), max_size=4).map(tuple),
    st.none() | st.integers(0, 4),
    st.none() | COUNTS,
    st.none() | WORTH,
)
LEGS = st.builds(
    RefundLeg,
    st.text(),
    st.integers(0, 3),
    st.sampled_from(TenderKind),
    st.text(),
    st.none() | st.text(),
    FEN,
    st.sampled_from(LegStatus),
    st.none() | st.text(),
    st.none() | st.text(),
    st.integers(1, 9),
    st.none() | INSTANTS,
    st.booleans(),
)
PARCELS = st.builds(
    Parcel, st.sampled_from(ParcelPurpose), st.text(), st.text(), INSTANTS, *[st.none() | INSTANTS] * 3
)
QUOTES = st.builds(
    Quote,
    st.lists(st.sampled_from(TenderKind), max_size=3).map(tuple),
    st.lists(FEN, max_size=3).map(tuple),
    st.lists(FEN, max_size=3).map(tuple),
    FEN,
)
CASES = st.builds(
    AfterSalesCase,
    after_sales_no=st.text(),
    order_no=st.text(),
    supplier_id=st.text(),
    customer_id=st.text(),
    kind=st.sampled_from(Kind),
    state=st.sampled_from(State),
    version=st.integers(1, 10**6),
    whole_order=st.booleans(),
    lines=st.lists(LINES, max_size=3).map(tuple),
    quote=QUOTES,
    reason_code=st.text(),
    policy_version=st.integers(1, 9),
    created_at=INSTANTS,
    updated_at=INSTANTS,
    legs=st.lists(LEGS, max_size=2).map(tuple),
    parcels=st.lists(PARCELS, max_size=2).map(tuple),
    disputed=st.booleans(),
    cooling_off=st.booleans(),
    intercept=st.booleans(),
    escalated_at=st.none() | INSTANTS,
    deadline_at=st.none() | INSTANTS,
    deadline_effect=st.none() | st.sampled_from(DeadlineEffect),
    extended_until=st.none() | INSTANTS,
    refund_decided_at=INSTANTS,
    proposal=st.none() | st.builds(Proposal, st.sampled_from(Kind), st.none() | FEN),
    return_address_set=st.booleans(),
    inspected_at=st.none() | INSTANTS,
    missing_reported=st.booleans(),
    settlement=st.none() | st.builds(OfflineSettlement, st.text(), INSTANTS),
)
PLAIN = AfterSalesCase(
    after_sales_no="AS1",
    order_no="O1",
    supplier_id="supplier-1",
    customer_id="customer-1",
    kind=Kind.REFUND_ONLY,
    state=State.PENDING_REVIEW,
    version=1,
    whole_order=False,
    lines=(CaseLine("A", (1, 2)),),
    quote=Quote((TenderKind.CASH,), (100,), (0,), 0),
    reason_code="quality",
    policy_version=1,
    created_at=PLACED_AT,
    updated_at=PLACED_AT + timedelta(hours=1),
)


def row_of(case: AfterSalesCase) -> dict[str, Any]:
    """The row of a case as it is read: everything that is JSON went through it."""
    legs = [leg_values(leg) for leg in case.legs]
    parcels = [parcel_values(parcel) for parcel in case.parcels]
    return json.loads(dump_json(case_values(case) | {"legs": legs, "parcels": parcels}))


@given(case=CASES)
def test_every_case_survives_its_row(case: AfterSalesCase) -> None:
    """Equal to the case written, to the microsecond and the fen."""
    assert case_of(row_of(case)) == case


def test_a_case_without_legs_and_parcels_is_read() -> None:
    """An aggregate over no rows is no list, but NULL."""
    assert case_of(row_of(PLAIN) | {"legs": None, "parcels": None}) == PLAIN


def test_lines_of_before_returns_are_read() -> None:
    """They name neither what was received nor a worth of their own."""
    old = {"line_id": "A", "units": [1, 2], "accepted_quantity": None}
    assert case_of(row_of(PLAIN) | {"lines": [old]}) == PLAIN


def test_a_refund_decided_by_an_older_release_is_decided() -> None:
    """It does not write when; its last change is the earliest instant that is known."""
    for state in (State.REFUNDING, State.REFUND_FAILED, State.COMPLETED):
        assert case_of(row_of(replace(PLAIN, state=state))).refund_decided_at == PLAIN.updated_at
    for state in (State.PENDING_REVIEW, State.REJECTED, State.CANCELLED):
        assert not case_of(row_of(replace(PLAIN, state=state))).refund_decided
    assert not case_of(row_of(replace(PLAIN, state=State.COMPLETED, kind=Kind.EXCHANGE))).refund_decided
