"""The worked example of `docs/money.md` is what the domain computes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mallcare.domain.book import Holding, OrderBook
from mallcare.domain.money import unit_value
from mallcare.domain.orders import Cells, Discount, Order, OrderLine, Tender, freeze
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import RequestedLine, choose_units, decide_freight, quote, units_of
from mallcare.domain.vocabulary import Channel, Kind, TenderKind
from tests.docs.reading import blocks, tables, text_of

DOCUMENT = "docs/money.md"
PAID_AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def order() -> Order:
    """The order of the example."""
    (body,) = blocks(DOCUMENT, "json")
    told = json.loads(body)
    return Order(
        order_no="example",
        version=1,
        supplier_id="supplier",
        channel=Channel.CONSUMER,
        customer_id="customer",
        placed_at=PAID_AT,
        paid_at=PAID_AT,
        tenders=tuple(Tender(TenderKind(t["tender"]), t["amount_fen"]) for t in told["tenders"]),
        freight_fen=told["freight_fen"],
        discounts=tuple(Discount(d["discount_id"], d["amount_fen"]) for d in told["discounts"]),
        lines=tuple(
            OrderLine(x["line_id"], "sku", "thing", x["quantity"], x["unit_price_fen"]) for x in told["lines"]
        ),
    )


@pytest.fixture(scope="module")
def cells(order: Order) -> Cells:
    return freeze(order)


def row(name: str, amounts: tuple[int, ...]) -> list[str]:
    return [name, *map(str, amounts), str(sum(amounts))]


def test_its_cells(order: Order, cells: Cells) -> None:
    """Rows are lines and freight, columns tenders, the last row what each tender paid."""
    expected = [row(name, amounts) for name, amounts in [*cells.by_line.items(), ("freight", cells.freight)]]
    expected.append(row("paid", tuple(tender.amount_fen for tender in order.tenders)))
    assert tables(DOCUMENT)[0][1:] == expected


def test_its_units(order: Order, cells: Cells) -> None:
    """Each unit of each line, over each tender."""
    assert tables(DOCUMENT)[1][1:] == [
        row(
            f"{line.line_id}{j}",
            tuple(unit_value(cell, line.quantity, j) for cell in cells.by_line[line.line_id]),
        )
        for line in order.lines
        for j in range(1, line.quantity + 1)
    ]


def test_its_requests(order: Order, cells: Cells) -> None:
    """Two requests in turn: units, goods, freight and tenders of each; together they return all of it."""
    book = OrderBook(order=order, cells=cells, spent_fen=(0, 0))
    policy, told = AfterSalesPolicy(), []
    wishes: list[tuple[str, tuple[RequestedLine, ...] | None]] = [
        ("first", (RequestedLine("A", 2),)),
        ("second", None),
    ]
    for name, wish in wishes:
        lines = choose_units(book, Kind.REFUND_ONLY, wish)
        known = quote(book, lines, "changed_mind", policy)
        if name == "first":
            assert f"{known.total_fen} fen with `freight_if_last_fen` {known.freight_if_last_fen}" in text_of(
                DOCUMENT
            )
        held = tuple(Holding(unit, name, decided=True) for unit in units_of(lines))
        book = replace(book, holdings=(*book.holdings, *held))
        final = decide_freight(book, name, known, "changed_mind", policy)
        units = " ".join(f"{unit.line_id}{unit.ordinal}" for unit in units_of(lines))
        amounts = (final.goods_fen, final.freight_fen, *final.by_tender, final.total_fen)
        told.append([name, units, *map(str, amounts)])
    assert tables(DOCUMENT)[2][1:] == told
    assert [sum(int(line[i]) for line in told) for i in (4, 5)] == [t.amount_fen for t in order.tenders]
