"""A simulator's configuration as environment variables: a prefix and the field's name in capitals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from pydantic import TypeAdapter


class Configuration(Protocol):
    """A frozen dataclass of bool, int, float, str, `Path | None` and `tuple[str, ...]` fields."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


_C = TypeVar("_C", bound=Configuration)


def read_environment(cls: type[_C], prefix: str, environment: Mapping[str, str]) -> _C:
    """The configuration in variables; what is not given keeps its default.

    Raises:
        ValueError: one is missing or cannot be read; the message names it.
    """
    values: dict[str, object] = {}
    for item in fields(cls):
        text = environment.get(prefix + item.name.upper())
        if text is None:
            continue
        try:
            values[item.name] = _read(str(item.type), text)
        except ValueError as error:
            raise ValueError(f"{prefix}{item.name.upper()}: {error}") from error
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{prefix}...: {error}") from error


def write_environment(configuration: Configuration, prefix: str) -> dict[str, str]:
    """The same configuration as variables, for a process of its own. Holds secrets."""
    written: dict[str, str] = {}
    for item in fields(configuration):
        value: object = getattr(configuration, item.name)
        if value is not None:
            written[prefix + item.name.upper()] = (
                json.dumps(value) if isinstance(value, tuple) else str(value)
            )
    return written


def _read(kind: str, text: str) -> object:
    match kind:
        case "bool":
            if text.lower() not in ("true", "false", "1", "0"):
                raise ValueError("true or false")
            return text.lower() in ("true", "1")
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "tuple[str, ...]":
            return _texts(text)
        case "Path | None":
            return Path(text)
        case _:
            return text


def _texts(text: str) -> tuple[str, ...]:
    """A JSON list of texts, or texts separated by commas."""
    if text.startswith("["):
        return TypeAdapter(tuple[str, ...]).validate_json(text)
    return tuple(part for part in text.split(",") if part)
