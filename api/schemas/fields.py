"""Types of single fields: what the API accepts as an id, an amount, an instant, a text.

Everything that could hurt later is refused here: floats for money, numbers for times, instants far
away, NUL characters, texts without end.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, StringConstraints

LARGEST_FEN = 10**12
LARGEST_INT = 2**31 - 1
LONGEST_ID = 64
ID_PATTERN = r"^[A-Za-z0-9_.:-]+$"
NO_NUL = r"^[^\x00]*$"

_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_SUBJECT = re.compile(r"[\x21-\x7e]{1,255}")
_INSTANT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?([Zz]|[+-]\d{2}:?\d{2})", re.ASCII
)


def is_id(value: object) -> bool:
    """Whether a value has the form of an id."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_subject(value: object) -> bool:
    """Whether a value can stand for a token's subject: printable ASCII without spaces."""
    return isinstance(value, str) and _SUBJECT.fullmatch(value) is not None


def _iso_8601(value: object) -> object:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or _INSTANT.fullmatch(value) is None:
        raise ValueError("must be an ISO 8601 instant with its offset")
    return value


def _this_century(value: datetime) -> datetime:
    if not 2000 <= value.year < 2100:
        raise ValueError("must lie between 2000 and 2100")
    return value.astimezone(UTC)


def waybill_form(value: str) -> str:
    """A waybill as everybody who compares it writes it: without blanks, in capitals."""
    told = "".join(value.split())
    return told.upper() if told.isascii() else told


def _without_blanks(value: object) -> object:
    return "".join(value.split()) if isinstance(value, str) else value


def _in_capitals(value: str) -> str:
    return value.upper()


def _in_small_letters(value: str) -> str:
    return value.lower()


Id = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=ID_PATTERN)]
Version = Annotated[int, Field(strict=True, ge=1, le=LARGEST_INT)]
Fen = Annotated[int, Field(strict=True, ge=0, le=LARGEST_FEN)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=10_000)]
Flag = Annotated[bool, Field(strict=True)]
Instant = Annotated[AwareDatetime, AfterValidator(_this_century), BeforeValidator(_iso_8601)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=NO_NUL)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
LongText = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=NO_NUL)]
WebAddress = Annotated[
    str, StringConstraints(min_length=10, max_length=2_048, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")
]

Waybill = Annotated[
    str,
    StringConstraints(min_length=6, max_length=40, pattern=r"^[A-Za-z0-9-]+$"),
    BeforeValidator(_without_blanks),
    AfterValidator(_in_capitals),
]
Carrier = Annotated[
    str,
    StringConstraints(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+$"),
    AfterValidator(_in_small_letters),
]


def body_hash(body: BaseModel, **beside: str) -> str:
    """SHA-256 of a validated body as canonical JSON, together with facts `beside` it.

    Fields at their defaults are left out, so that an optional field added later does not change the
    hash of what clients send already.
    """
    facts = {**body.model_dump(mode="json", exclude_defaults=True), **beside}
    canonical = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
