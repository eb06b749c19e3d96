"""The closed sets of words of after-sales: kinds, states, roles, actions, effects, legs.

Closed from the start so that every reader of a stored value knows all of them; which of them are
offered is decided by the transition table alone.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """What the customer asks for."""

    REFUND_ONLY = "refund_only"  # 仅退款
    RETURN_REFUND = "return_refund"  # 退货退款
    EXCHANGE = "exchange"  # 换货


class State(StrEnum):
    """Where a request stands; exactly one at a time."""

    PENDING_REVIEW = "PENDING_REVIEW"  # 待商家审核
    PENDING_CUSTOMER = "PENDING_CUSTOMER"  # 待客户确认/补证
    AWAITING_RETURN = "AWAITING_RETURN"  # 待客户寄回
    RETURN_IN_TRANSIT = "RETURN_IN_TRANSIT"  # 退货在途
    INSPECTING = "INSPECTING"  # 验货中
    AWAITING_RESHIPMENT = "AWAITING_RESHIPMENT"  # 待换货发出
    OUT_OF_STOCK = "OUT_OF_STOCK"  # 换货缺货
    RESHIPPED = "RESHIPPED"  # 换货在途
    REFUNDING = "REFUNDING"  # 退款中
    REFUND_FAILED = "REFUND_FAILED"  # 退款异常待处理
    RETURNING_TO_CUSTOMER = "RETURNING_TO_CUSTOMER"  # 拒收退回中
    COMPLETED = "COMPLETED"  # 已完成
    REJECTED = "REJECTED"  # 已拒绝
    CANCELLED = "CANCELLED"  # 已撤销
    EXPIRED = "EXPIRED"  # 超时关闭
    CLOSED = "CLOSED"  # 平台关闭

    @property
    def final(self) -> bool:
        """No way out: no clock, no allowed action."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({State.COMPLETED, State.REJECTED, State.CANCELLED, State.EXPIRED, State.CLOSED})


class Role(StrEnum):
    """Who acts. `MALL` acts for its customers and suppliers; `SYSTEM` is the platform's own clock."""

    MALL = "mall"
    CUSTOMER = "customer"
    SUPPLIER = "supplier"
    OPERATIONS = "operations"
    FINANCE = "finance"
    AUDITOR = "auditor"
    SYSTEM = "system"


class Action(StrEnum):
    """Commands of the HTTP contract that the transition table offers."""

    APPROVE = "approve"
    REJECT = "reject"
    PROPOSE = "propose"
    REQUEST_EVIDENCE = "request-evidence"
    ACCEPT_PROPOSAL = "accept-proposal"
    DECLINE_PROPOSAL = "decline-proposal"
    SUBMIT_EVIDENCE = "submit-evidence"
    CANCEL = "cancel"
    SET_RETURN_ADDRESS = "set-return-address"
    SUBMIT_WAYBILL = "submit-waybill"
    CORRECT_WAYBILL = "correct-waybill"
    CHANGE_ADDRESS = "change-address"
    RECEIVE = "receive"
    ACCEPT = "accept"
    REFUSE = "refuse"
    SHIP_BACK = "ship-back"
    RESHIP = "reship"
    OUT_OF_STOCK = "out-of-stock"
    CHOOSE = "choose"
    CONFIRM = "confirm"
    REPORT_MISSING = "report-missing"
    RETRY_REFUND = "retry-refund"
    SETTLE_OFFLINE = "settle-offline"
    EXTEND_DEADLINE = "extend-deadline"
    CLOSE = "close"
    RESUME = "resume"


class DeadlineEffect(StrEnum):
    """What happens when a deadline passes."""

    ESCALATE = "escalate"
    AUTO_APPROVE = "auto_approve"
    EXPIRE = "expire"
    DECLINE = "decline"
    COMPLETE = "complete"
    REFUND = "refund"


class LegStatus(StrEnum):
    """Where one refund leg stands. UNKNOWN: the vendor may have paid; it is asked, never guessed."""

    PENDING = "PENDING"
    UNKNOWN = "UNKNOWN"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def open(self) -> bool:
        """The vendor still has to be asked."""
        return self in (LegStatus.PENDING, LegStatus.UNKNOWN)


class ParcelPurpose(StrEnum):
    """Why goods of a request travel."""

    RETURN = "return"  # 退货: customer to supplier
    RESHIPMENT = "reshipment"  # 换货: supplier to customer
    SHIP_BACK = "ship_back"  # 拒收退回: refused goods, back to the customer


class Choice(StrEnum):
    """What a customer may choose while an exchange is out of stock."""

    WAIT = "wait"
    REFUND = "refund"


class TenderKind(StrEnum):
    """Means of payment an order can be paid with."""

    CASH = "cash"
    POINTS = "points"  # 积分
    VOUCHER = "voucher"  # 券
    TRANSFER = "transfer"  # 对公转账
    CREDIT = "credit"


class Channel(StrEnum):
    """Who bought: consumer C 端, business B 端, group purchaser 集采."""

    CONSUMER = "consumer"
    BUSINESS = "business"
    GROUP = "group"


class OrderEventType(StrEnum):
    """What the mall reports about an order."""

    COLLECTED = "collected"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    CLOSED = "closed"
    REFUNDED = "refunded"


PARCEL_EVENTS = frozenset(
    {
        OrderEventType.COLLECTED,
        OrderEventType.IN_TRANSIT,
        OrderEventType.OUT_FOR_DELIVERY,
        OrderEventType.DELIVERED,
        OrderEventType.EXCEPTION,
    }
)
