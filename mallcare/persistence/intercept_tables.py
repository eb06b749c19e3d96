"""The table of intercepts: refunded goods that travel."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.intercepts import InterceptStatus
from mallcare.persistence.base import Base, Fen, JsonArray, not_negative, one_of, table_of


class InterceptRow(Base):
    """The goods of one refund-only request. `steps`: who said what, in order; `status` is the last."""

    __tablename__ = "intercepts"
    __table_args__ = (
        one_of("status", InterceptStatus),
        not_negative("refunded_fen"),
        Index(None, "order_no"),
        Index(None, "began_at", "after_sales_no"),
        Index(None, "status", "began_at", "after_sales_no"),
        Index(None, "supplier_id", "began_at", "after_sales_no"),
    )

    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"), primary_key=True)
    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"))
    supplier_id: Mapped[str]
    status: Mapped[str]
    lines: Mapped[JsonArray]
    waybills: Mapped[JsonArray]
    refunded_fen: Mapped[Fen]
    refund_decided_at: Mapped[datetime]
    steps: Mapped[JsonArray]
    began_at: Mapped[datetime]


intercepts = table_of(InterceptRow)
