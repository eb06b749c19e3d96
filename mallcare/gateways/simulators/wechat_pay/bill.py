"""The daily bill of refunds, as text with one backtick before every field of a line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from mallcare.gateways.simulators.wechat_pay.ledger import BEIJING, Refund

_HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,应结订单金额,代金券金额,退款申请时间,退款成功时间,微信退款单号,商户退款单号,退款金额,"
    "充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
_TOTALS = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
_STATUS = {"SUCCESS": "SUCCESS", "PROCESSING": "PROCESSING", "CLOSED": "FAIL", "ABNORMAL": "CHANGE"}


def day_bounds(day: date) -> tuple[float, float]:
    """A Beijing day as Unix seconds, [start, end)."""
    start = datetime.combine(day, time(), BEIJING)
    return start.timestamp(), (start + timedelta(days=1)).timestamp()


def write_bill(mchid: str, refunds: Sequence[Refund]) -> bytes:
    """The bill of these refunds, with its totals."""
    lines = [_HEADER, *(_line(mchid, refund) for refund in refunds), _TOTALS]
    total = _yuan(sum(refund.amount_fen for refund in refunds))
    lines.append(_fields(str(len(refunds)), "0.00", total, "0.00", "0.00000", "0.00", total))
    return ("\r\n".join(lines) + "\r\n").encode()


def _line(mchid: str, refund: Refund) -> str:
    amount = _yuan(refund.amount_fen)
    succeeded = _moment(refund.settled_at) if refund.status == "SUCCESS" else ""
    payment = ("wxsimulated", mchid, "0", "", refund.transaction_id, refund.out_trade_no, "openid-simulated")
    trade = ("JSAPI", "REFUND", "OTHERS", "CNY", "0.00", "0.00")
    kinds = (refund.channel, _STATUS[refund.status], "商品,模拟", "", "0.00000", "0.60%")
    return _fields(
        _moment(refund.created_at),
        *payment,
        *trade,
        _moment(refund.created_at),
        succeeded,
        refund.refund_id,
        refund.out_refund_no,
        amount,
        "0.00",
        *kinds,
        "0.00",
        amount,
        "",
    )


def _fields(*values: str) -> str:
    return ",".join(f"`{value}" for value in values)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _moment(at: float | None) -> str:
    if at is None:
        return ""
    return datetime.fromtimestamp(at, UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
