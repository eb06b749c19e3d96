"""The words of messages, in Chinese and English, made from their kinds and facts when they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from api.schemas.notifications import NotificationOut
from mallcare.domain.errors import Fact
from mallcare.domain.notifications import NotificationKind
from mallcare.ports.notices import KeptNotification

BEIJING = ZoneInfo("Asia/Shanghai")
FEN_PER_YUAN = 100


class Language(StrEnum):
    """What messages are written in."""

    ZH = "zh"
    EN = "en"


OURS: Mapping[str, Language] = {language.value: language for language in Language}


@dataclass(frozen=True, slots=True)
class Words:
    """Title and text with `{no}`, `{order}`, `{amount}`, `{count}`, `{overdue}`; `{until}` and `{parcel}`
    begin with their comma, or are nothing."""

    title: str
    text: str


GENERAL: Mapping[Language, Words] = {
    Language.ZH: Words("新消息", "您有一条新消息，请查看。"),
    Language.EN: Words("New message", "There is news for you."),
}
"""Of kinds that are not known here."""

KINDS: Mapping[NotificationKind, Mapping[Language, Words]] = {
    NotificationKind.REFUND_APPROVED: {
        Language.ZH: Words(
            "退款已同意", "售后单 {no} 已同意退款，{amount} 将按原支付方式退回，到账时间以支付机构为准。"
        ),
        Language.EN: Words(
            "Refund approved", "Request {no}: {amount} is on its way back to how the order was paid."
        ),
    },
    NotificationKind.RETURN_WANTED: {
        Language.ZH: Words("请寄回商品", "售后单 {no} 已同意，请按退货地址寄回商品并填写运单号{until}。"),
        Language.EN: Words(
            "Send the goods back",
            "Request {no} was approved: send the goods to the return address and give the waybill{until}.",
        ),
    },
    NotificationKind.RETURN_APPROVED: {
        Language.ZH: Words("退货已同意", "售后单 {no} 已同意退货，商家提供退货地址后会再通知您。"),
        Language.EN: Words(
            "Return approved", "Request {no} was approved; you will hear where to send the goods."
        ),
    },
    NotificationKind.REJECTED: {
        Language.ZH: Words("售后申请被拒绝", "售后单 {no} 未通过，原因请查看详情。"),
        Language.EN: Words("Request declined", "Request {no} was declined; open it to see why."),
    },
    NotificationKind.PROPOSED: {
        Language.ZH: Words("商家提出新方案", "售后单 {no} 有新的处理方案，请确认是否接受{until}。"),
        Language.EN: Words(
            "The seller proposes", "There is an offer on request {no}: accept or decline it{until}."
        ),
    },
    NotificationKind.EVIDENCE_REQUESTED: {
        Language.ZH: Words("请补充凭证", "售后单 {no} 需要您补充凭证{until}。"),
        Language.EN: Words("Evidence needed", "Request {no} needs more evidence from you{until}."),
    },
    NotificationKind.REFUNDED: {
        Language.ZH: Words("退款成功", "售后单 {no} 退款成功，共 {amount}。"),
        Language.EN: Words("Refunded", "Request {no}: {amount} was refunded."),
    },
    NotificationKind.RESHIPPED: {
        Language.ZH: Words("换货商品已发出", "售后单 {no} 的换货商品已发出{parcel}。"),
        Language.EN: Words("Replacement sent", "The replacement of request {no} is on its way{parcel}."),
    },
    NotificationKind.OUT_OF_STOCK: {
        Language.ZH: Words("换货商品缺货", "售后单 {no} 的换货商品缺货，请选择继续等待或退款{until}。"),
        Language.EN: Words(
            "Out of stock",
            "The replacement of request {no} is out of stock: wait, or have the money back{until}.",
        ),
    },
    NotificationKind.GOODS_REFUSED: {
        Language.ZH: Words("商品将退回给您", "售后单 {no} 有商品未通过验货，将退回给您。"),
        Language.EN: Words(
            "Goods come back to you", "Goods of request {no} were not accepted and come back."
        ),
    },
    NotificationKind.SHIPPED_BACK: {
        Language.ZH: Words("退回商品已发出", "售后单 {no} 未通过验货的商品已寄回给您{parcel}。"),
        Language.EN: Words(
            "Goods on their way back", "Goods of request {no} are on their way to you{parcel}."
        ),
    },
    NotificationKind.EXPIRED: {
        Language.ZH: Words("售后已超时关闭", "售后单 {no} 超过寄回期限，已自动关闭。"),
        Language.EN: Words("Request expired", "Request {no} ended: the goods were not sent back in time."),
    },
    NotificationKind.CLOSED: {
        Language.ZH: Words("售后已关闭", "售后单 {no} 已由平台关闭。"),
        Language.EN: Words("Request closed", "Request {no} was closed by the platform."),
    },
    NotificationKind.ENDED: {
        Language.ZH: Words("售后已完结", "售后单 {no} 已完结。"),
        Language.EN: Words("Request completed", "Request {no} is through."),
    },
    NotificationKind.TO_REVIEW: {
        Language.ZH: Words("待审核", "售后单 {no}（订单 {order}）待审核{until}。"),
        Language.EN: Words("To review", "Request {no} of order {order} waits for your review{until}."),
    },
    NotificationKind.TO_INSPECT: {
        Language.ZH: Words("退货已到，待验货", "售后单 {no}（订单 {order}）的退货待验货{until}。"),
        Language.EN: Words("To inspect", "Goods of request {no}, order {order}, wait for inspection{until}."),
    },
    NotificationKind.TO_RESHIP: {
        Language.ZH: Words("待发换货商品", "售后单 {no}（订单 {order}）待发出换货商品{until}。"),
        Language.EN: Words("To reship", "Request {no} of order {order} waits for its replacement{until}."),
    },
    NotificationKind.REPLACEMENT_MISSING: {
        Language.ZH: Words("客户未收到换货商品", "售后单 {no}（订单 {order}）的客户反馈未收到换货商品。"),
        Language.EN: Words(
            "Replacement missing",
            "The customer of request {no}, order {order}, did not get the replacement.",
        ),
    },
    NotificationKind.REMINDER: {
        Language.ZH: Words("时效提醒", "有 {count} 个时效任务待处理，其中 {overdue} 个已超时，请尽快处理。"),
        Language.EN: Words(
            "Deadlines", "{count} promises run out of time, {overdue} of them did: please see to them."
        ),
    },
    NotificationKind.DAILY_SMS: {
        Language.ZH: Words("每日逾期汇总", "请查看今日逾期未发货订单和逾期售后单。"),
        Language.EN: Words("Overdue today", "See the orders and requests that are overdue today."),
    },
}
"""The one table of kinds; `docs/notifications.md` lists it."""
_WORDS: Mapping[str, Mapping[Language, Words]] = {kind.value: words for kind, words in KINDS.items()}


def language_of(accept_language: str | None) -> Language:
    """The best of our languages for an `Accept-Language` header; Chinese where it asks for none of them."""
    best, weight = Language.ZH, 0.0
    for part in (accept_language or "").split(","):
        tag, _, quality = part.partition(";")
        primary = tag.strip().lower().partition("-")[0]
        asked = _quality(quality)
        if primary in OURS and asked > weight:
            best, weight = OURS[primary], asked
    return best


def notification_out(kept: KeptNotification, language: Language) -> NotificationOut:
    """A message in a language."""
    told = kept.notification
    words = _WORDS.get(told.kind, GENERAL)[language]
    values = _values(told.facts, language)
    return NotificationOut(
        notification_id=kept.notification_id,
        kind=told.kind,
        title=words.title,
        text=words.text.format_map(values),
        link=told.link,
        facts=dict(told.facts),
        created_at=told.created_at,
        read_at=kept.read_at,
    )


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 0.0
    except ValueError:
        return 0.0


def _values(facts: Mapping[str, Fact], language: Language) -> dict[str, str]:
    amount, due_at, waybill = facts.get("amount_fen"), facts.get("due_at"), facts.get("waybill")
    return {
        "no": str(facts.get("after_sales_no", "")),
        "order": str(facts.get("order_no", "")),
        "count": str(facts.get("count", 0)),
        "overdue": str(facts.get("overdue", 0)),
        "amount": _yuan(amount) if isinstance(amount, int) else "",
        "until": _until(due_at, language) if isinstance(due_at, str) else "",
        "parcel": _parcel(f"{facts.get('carrier', '')} {waybill}".strip(), language) if waybill else "",
    }


def _yuan(fen: int) -> str:
    return f"¥{fen // FEN_PER_YUAN}.{fen % FEN_PER_YUAN:02d}"


def _until(due_at: str, language: Language) -> str:
    local = datetime.fromisoformat(due_at).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M")
    return f"，截止时间 {local}" if language is Language.ZH else f", by {local} (Beijing time)"


def _parcel(parcel: str, language: Language) -> str:
    return f"，运单 {parcel}" if language is Language.ZH else f", waybill {parcel}"
