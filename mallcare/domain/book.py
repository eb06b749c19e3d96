"""The order's book: who holds which unit, what was spent of each tender, where the parcels are.

It is read under the order's row lock, so everything decided from it holds until the transaction ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from mallcare.domain.errors import RefundCapExceeded, UnitsUnavailable
from mallcare.domain.fulfilment import Fulfilment, after_sales_until
from mallcare.domain.money import units_value
from mallcare.domain.orders import FREIGHT_LINE, Cells, Order, TransactionKey
from mallcare.domain.policy import AfterSalesPolicy


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a line, by its ordinal (1..quantity)."""

    line_id: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Holding:
    """A unit that is not free. `holder` is a case number, or None for the mall's own refunds.

    `decided`: its refund is decided (paid or being paid), so that it will not become free again.
    """

    unit: Unit
    holder: str | None
    decided: bool


@dataclass(frozen=True, slots=True)
class Transaction:
    """A vendor's payment transaction, with all that was already refunded or promised of it."""

    total_fen: int
    spent_fen: int


@dataclass(frozen=True, slots=True)
class OrderBook:
    """One order with all its cells, holdings and spendings.

    `spent_fen[i]`: succeeded + pending + unknown refunds of tender i, the mall's own included.
    `transactions`: each over all orders that share it; only needed to decide a refund.
    """

    order: Order
    cells: Cells
    fulfilment: Fulfilment = field(default_factory=Fulfilment)
    holdings: tuple[Holding, ...] = ()
    spent_fen: tuple[int, ...] = ()
    transactions: Mapping[TransactionKey, Transaction] = field(
        default_factory=dict[TransactionKey, Transaction]
    )
    extended_until: datetime | None = None
    exchanged_at: Mapping[Unit, datetime] = field(default_factory=dict["Unit", datetime])
    """Units that a completed exchange replaced, each with the instant its replacement was signed for."""
    released: bool = False
    """The order is its supplier's to ship (A1)."""

    def taken(self, line_id: str) -> frozenset[int]:
        """Ordinals of a line that are not free."""
        return frozenset(h.unit.ordinal for h in self.holdings if h.unit.line_id == line_id)

    def refundable_quantity(self, line_id: str) -> int:
        """How many units of a line are free."""
        return self._quantity(line_id) - len(self.taken(line_id))

    def free(self, line_id: str) -> tuple[int, ...]:
        """The free ordinals of a line, lowest first."""
        taken = self.taken(line_id)
        return tuple(j for j in range(1, self._quantity(line_id) + 1) if j not in taken)

    def entry_open(self, unit: Unit, policy: AfterSalesPolicy, now: datetime) -> bool:
        """The customer may ask for the unit: the order's window is open, or the unit's own one.

        The replacement of an exchanged unit has a window of its own, from the instant it was signed for.
        """
        until = self.after_sales_until(policy)
        replaced = self.exchanged_at.get(unit)
        return until is None or now < until or (replaced is not None and now < replaced + policy.window)

    def value(self, units: Iterable[Unit]) -> tuple[int, ...]:
        """Worth of units in fen, one amount for each tender of the order."""
        ordinals: dict[str, list[int]] = {}
        for unit in units:
            ordinals.setdefault(unit.line_id, []).append(unit.ordinal)
        columns = range(len(self.order.tenders))
        return tuple(
            sum(
                units_value(self._cells(line_id)[i], self._quantity(line_id), js)
                for line_id, js in ordinals.items()
            )
            for i in columns
        )

    @property
    def freight_decided(self) -> bool:
        """The freight has already gone to somebody."""
        return bool(self.taken(FREIGHT_LINE))

    def leaves_nothing(self, units: Iterable[Unit]) -> bool:
        """Once `units` are refunded too, no unit of the order is left unrefunded."""
        settled = {h.unit for h in self.holdings if h.decided} | set(units)
        return all(
            Unit(line.line_id, j) in settled for line in self.order.lines for j in range(1, line.quantity + 1)
        )

    def check_held(self, holder: str, units: Iterable[Unit]) -> None:
        """Refuse to refund units that `holder` lost, because the mall refunded them by itself meanwhile.

        Raises:
            UnitsUnavailable: naming the lines.
        """
        mine = {h.unit for h in self.holdings if h.holder == holder}
        lost = sorted({unit.line_id for unit in units if unit not in mine})
        if lost:
            raise UnitsUnavailable(
                "the mall refunded units of the request by itself; ask anew for what is left", line_ids=lost
            )

    def check_caps(self, by_tender: tuple[int, ...]) -> None:
        """Refuse to promise more than a tender, or a payment transaction, received.

        A tender asked for nothing is not refused, even where the mall already refunded too much of it.

        Raises:
            RefundCapExceeded: naming the tender and what is left of it.
        """
        by_transaction: dict[TransactionKey, int] = {}
        for tender, amount, spent in zip(self.order.tenders, by_tender, self.spent_fen, strict=True):
            if amount and spent + amount > tender.amount_fen:
                raise RefundCapExceeded(
                    f"{tender.tender.value} would be refunded beyond what it paid",
                    tender=tender.tender.value,
                    left_fen=tender.amount_fen - spent,
                    asked_fen=amount,
                )
            if amount and tender.transaction is not None:
                by_transaction[tender.transaction] = by_transaction.get(tender.transaction, 0) + amount
        for key, amount in by_transaction.items():
            known = self.transactions.get(key)
            if known is not None and known.spent_fen + amount > known.total_fen:
                raise RefundCapExceeded(
                    "the payment transaction would be refunded beyond its total",
                    left_fen=known.total_fen - known.spent_fen,
                    asked_fen=amount,
                )

    def after_sales_until(self, policy: AfterSalesPolicy) -> datetime | None:
        """End of the customer's entry, None while it is open without an end."""
        return self._window(policy, self.extended_until)

    def regular_window_until(self, policy: AfterSalesPolicy) -> datetime | None:
        """`after_sales_until` without any extension."""
        return self._window(policy, None)

    def _window(self, policy: AfterSalesPolicy, extended_until: datetime | None) -> datetime | None:
        lines = [line.line_id for line in self.order.lines]
        travelling = [line_id for line_id in lines if not self._will_not_travel(line_id)]
        return after_sales_until(self.fulfilment, travelling or lines, policy.window, extended_until)

    def _will_not_travel(self, line_id: str) -> bool:
        """Refunded before it was delivered, every unit of it: no delivery of it will ever be reported."""
        decided = sum(1 for h in self.holdings if h.unit.line_id == line_id and h.decided)
        return line_id not in self.fulfilment.delivered_at and decided == self._quantity(line_id)

    def _quantity(self, line_id: str) -> int:
        if line_id == FREIGHT_LINE:
            return 1
        return next((line.quantity for line in self.order.lines if line.line_id == line_id), 0)

    def _cells(self, line_id: str) -> tuple[int, ...]:
        return self.cells.freight if line_id == FREIGHT_LINE else self.cells.by_line[line_id]
