"""Tables of goods on their way: a case's parcels, where they go, and what the parties show of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.vocabulary import ParcelPurpose, Role
from mallcare.persistence.base import Base, JsonArray, JsonObject, one_of, table_of
from mallcare.ports.records import AddressUse


class CaseParcelRow(Base):
    """A parcel of a case, one for each purpose. Parties never change, so that a waybill tells whose it is."""

    __tablename__ = "case_parcels"
    __table_args__ = (one_of("purpose", ParcelPurpose), Index(None, "waybill"))

    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"), primary_key=True)
    purpose: Mapped[str] = mapped_column(primary_key=True)
    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"))
    supplier_id: Mapped[str]
    customer_id: Mapped[str]
    carrier: Mapped[str]
    waybill: Mapped[str]
    sent_at: Mapped[datetime]
    moved_at: Mapped[datetime | None]
    abnormal_at: Mapped[datetime | None]
    signed_at: Mapped[datetime | None]
    former_waybills: Mapped[JsonArray] = mapped_column(server_default=text("'[]'"))


class CaseAddressRow(Base):
    """An address of a case; the newest for a use counts. Only ever appended."""

    __tablename__ = "case_addresses"
    __table_args__ = (one_of("use", AddressUse), one_of("actor_role", Role), Index(None, "after_sales_no"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"))
    use: Mapped[str]
    address: Mapped[JsonObject]
    actor_role: Mapped[str]
    actor_subject: Mapped[str]
    at: Mapped[datetime]


class CaseEvidenceRow(Base):
    """Something a party showed during a request. Only ever appended."""

    __tablename__ = "case_evidence"
    __table_args__ = (one_of("actor_role", Role), Index(None, "after_sales_no"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"))
    about: Mapped[str]
    urls: Mapped[JsonArray]
    text: Mapped[str | None]
    actor_role: Mapped[str]
    actor_subject: Mapped[str]
    at: Mapped[datetime]


class SupplierReturnAddressRow(Base):
    """Where a supplier takes goods back, and who said so last."""

    __tablename__ = "supplier_return_addresses"
    __table_args__ = (one_of("set_by_role", Role),)

    supplier_id: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[JsonObject]
    set_by_role: Mapped[str]
    set_by_subject: Mapped[str]
    set_at: Mapped[datetime]


case_parcels = table_of(CaseParcelRow)
case_addresses = table_of(CaseAddressRow)
case_evidence = table_of(CaseEvidenceRow)
supplier_return_addresses = table_of(SupplierReturnAddressRow)
