"""The demo's own orders are what the platform takes in, every time anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from api.parsing import incoming_order
from api.schemas.orders import OrderEventIn, OrderIn
from mallcare.cli.demo.sample_orders import ORDERS, sample_orders
from mallcare.domain.orders import freeze
from mallcare.domain.vocabulary import TenderKind

NOW = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.rule("A4")
def test_every_order_adds_up() -> None:
    """The API's schema and the domain's freeze accept each order; rows and columns sum to the fen."""
    for line in sample_orders("1", NOW).lines:
        order = incoming_order(OrderIn.model_validate(line["order"])).order
        cells = freeze(order)
        rows = [*cells.by_line.values(), cells.freight]
        assert [sum(column) for column in zip(*rows, strict=True)] == [t.amount_fen for t in order.tenders]
        for event in line["events"]:
            OrderEventIn.model_validate(event)


def test_the_sample_is_the_same_for_the_same_run_and_another_for_another() -> None:
    """Deterministic, and no number is ever used by two runs: the tour can be repeated on its data."""
    first, again, other = sample_orders("1", NOW), sample_orders("1", NOW), sample_orders("2", NOW)
    assert first == again

    def numbers(lines: list[dict[str, dict[str, str]]]) -> set[str]:
        return {line["order"]["order_no"] for line in lines}

    def transactions(lines: list[dict[str, dict[str, dict[str, list[dict[str, str]]]]]]) -> set[str]:
        return {line["order"]["payment"]["tenders"][0]["transaction_id"] for line in lines}

    assert len(numbers(first.lines)) == len(transactions(first.lines)) == ORDERS
    assert not numbers(first.lines) & numbers(other.lines)
    assert not transactions(first.lines) & transactions(other.lines)


def test_the_sample_shows_what_orders_can_be() -> None:
    """Several tenders, discounts, freight, several suppliers, delivered and under way."""
    orders = [line["order"] for line in sample_orders("1", NOW).lines]
    tenders = {tender["tender"] for order in orders for tender in order["payment"]["tenders"]}
    assert tenders == {TenderKind.CASH, TenderKind.POINTS, TenderKind.VOUCHER}
    assert any(order["discounts"] for order in orders)
    assert any(order["freight_fen"] for order in orders)
    assert len({order["supplier_id"] for order in orders}) == 5


@pytest.mark.rule("A1")
def test_the_scene_of_the_cooling_off_has_time_left() -> None:
    """Its order was placed minutes ago and nothing was shipped; everything lies in the past."""
    sample = sample_orders("1", NOW)
    order = sample.scenes["cooling_off"]
    assert NOW - datetime.fromisoformat(order["placed_at"]) < timedelta(minutes=10)
    line = next(line for line in sample.lines if line["order"] is order)
    assert not line["events"]
    for line in sample.lines:
        at = [
            line["order"]["placed_at"],
            line["order"]["paid_at"],
            *(e["occurred_at"] for e in line["events"]),
        ]
        assert all(datetime.fromisoformat(instant) <= NOW for instant in at)
