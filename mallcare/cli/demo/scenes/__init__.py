"""What the tour plays: each scene through the public HTTP API alone, and each checking what it shows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mallcare.cli.demo.scenes import exchanges, refunds, returns, reviews, timeliness
from mallcare.cli.demo.stage import Ending, Stage
from mallcare.cli.formats import Json


@dataclass(frozen=True, slots=True)
class Scene:
    """A title and what happens; answers the request it was about, or else how it ended."""

    title: str
    play: Callable[[Stage], Awaitable[Json | Ending]]


SCENES = (
    Scene("Refund within the cooling-off 售后冷静期", refunds.cooling_off),
    Scene("Part of a line, approved by the supplier 部分退款", refunds.part_of_a_line),
    Scene("Rejected by the supplier 商家拒绝", reviews.rejection),
    Scene("A cancel that comes too late 撤销过晚", reviews.late_cancel),
    Scene("A vendor that times out after paying 退款结果未知", refunds.vendor_timeout),
    Scene("A review that passes its 48 hours 超时升级", reviews.silent_review),
    Scene("A return with one unit missing 退货少件", returns.one_unit_missing),
    Scene("An exchange to a new address 换货改址", exchanges.new_address),
    Scene("An exchange out of stock, refunded 换货缺货退款", exchanges.out_of_stock),
    Scene("A return that nobody ships 逾期未寄", returns.nobody_ships),
    Scene("An order that nobody ships: reminders, breach, SMS, board 逾期未发货", timeliness.nobody_ships),
)
