"""What all tables share: one metadata, one way to name constraints, one column type for each meaning."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, cast

from sqlalchemy import BigInteger, Boolean, CheckConstraint, DateTime, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}

NO = text("false")
"""Server default of a flag: what rows have that do not name it."""
JsonObject = dict[str, Any]
JsonArray = list[Any]
Fen = Annotated[int, mapped_column(BigInteger)]
"""An amount of money; 32 bits would end at 21 million yuan."""
Count = Annotated[int, mapped_column(BigInteger)]
"""A number that others choose: some count versions in milliseconds."""


class Base(DeclarativeBase):
    """Base of the `...Row` classes. They describe the schema; statements are written on their tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - read once, by the declarative scan
        str: Text(),
        int: Integer(),
        bool: Boolean(),
        datetime: DateTime(timezone=True),
        JsonObject: JSONB(none_as_null=True),
        JsonArray: JSONB(none_as_null=True),
    }


def table_of(row: type[Base]) -> Table:
    """The table a row class describes."""
    return cast("Table", row.__table__)


def quoted(words: Iterable[str]) -> str:
    """Words of a closed set as an SQL list."""
    return ", ".join(f"'{word}'" for word in words)


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """Refuse a value outside a closed set of the domain."""
    return CheckConstraint(f"{column} IN ({quoted(words)})", name=f"{column}_known")


def not_negative(column: str) -> CheckConstraint:
    """Refuse an amount or count below zero."""
    return CheckConstraint(f"{column} >= 0", name=f"{column}_not_negative")
