from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.fulfilment import Fulfilment
from mallcare.domain.orders import Order
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.persistence.codec import dump_json, order_record, order_values, policy_json, policy_of
from mallcare.ports import PersonalData
from tests.domain.builders import PLACED_AT, order
from tests.domain.strategies import orders
from tests.persistence.transactions import recorded

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(bought=orders(), at=st.none() | INSTANTS, delivered=st.dictionaries(st.text(), INSTANTS, max_size=3))
def test_every_order_survives_its_row(
    bought: Order, at: datetime | None, delivered: dict[str, datetime]
) -> None:
    """A stored order is equal to the order sent, to the microsecond and the fen."""
    record = recorded(
        bought,
        fulfilment=Fulfilment(at, delivered, delivered, at),
        personal=PersonalData({"name": "王", "phone": None}, {"city": "杭州"}),
        extended_until=at,
    )
    assert order_record(json.loads(dump_json(order_values(record)))) == record


def test_instants_come_back_in_utc_whatever_offset_they_came_with() -> None:
    """Only the instant is kept, not the offset it was written in."""
    beijing = PLACED_AT.astimezone(timezone(timedelta(hours=8)))
    record = recorded(replace(order(), placed_at=beijing))
    again = order_record(json.loads(dump_json(order_values(record))))
    assert again.order.placed_at == PLACED_AT
    assert again.order.placed_at.tzinfo is UTC


@given(
    seconds=st.floats(0, 10_000_000),
    reasons=st.frozensets(st.text(), max_size=4),
    limit=st.integers(0, 10**12),
)
def test_every_policy_survives_its_body(seconds: float, reasons: frozenset[str], limit: int) -> None:
    """Durations keep their microseconds, sets their members."""
    policy = AfterSalesPolicy(
        version=9,
        window=timedelta(seconds=seconds),
        hold_during_cooling_off=False,
        review_timeout=ReviewTimeout.AUTO_APPROVE,
        auto_refund_ceiling_fen=limit,
        supplier_liable_reasons=reasons,
    )
    assert policy_of(9, json.loads(dump_json(policy_json(policy)))) == policy


def test_a_body_of_another_release_is_read() -> None:
    """A field an old body lacks has its default, one that is gone is left aside."""
    policy = policy_of(3, {"review": 60, "gone": True})
    assert policy == AfterSalesPolicy(version=3, review=timedelta(minutes=1))


def test_nothing_is_stored_by_its_repr() -> None:
    """A value without a form in JSON is an error of ours, never a string that nobody can read back."""
    with pytest.raises(TypeError):
        dump_json({"at": object()})
