"""What people read: the texts of notices in Chinese, made just before they are sent.

Every text holds a fact that varies, its figures and the second they are of: some channels show an equal text
once a day only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from mallcare.application.notice_addresses import Addressee
from mallcare.domain.contacts import Channel
from mallcare.domain.metrics import Metric
from mallcare.domain.notices import Notice, NoticeKind, Outstanding, outstanding
from mallcare.domain.reconciliation import BEIJING
from mallcare.ports import MessageToSend

TITLE: Final = "【mallcare】发货与售后时效提醒"
DAILY_TITLE: Final = "【mallcare】每日超时汇总"
METRICS: Final[Mapping[str, str]] = {
    Metric.SHIPMENT: "发货",
    Metric.REVIEW: "售后审核",
    Metric.INSPECTION: "退货验收",
    Metric.RESHIPMENT: "换货补发",
    Metric.SHIP_BACK: "退回商品寄还",
    Metric.ABNORMAL_DELIVERY: "异常物流",
}
NOT_AHEAD: Final = "已超时"


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts, and the vendor's templates that stand for them in an SMS.

    `reminder_template` has the variables `count` (still in time), `due` (the earliest deadline) and
    `overdue`; `daily_template` has `day`, `orders` and `after_sales`. `link`: the page that messages open.
    """

    reminder_template: str | None = None
    daily_template: str | None = None
    link: str | None = None

    def message(self, notice: Notice, to: Addressee) -> MessageToSend:
        """The message of a notice that is being handed over: the same at every repetition."""
        daily = notice.kind is NoticeKind.DAILY_SMS
        if notice.channel is Channel.SMS:
            return MessageToSend(
                message_id=notice.notice_id,
                address=to.address,
                template=self.daily_template if daily else self.reminder_template,
                variables=_daily_variables(notice) if daily else _reminder_variables(notice),
            )
        return MessageToSend(
            message_id=notice.notice_id,
            address=to.address,
            title=DAILY_TITLE if daily else TITLE,
            text=_daily_text(notice) if daily else _reminder_text(outstanding(notice.facts)),
            url=self.link,
            secret=to.secret,
            mention=to.mention,
        )


def _reminder_text(told: Outstanding) -> str:
    named = "、".join(f"{METRICS.get(metric, metric)} {count} 项" for metric, count in told.of.items())
    parts = [f"您有 {told.count} 项待处理({named})"]
    if told.next_due_at is not None:
        parts.append(f"其中 {told.count - told.overdue} 项即将超时,最早 {_moment(told.next_due_at)} 到期")
    if told.overdue:
        parts.append(f"{told.overdue} 项已超时")
    return f"{','.join(parts)}。请尽快处理(截至 {_moment(told.as_of, seconds=True)})。"


def _reminder_variables(notice: Notice) -> dict[str, str]:
    told = outstanding(notice.facts)
    due = _moment(told.next_due_at) if told.next_due_at is not None else NOT_AHEAD
    return {"count": str(told.count - told.overdue), "due": due, "overdue": str(told.overdue)}


def _daily_text(notice: Notice) -> str:
    told = _daily_variables(notice)
    handed = _moment(notice.handed_at or notice.created_at, seconds=True)
    return (
        f"截至{told['day']},超时未发货 {told['orders']} 单,超时未处理售后 {told['after_sales']} 单。"
        f"请尽快处理({handed})。"
    )


def _daily_variables(notice: Notice) -> dict[str, str]:
    day = date.fromisoformat(str(notice.facts["day"]))
    return {
        "day": f"{day.month}月{day.day}日",
        "orders": str(notice.facts["orders"]),
        "after_sales": str(notice.facts["after_sales"]),
    }


def _moment(at: datetime, *, seconds: bool = False) -> str:
    """By the clock of Beijing, in at most twelve characters without seconds."""
    return f"{at.astimezone(BEIJING):{'%m-%d %H:%M:%S' if seconds else '%m-%d %H:%M'}}"
