"""What an Aliyun SMS simulator is told at its start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import cast

_PREFIX = "MALLCARE_SIM_ALIYUN_SMS_"


@dataclass(frozen=True, slots=True)
class AliyunSmsSimulatorConfig:
    """One account's Aliyun SMS. Durations in seconds.

    Attributes:
        access_key_id, access_key_secret: who may call.
        sign_names: approved signature names; in the environment separated by commas.
        templates: approved texts by code, `${name}` for a variable; in the environment a JSON object.
        ledger_path: SQLite file that survives `kill -9`; None keeps the ledger in memory.
        per_minute, per_hour, per_day: messages to one number under one signature and template in the
            last minute, hour, 24 hours; 0 is no limit. The defaults are the vendor's for verification
            codes, stricter than for notices (50 a day), so who lives with them lives with both.
        longest_variable: characters of a variable.
        details_lag_seconds: how long QuerySendDetails does not know of a message yet.
        carrier_seconds: from the message to the carrier's word on it.
        report_url: where receipts are pushed; None pushes none.
        report_copies: how many times each receipt is pushed, because duplicates are certain.
        report_delay_seconds: how late the first copy is; each further copy is as late again.
        report_held: push nothing until `POST /admin/reports/release` tells so, and in which order.
        report_retry_seconds: waits after refused pushes; their number bounds the attempts.
        report_timeout_seconds: how long a receiver may take.
        hold_seconds: how long a timeout fault keeps the caller waiting at most.
        slow_seconds: how long a slow fault lasts unless it says so itself.
    """

    access_key_id: str
    access_key_secret: str = field(repr=False)
    sign_names: tuple[str, ...]
    templates: Mapping[str, str]
    ledger_path: Path | None = None
    per_minute: int = 1
    per_hour: int = 5
    per_day: int = 10
    longest_variable: int = 12
    details_lag_seconds: float = 0.0
    carrier_seconds: float = 0.0
    report_url: str | None = None
    report_copies: int = 2
    report_delay_seconds: float = 0.0
    report_held: bool = False
    report_retry_seconds: tuple[float, ...] = (60.0, 300.0, 600.0)
    report_timeout_seconds: float = 5.0
    hold_seconds: float = 30.0
    slow_seconds: float = 2.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> AliyunSmsSimulatorConfig:
        """The configuration in variables named `MALLCARE_SIM_ALIYUN_SMS_` + the field in capitals.

        Raises:
            ValueError: one is missing or cannot be read; the message names it.
        """
        values: dict[str, object] = {}
        for item in fields(cls):
            text = environment.get(_PREFIX + item.name.upper())
            if text is None:
                continue
            try:
                values[item.name] = _read(str(item.type), text)
            except ValueError as error:
                raise ValueError(f"{_PREFIX}{item.name.upper()}: {error}") from error
        try:
            return cls(**values)  # pyright: ignore[reportArgumentType]
        except TypeError as error:
            raise ValueError(f"{_PREFIX}...: {error}") from error

    def to_environment(self) -> dict[str, str]:
        """The same configuration as variables, for a process of its own. Holds the secret."""
        written: dict[str, str] = {}
        for item in fields(self):
            value: object = getattr(self, item.name)
            if value is not None:
                written[_PREFIX + item.name.upper()] = _written(value)
        return written


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in cast("tuple[object, ...]", value))
    if isinstance(value, Mapping):
        return json.dumps(dict(cast("Mapping[str, str]", value)), ensure_ascii=False)
    return str(value)


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
        case "tuple[float, ...]":
            return tuple(float(part) for part in text.split(",") if part)
        case "tuple[str, ...]":
            return tuple(part for part in text.split(",") if part)
        case "Path | None":
            return Path(text)
        case "Mapping[str, str]":
            return _texts(text)
        case _:
            return text


def _texts(text: str) -> dict[str, str]:
    decoded: object = json.loads(text)
    if not isinstance(decoded, dict):
        raise ValueError("a JSON object of texts")
    return {str(name): str(value) for name, value in cast("dict[object, object]", decoded).items()}
