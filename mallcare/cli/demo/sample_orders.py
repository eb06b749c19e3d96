"""Thirty orders of invented suppliers, made anew for each run: one for each scene, the rest as
company.

Deterministic for the same run and instant. Numbers carry the run, so that a tour can be repeated on the
same data; all dates lie shortly before now, because windows and cooling-off count from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

Json = dict[str, Any]
ORDERS = 30
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Product:
    """Something an invented supplier sells."""

    sku: str
    title: str
    unit_price_fen: int


SHELVES: dict[str, tuple[Product, ...]] = {
    "yunshan-tea": (  # 云山茶事
        Product("YS-CUP", "手作青瓷茶杯", 4_990),
        Product("YS-TEA", "高山云雾绿茶 200g", 12_800),
        Product("YS-POT", "紫砂小壶", 26_800),
    ),
    "qinghe-home": (  # 青禾家居
        Product("QH-TOWEL", "棉麻毛巾", 3_333),
        Product("QH-SOAP", "手工桂花皂", 1_990),
        Product("QH-LAMP", "胡桃木台灯", 18_900),
    ),
    "beian-digital": (  # 北岸数码
        Product("BA-SPEAKER", "蓝牙音箱 Mini", 25_900),
        Product("BA-CABLE", "编织快充线 1m", 2_900),
        Product("BA-MOUSE", "静音无线鼠标", 7_900),
    ),
    "xiaoman-kitchen": (  # 小满厨具
        Product("XM-PAN", "不粘平底锅 26cm", 16_800),
        Product("XM-FLASK", "不锈钢保温杯", 12_900),
        Product("XM-KNIFE", "三德刀", 9_900),
    ),
}
LATE_SUPPLIER = "lanting-paper"
"""兰亭纸品: ships nothing, so that the scene of late orders has something to tell."""
PAPER = Product("LT-PAPER", "洒金宣纸 50 张", 6_800)
CUSTOMERS = (("林晓禾", "13800000001"), ("周予安", "13800000002"), ("陈若水", "13800000003"))
RETURNS_TO = {
    supplier_id: {
        "name": "售后仓",
        "phone": f"0755100000{number}",
        "province": "广东省",
        "city": "深圳市",
        "district": "宝安区",
        "address": f"物流园路 {number} 号",
    }
    for number, supplier_id in enumerate(SHELVES, 1)
}
"""Where each supplier takes returns."""
CITIES = (("广东省", "深圳市", "南山区"), ("浙江省", "杭州市", "西湖区"), ("四川省", "成都市", "锦江区"))


@dataclass(frozen=True, slots=True)
class Draft:
    """What decides an order; cash pays whatever points and vouchers leave."""

    supplier_id: str
    customer: int
    placed_at: datetime
    lines: Sequence[tuple[Product, int]]
    freight_fen: int = 0
    discount_fen: int = 0
    points_fen: int = 0
    voucher_fen: int = 0
    delivered_at: datetime | None = None
    channel: str = "consumer"


@dataclass(frozen=True, slots=True)
class SampleOrders:
    """The orders of the scenes by name, and all of them as lines for `mallcare orders import`."""

    scenes: dict[str, Json]
    lines: list[Json] = field(default_factory=list[Json])


def sample_orders(run: str, now: datetime) -> SampleOrders:
    """The sample of one run; `run` is letters and digits, at most 16."""
    now = now.replace(microsecond=0)
    drafts = scene_drafts(now)
    company = [_company_draft(Random(number), number, now) for number in range(len(drafts), ORDERS)]  # noqa: S311 - samples, not secrets
    lines = [_line(run, number, draft) for number, draft in enumerate([*drafts.values(), *company], 1)]
    return SampleOrders(dict(zip(drafts, (line["order"] for line in lines), strict=False)), lines)


def waybill(order: Json, carrier: str) -> str:
    """A waybill for a parcel of an order; `carrier` is two letters, another one for each parcel."""
    return f"{carrier}{order['order_no'].removeprefix('MO').replace('-', '')}"


def scene_drafts(now: datetime) -> dict[str, Draft]:
    """The orders the scenes are played with."""
    tea, home, digital, kitchen = SHELVES.values()
    placed, delivered = now - 5 * DAY, now - 1 * DAY
    return {
        "cooling_off": Draft(
            "yunshan-tea",
            0,
            now - 5 * MINUTE,
            ((tea[0], 2), (tea[1], 1)),
            freight_fen=1_200,
            discount_fen=3_000,
            points_fen=500,
            voucher_fen=1_000,
        ),
        "part_of_a_line": Draft(
            "qinghe-home",
            1,
            placed,
            ((home[0], 3), (home[1], 1)),
            freight_fen=800,
            discount_fen=1_000,
            points_fen=888,
            delivered_at=delivered,
        ),
        "rejection": Draft("xiaoman-kitchen", 2, placed, ((kitchen[1], 1),), delivered_at=delivered),
        "late_cancel": Draft(
            "qinghe-home", 0, placed, ((home[2], 1),), points_fen=900, delivered_at=delivered
        ),
        "vendor_timeout": Draft(
            "beian-digital",
            1,
            placed,
            ((digital[0], 2),),
            freight_fen=600,
            voucher_fen=2_000,
            delivered_at=delivered,
        ),
        "silent_review": Draft(
            "xiaoman-kitchen", 2, placed, ((kitchen[0], 1),), freight_fen=500, delivered_at=delivered
        ),
        "one_unit_missing": Draft(
            "yunshan-tea",
            1,
            placed,
            ((tea[0], 3),),
            freight_fen=1_200,
            discount_fen=1_000,
            points_fen=700,
            delivered_at=delivered,
        ),
        "new_address": Draft("beian-digital", 0, placed, ((digital[2], 1),), delivered_at=delivered),
        "out_of_stock": Draft(
            "xiaoman-kitchen", 1, placed, ((kitchen[2], 2),), voucher_fen=999, delivered_at=delivered
        ),
        "nobody_ships": Draft("qinghe-home", 2, placed, ((home[0], 2),), delivered_at=delivered),
        "ageing": Draft(LATE_SUPPLIER, 0, now - 35 * HOUR, ((PAPER, 1),)),
        "long_overdue": Draft(LATE_SUPPLIER, 1, now - 4 * DAY, ((PAPER, 2),), freight_fen=600),
    }


def _company_draft(random: Random, number: int, now: datetime) -> Draft:
    supplier_id, shelf = random.choice(list(SHELVES.items()))
    lines = [(product, random.randint(1, 4)) for product in random.sample(shelf, random.randint(1, 3))]
    goods = sum(product.unit_price_fen * quantity for product, quantity in lines)
    age = random.randint(1, 12) * DAY + random.randint(0, 1_200) * MINUTE
    return Draft(
        supplier_id,
        number % len(CUSTOMERS),
        now - age,
        lines,
        freight_fen=random.choice((0, 600, 800, 1_200)),
        discount_fen=random.choice((0, 0, goods // 10)),
        points_fen=random.choice((0, 0, goods // 17)),
        voucher_fen=random.choice((0, 0, 0, 500)),
        delivered_at=now - age + 3 * DAY if age > 3 * DAY else None,
        channel=random.choice(("consumer", "consumer", "business", "group")),
    )


def _line(run: str, number: int, draft: Draft) -> Json:
    order_no = f"MO{run}-{number:02d}"
    order = _order(run, number, order_no, draft)
    return {"order": order, "events": _events(order, draft)}


def _order(run: str, number: int, order_no: str, draft: Draft) -> Json:
    name, phone = CUSTOMERS[draft.customer]
    province, city, district = CITIES[draft.customer]
    discounts = [{"discount_id": "full-reduction", "amount_fen": draft.discount_fen, "line_ids": None}]
    return {
        "order_no": order_no,
        "version": 1,
        "supplier_id": draft.supplier_id,
        "channel": draft.channel,
        "customer": {"customer_id": f"customer-{draft.customer + 1}", "name": name, "phone": phone},
        "placed_at": draft.placed_at.isoformat(),
        "paid_at": (draft.placed_at + MINUTE).isoformat(),
        "payment": {"tenders": _tenders(f"42000{run}{number:04d}", draft)},
        "freight_fen": draft.freight_fen,
        "discounts": discounts if draft.discount_fen else [],
        "lines": [
            {
                "line_id": str(place),
                "sku": product.sku,
                "title": product.title,
                "quantity": quantity,
                "unit_price_fen": product.unit_price_fen,
            }
            for place, (product, quantity) in enumerate(draft.lines, 1)
        ],
        "ship_to": {
            "name": name,
            "phone": phone,
            "province": province,
            "city": city,
            "district": district,
            "address": "样例路 1 号",
        },
    }


def _tenders(transaction_id: str, draft: Draft) -> list[Json]:
    goods = sum(product.unit_price_fen * quantity for product, quantity in draft.lines)
    cash = goods + draft.freight_fen - draft.discount_fen - draft.points_fen - draft.voucher_fen
    tenders: list[Json] = [
        {
            "tender": "cash",
            "provider": "wechat_pay",
            "transaction_id": transaction_id,
            "transaction_total_fen": cash,
            "amount_fen": cash,
        }
    ]
    for tender, amount in (("points", draft.points_fen), ("voucher", draft.voucher_fen)):
        if amount:
            tenders.append({"tender": tender, "provider": "mall", "amount_fen": amount})
    return tenders


def _events(order: Json, draft: Draft) -> list[Json]:
    if draft.delivered_at is None:
        return []
    happened = (
        ("collected", draft.placed_at + 6 * HOUR),
        ("in_transit", draft.placed_at + 12 * HOUR),
        ("delivered", draft.delivered_at),
    )
    return [
        {
            "event_id": f"{order['order_no']}:{kind}",
            "type": kind,
            "occurred_at": at.isoformat(),
            "waybill": waybill(order, "YT"),
            "carrier": "yuantong",
        }
        for kind, at in happened
    ]
