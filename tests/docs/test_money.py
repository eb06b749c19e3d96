"""The worked example of `docs/money.md` is what the domain computes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mallcare.domain import commands as given
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Holding, OrderBook, Unit
from mallcare.domain.money import unit_value
from mallcare.domain.orders import Cells, Discount, Order, OrderLine, Tender, freeze
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import Quote, RequestedLine, choose_units, decide_freight, quote, units_of
from mallcare.domain.vocabulary import Channel, Choice, Kind, OrderEventType, State, TenderKind
from tests.docs.reading import blocks, tables, text_of
from tests.domain.builders import CUSTOMER, SUPPLIER, asking, reported
from tests.domain.ledger import Ledger

DOCUMENT = "docs/money.md"
PAID_AT = datetime(2026, 3, 1, tzinfo=UTC)
DELIVERED_AT = PAID_AT + timedelta(days=2)
NOW = DELIVERED_AT + timedelta(days=1)
LIABLE, NOT_LIABLE = "quality", "changed_mind"


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


def names(units: Iterable[Unit]) -> str:
    return " ".join(f"{unit.line_id}{unit.ordinal}" for unit in units)


def refunded(final: Quote) -> list[str]:
    """Goods, freight, each tender, together."""
    return [str(x) for x in (final.goods_fen, final.freight_fen, *final.by_tender, final.total_fen)]


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
    policy = AfterSalesPolicy()
    told: list[list[str]] = []
    wishes: list[tuple[str, tuple[RequestedLine, ...] | None]] = [
        ("first", (RequestedLine("A", 2),)),
        ("second", None),
    ]
    for name, wish in wishes:
        lines = choose_units(book, Kind.REFUND_ONLY, wish, policy, PAID_AT)
        known = quote(book, lines, "changed_mind", policy)
        if name == "first":
            assert f"{known.total_fen} fen with `freight_if_last_fen` {known.freight_if_last_fen}" in text_of(
                DOCUMENT
            )
        held = tuple(Holding(unit, name, decided=True) for unit in units_of(lines))
        book = replace(book, holdings=(*book.holdings, *held))
        final = decide_freight(book, units_of(lines), known, "changed_mind", policy)
        told.append([name, names(units_of(lines)), *refunded(final)])
    assert tables(DOCUMENT)[2][1:] == told
    assert [sum(int(line[i]) for line in told) for i in (4, 5)] == [t.amount_fen for t in order.tenders]


class Story:
    """The order of the page, delivered, and what became of its requests one after the other."""

    def __init__(self, order: Order) -> None:
        self.ledger = Ledger(order)
        self.ledger.parcels.append(reported(OrderEventType.DELIVERED, DELIVERED_AT))

    def ask(self, kind: Kind, reason: str, *lines: tuple[str, int]) -> AfterSalesCase:
        """A request that its supplier has to review; without lines for all that is left."""
        return self.ledger.submit(asking(*lines, reason=reason, kind=kind), NOW)

    def supplier(self, no: str, command: given.Command) -> AfterSalesCase:
        return self.ledger.decide(no, command, SUPPLIER, NOW).case

    def customer(self, no: str, command: given.Command) -> AfterSalesCase:
        return self.ledger.decide(no, command, CUSTOMER, NOW).case

    def send_back(self, no: str) -> None:
        """A request that the goods have to come back for, up to the inspection."""
        if self.ledger.cases[no].state is State.PENDING_REVIEW:
            self.supplier(no, given.Approve())
        self.customer(no, given.SubmitWaybill("shunfeng", f"BACK-{no}"))

    def inspect(self, no: str, counted: given.Receive, **accepted: int) -> AfterSalesCase:
        """The goods as counted, and as many units of each line as are accepted."""
        self.send_back(no)
        self.supplier(no, counted)
        lines = tuple(given.AcceptedLine(line_id, n) for line_id, n in accepted.items())
        return self.supplier(no, given.Accept(lines))

    def end(self, no: str) -> AfterSalesCase:
        """Vendors pay, and refused goods go back."""
        self.ledger.settle_all(NOW)
        if self.ledger.cases[no].state is State.RETURNING_TO_CUSTOMER:
            self.supplier(no, given.ShipBack("shunfeng", f"REFUSED-{no}"))
            self.customer(no, given.Confirm())
        return self.ledger.cases[no]


def all_good(case: AfterSalesCase, **missing: int) -> given.Receive:
    """Everything arrived as it was sold, but for so many units of a line."""
    return given.Receive(
        tuple(given.ReceivedLine(x.line_id, good=x.quantity - missing.get(x.line_id, 0)) for x in case.lines)
    )


def one_of_each(order: Order) -> Story:
    """Three scarves were sent back: one is accepted, one refused, one missing."""
    story = Story(order)
    case = story.ask(Kind.RETURN_REFUND, LIABLE, ("A", 3))
    counted = given.Receive((given.ReceivedLine("A", good=1, damaged=1, missing=1),))
    story.inspect(case.after_sales_no, counted, A=1)
    return story


def test_a_return_with_a_refused_and_a_missing_unit(order: Order) -> None:
    """Each unit's fate and money; missing ones are free at once, refused ones when they are back."""
    story = one_of_each(order)
    case = story.ledger.cases["AS1"]
    told = dict.fromkeys(case.accepted_units, "accepted") | dict.fromkeys(case.refused_units, "refused")
    rows: list[list[str]] = []
    for unit in units_of(case.lines):
        paid = story.ledger.book().value([unit] if unit in case.accepted_units else [])
        rows.append([names([unit]), told.get(unit, "missing"), *map(str, (*paid, sum(paid)))])
    assert tables(DOCUMENT)[3][1:] == rows
    assert refunded(case.quote) == ["909", "0", *rows[0][2:]]
    assert "The refund is 909 fen without freight." in text_of(DOCUMENT)
    assert story.ledger.book().free("A") == (3,)
    assert story.end("AS1").state is State.COMPLETED
    assert story.ledger.book().free("A") == (2, 3)


def test_what_is_left_after_it(order: Order) -> None:
    """The freight goes to the last request, and only where the supplier is liable."""
    rows: list[list[str]] = []
    for reason in (LIABLE, NOT_LIABLE):
        story = one_of_each(order)
        story.end("AS1")
        case = story.ask(Kind.RETURN_REFUND, reason)
        final = story.inspect(case.after_sales_no, all_good(case), A=2, B=1)
        story.end(case.after_sales_no)
        rows.append([f"`{reason}`", names(final.accepted_units), *refunded(final.quote)])
        paid = tuple(tender.amount_fen for tender in order.tenders)
        assert (story.ledger.spent() == paid) is (reason == LIABLE)
    assert tables(DOCUMENT)[4][1:] == rows
    assert f"With the first of them all {order.paid_fen} fen went back." in text_of(DOCUMENT)


def test_a_lowered_offer(order: Order) -> None:
    """Shared over every cell, then cut to the accepted units; freight is not lowered; waived is spent."""
    accepted_rows: list[list[str]] = []
    for missing in ({}, {"A": 1}):
        story = Story(order)
        case = story.ask(Kind.RETURN_REFUND, LIABLE)
        no, worth = case.after_sales_no, case.quote.goods_fen
        story.supplier(no, given.Propose("as a compromise", goods_fen=4000))
        agreed = story.customer(no, given.AcceptProposal())
        lowered = [
            row(f"{line.line_id}{j}", unit)
            for line in agreed.lines
            for j, unit in zip(line.units, line.lowered or (), strict=True)
        ]
        assert tables(DOCUMENT)[5][1:] == [*lowered, row("offered", agreed.quote.goods)]
        assert f"goods worth {worth} fen. The supplier offers 4000" in text_of(DOCUMENT)
        final = story.inspect(no, all_good(case, **missing), A=3 - missing.get("A", 0), B=1)
        accepted_rows.append([names(final.accepted_units), *refunded(final.quote)])
        story.end(no)
        left = story.ledger.book().free("A")
        assert left == ((3,) if missing else ())
    assert tables(DOCUMENT)[6][1:] == accepted_rows
    (full,) = [cells[-1] for cells in tables(DOCUMENT)[1] if cells[0] == "A3"]
    assert f"at its full {full} fen" in text_of(DOCUMENT)


def test_an_exchange_that_becomes_a_refund(order: Order) -> None:
    """The customer takes the money; freight comes with it where nothing else is left to refund."""
    rows: list[list[str]] = []
    for scarves in (False, True):
        story, before = Story(order), "nothing"
        if scarves:
            first = story.ask(Kind.RETURN_REFUND, LIABLE, ("A", 3))
            before = names(story.inspect(first.after_sales_no, all_good(first), A=3).accepted_units)
            story.end(first.after_sales_no)
        case = story.ask(Kind.EXCHANGE, LIABLE, ("B", 1))
        no = case.after_sales_no
        story.inspect(no, all_good(case), B=1)
        story.supplier(no, given.OutOfStock())
        final = story.customer(no, given.Choose(Choice.REFUND))
        assert final.state is State.REFUNDING
        rows.append([before, names(final.accepted_units), *refunded(final.quote)])
    assert tables(DOCUMENT)[7][1:] == rows
