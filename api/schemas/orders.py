"""Orders as the mall sends them, and as they are shown again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator

from api.schemas.addresses import AddressIn, AddressOut
from api.schemas.bodies import Sent
from api.schemas.fields import (
    Fen,
    Flag,
    Id,
    Instant,
    Quantity,
    ShortText,
    Version,
    Word,
)
from api.schemas.problems import Problem
from api.schemas.windows import WindowExtensionOut
from mallcare.domain.vocabulary import Channel, OrderEventType, TenderKind

MOST_UNITS = 20_000
"""Units one order may have in all: each of them can be held, so each is a row once it is."""
LARGEST_DETAIL = 8_192
DEEPEST_DETAIL = 6

EXAMPLE_ORDER: dict[str, JsonValue] = {
    "order_no": "MO20260301-0001",
    "version": 1,
    "supplier_id": "supplier-7",
    "channel": "consumer",
    "customer": {"customer_id": "customer-42", "name": "王小明", "phone": "13800001234", "openid": None},
    "placed_at": "2026-03-01T16:00:00+08:00",
    "paid_at": "2026-03-01T16:01:12+08:00",
    "payment": {
        "tenders": [
            {
                "tender": "cash",
                "provider": "wechat_pay",
                "transaction_id": "4200001234202603010000000001",
                "transaction_total_fen": 7334,
                "amount_fen": 6834,
            },
            {"tender": "points", "provider": "mall", "amount_fen": 500},
        ]
    },
    "freight_fen": 1344,
    "discounts": [],
    "lines": [
        {"line_id": "1", "sku": "MUG-WHITE", "title": "马克杯", "quantity": 2, "unit_price_fen": 2995},
    ],
    "ship_to": {
        "name": "王小明",
        "phone": "13800001234",
        "province": "广东省",
        "city": "深圳市",
        "district": "南山区",
        "address": "科技园路 1 号",
    },
}


class CustomerIn(Sent):
    """Who bought. Only the id is needed; the rest is kept apart as personal data."""

    customer_id: Id = Field(description="The mall's id of the customer.")
    name: ShortText | None = Field(default=None, description="Name, personal data.")
    phone: Word | None = Field(default=None, description="Telephone number, personal data.")
    openid: ShortText | None = Field(default=None, description="WeChat openid, personal data.")


class TenderIn(Sent):
    """One means of payment and what it paid of this order."""

    tender: TenderKind = Field(description="Kind of money.")
    provider: Literal["wechat_pay", "mall"] = Field(
        default="mall", description="Who refunds it: the vendor that took it, or the mall itself."
    )
    transaction_id: Id | None = Field(default=None, description="The vendor's payment transaction.")
    transaction_total_fen: Fen | None = Field(
        default=None,
        description=(
            "All of that transaction, which may span several orders, in fen. The first total told counts;"
            " a newer version of an order may correct it while nothing was refunded of the transaction."
        ),
    )
    amount_fen: Fen = Field(description="What this tender paid of this order, in fen.")


class PaymentIn(Sent):
    """How the order was paid."""

    tenders: tuple[TenderIn, ...] = Field(
        default=(),
        max_length=20,
        description="Means of payment in the order they are used up; empty while the order is not paid.",
    )


class DiscountIn(Sent):
    """A reduction of the price of some lines, or of all."""

    discount_id: Id = Field(description="The mall's id of the discount.")
    amount_fen: Fen = Field(description="By how much the lines get cheaper together, in fen.")
    line_ids: tuple[Id, ...] | None = Field(
        default=None, min_length=1, max_length=200, description="Lines it covers; null covers all."
    )


class LineIn(Sent):
    """Units of one thing."""

    line_id: Id = Field(description="Id of the line within its order.")
    sku: Word = Field(description="What was bought, by the mall's number.")
    title: ShortText = Field(description="What was bought, in words.")
    quantity: Quantity = Field(description="How many units.")
    unit_price_fen: Fen = Field(description="Price of one unit before discounts, in fen.")
    freight_insured: Flag = Field(default=False, description="Returning it is insured (运费险).")
    returnable: Flag = Field(default=True, description="It may be sent back; false for fresh food.")


class OrderIn(Sent):
    """One version of an order, whole: it replaces the version stored before."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_ORDER]})

    order_no: Id = Field(description="The mall's number of the order.")
    version: Version = Field(description="Counts the order's versions; only a higher one replaces.")
    supplier_id: Id = Field(description="Who sells.")
    channel: Channel = Field(description="Who buys: consumer, business or group.")
    customer: CustomerIn = Field(description="Who bought.")
    placed_at: Instant = Field(description="When it was ordered; the cooling-off counts from here.")
    paid_at: Instant | None = Field(default=None, description="When it was paid; null while it is not.")
    payment: PaymentIn = Field(default=PaymentIn(), description="How it was paid.")
    freight_fen: Fen = Field(default=0, description="Freight of the order, in fen.")
    discounts: tuple[DiscountIn, ...] = Field(
        default=(), max_length=100, description="Discounts in the order they apply."
    )
    lines: tuple[LineIn, ...] = Field(min_length=1, max_length=200, description="What was bought.")
    ship_to: AddressIn | None = Field(default=None, description="Where the goods go.")

    @model_validator(mode="after")
    def _not_too_many_units(self) -> OrderIn:
        if sum(line.quantity for line in self.lines) > MOST_UNITS:
            raise ValueError(f"an order may have at most {MOST_UNITS} units in all")
        return self


class OrderBatchIn(Sent):
    """Many snapshots at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"orders": [EXAMPLE_ORDER]}]})

    orders: tuple[OrderIn, ...] = Field(
        min_length=1, max_length=1_000, description="Snapshots; each is stored or refused by itself."
    )


class OrderResult(BaseModel):
    """What became of one snapshot of a batch."""

    order_no: str = Field(description="The order.")
    status: Literal["applied", "unchanged", "ignored", "refused"] = Field(
        description=(
            "applied: stored; unchanged: this version was stored before; ignored: a newer one is stored; "
            "refused: see `problem`."
        )
    )
    version: int | None = Field(description="Version that is stored now; null if none is.")
    problem: Problem | None = Field(description="Why it was refused, as the single call would have said.")


class OrderBatchOut(BaseModel):
    """Results in the order of the request."""

    results: list[OrderResult] = Field(description="One result for each snapshot.")


def _bounded(value: object) -> object:
    """Refuse a detail that is large, deep, or holds what PostgreSQL cannot keep.

    Raises:
        ValueError
    """
    left = LARGEST_DETAIL
    level: list[object] = [value]
    for _ in range(DEEPEST_DETAIL):
        below: list[object] = []
        for item in level:
            left -= len(item) + 2 if isinstance(item, str) else 8
            if isinstance(item, str) and not _storable(item):
                raise ValueError("must not hold NUL or unpaired surrogates")
            if isinstance(item, float) and not abs(item) < float("inf"):
                raise ValueError("must hold finite numbers only")
            if isinstance(item, int) and abs(item) > 10**18:
                raise ValueError("must not hold whole numbers beyond 10^18")
            if isinstance(item, dict):
                below += [*item.keys(), *item.values()]  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
            elif isinstance(item, list):
                below += item
        if left < 0:
            raise ValueError(f"must not be larger than about {LARGEST_DETAIL} characters")
        level = below
    if level:
        raise ValueError(f"must not be nested deeper than {DEEPEST_DETAIL} levels")
    return value


def _storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


class RefundedLine(Sent):
    """Units of a line that the mall refunded by itself."""

    line_id: Id = Field(description="The line.")
    quantity: Quantity = Field(description="How many units.")


class OrderEventDetail(BaseModel):
    """More about an event. Members beside `lines` are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, JsonValue] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]

    lines: tuple[RefundedLine, ...] | None = Field(
        default=None,
        max_length=200,
        description="Of a `refunded` event: which units the mall refunded; absent, whole lines.",
    )


class OrderEventIn(Sent):
    """Something that happened to an order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event_id": "EV-1001",
                    "type": "delivered",
                    "occurred_at": "2026-03-04T10:30:00+08:00",
                    "waybill": "SF1234567890",
                    "carrier": "shunfeng",
                    "line_ids": ["1"],
                }
            ]
        }
    )

    event_id: Id = Field(description="The mall's id of the event; the same id counts once.")
    type: OrderEventType = Field(description="What happened.")
    occurred_at: Instant = Field(description="When it happened; events may arrive in any order.")
    waybill: Word | None = Field(
        default=None,
        description="Waybill of the parcel; that of a return or a replacement moves its request.",
    )
    carrier: Word | None = Field(default=None, description="Carrier of the parcel.")
    line_ids: tuple[Id, ...] | None = Field(
        default=None, min_length=1, max_length=200, description="Lines it is about; null: all of the order."
    )
    detail: Annotated[OrderEventDetail, BeforeValidator(_bounded)] | None = Field(
        default=None, description="More about it, at most 8 KiB and 6 levels deep."
    )

    @model_validator(mode="after")
    def _lines_once(self) -> OrderEventIn:
        named = [line.line_id for line in (self.detail.lines if self.detail else None) or ()]
        if len(set(named)) != len(named):
            raise ValueError("detail.lines names a line twice")
        return self


class OrderEventOut(BaseModel):
    """What became of an event."""

    order_no: str = Field(description="The order.")
    event_id: str = Field(description="The event.")
    status: Literal["applied", "kept", "unchanged"] = Field(
        description="applied; kept: waits for its order to become known; unchanged: it was there already."
    )


# --- shown ---------------------------------------------------------------------------------------


class CustomerOut(BaseModel):
    """Who bought; masked for everybody but the mall and operations."""

    customer_id: str = Field(description="The mall's id of the customer.")
    name: str | None = Field(description="Name; masked: the first character.")
    phone: str | None = Field(description="Telephone number; masked: the first three and last four digits.")
    openid: str | None = Field(description="WeChat openid; masked: null.")


class TenderOut(BaseModel):
    """One means of payment."""

    tender: TenderKind = Field(description="Kind of money.")
    provider: str = Field(description="Who refunds it.")
    transaction_id: str | None = Field(description="The vendor's payment transaction.")
    transaction_total_fen: int | None = Field(description="All of that transaction, in fen.")
    amount_fen: int = Field(description="What it paid of this order, in fen.")


class PaymentOut(BaseModel):
    """How the order was paid."""

    tenders: list[TenderOut] = Field(description="Means of payment in the order they are used up.")


class DiscountOut(BaseModel):
    """A reduction of the price."""

    discount_id: str = Field(description="The mall's id of the discount.")
    amount_fen: int = Field(description="By how much the lines got cheaper together, in fen.")
    line_ids: list[str] | None = Field(description="Lines it covers; null covers all.")


class LineOut(BaseModel):
    """Units of one thing, and how many of them can still be asked for."""

    line_id: str = Field(description="Id of the line within its order.")
    sku: str = Field(description="What was bought, by the mall's number.")
    title: str = Field(description="What was bought, in words.")
    quantity: int = Field(description="How many units.")
    unit_price_fen: int = Field(description="Price of one unit before discounts, in fen.")
    freight_insured: bool = Field(description="Returning it is insured.")
    returnable: bool = Field(description="It may be sent back.")
    refundable_quantity: int = Field(
        description="Units that are neither refunded nor held by another request."
    )


class OrderOut(BaseModel):
    """The newest version of an order, and what follows from it now."""

    order_no: str = Field(description="The mall's number of the order.")
    version: int = Field(description="Version that is stored.")
    supplier_id: str = Field(description="Who sells.")
    channel: Channel = Field(description="Who buys.")
    customer: CustomerOut = Field(description="Who bought.")
    placed_at: datetime = Field(description="When it was ordered.")
    paid_at: datetime | None = Field(description="When it was paid; null while it is not.")
    payment: PaymentOut = Field(description="How it was paid.")
    freight_fen: int = Field(description="Freight of the order, in fen.")
    discounts: list[DiscountOut] = Field(description="Discounts in the order they apply.")
    lines: list[LineOut] = Field(description="What was bought.")
    ship_to: AddressOut | None = Field(description="Where the goods go.")
    cooling_off_until: datetime = Field(
        description="Until just before this instant a whole-order refund needs no review (售后冷静期)."
    )
    released_at: datetime | None = Field(
        description="When the order was released to its supplier; null while it is held back or not paid."
    )
    after_sales_until: datetime | None = Field(
        description="End of the after-sales window; null while not every line is delivered."
    )
    after_sales_window_extensions: list[WindowExtensionOut] = Field(
        description="Reopenings of the window by operations (售后延长), oldest first."
    )
