"""What a WeChat Pay simulator is told at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

_PREFIX = "MALLCARE_SIM_WECHAT_PAY_"
_RETRY_SECONDS = (15.0, 15.0, 30.0, 180.0, 600.0, 1200.0, 1800.0, 1800.0, 1800.0, 3600.0) + (10800.0,) * 5


@dataclass(frozen=True, slots=True)
class WechatPaySimulatorConfig:
    """One merchant's WeChat Pay. Durations in seconds, amounts in fen.

    Attributes:
        mchid, merchant_serial_no, merchant_public_key_pem: who may call, and how it signs.
        api_v3_key: encrypts callbacks; 32 characters.
        platform_key_id, platform_private_key_pem: sign every answer and callback.
        ledger_path: SQLite file that survives `kill -9`; None keeps the ledger in memory.
        accept_unknown_transactions: learn a payment from the first refund that names it.
        min_interval_seconds: least time between different refunds of one payment.
        max_refunds_per_transaction: how many refunds one payment can have.
        settle: `immediate` answers the final status, `processing` settles later.
        processing_seconds: how long PROCESSING lasts.
        callbacks_enabled: whether settled refunds call back at all.
        callback_copies: how many times each callback is sent, because duplicates are certain.
        callback_delay_seconds: how late it starts.
        callback_retry_seconds: waits after refused deliveries; their number bounds the attempts.
        callback_timeout_seconds: how long a receiver may take.
        hold_seconds: how long a timeout fault keeps the caller waiting at most.
        slow_seconds: how long a slow fault lasts unless it says so itself.
        bill_same_day: serve today's bill too, which the vendor does not.
    """

    mchid: str
    merchant_serial_no: str
    merchant_public_key_pem: str
    api_v3_key: str = field(repr=False)
    platform_key_id: str
    platform_private_key_pem: str = field(repr=False)
    ledger_path: Path | None = None
    accept_unknown_transactions: bool = True
    min_interval_seconds: float = 60.0
    max_refunds_per_transaction: int = 50
    settle: Literal["immediate", "processing"] = "immediate"
    processing_seconds: float = 2.0
    callbacks_enabled: bool = True
    callback_copies: int = 1
    callback_delay_seconds: float = 0.0
    callback_retry_seconds: tuple[float, ...] = _RETRY_SECONDS
    callback_timeout_seconds: float = 5.0
    hold_seconds: float = 30.0
    slow_seconds: float = 2.0
    bill_same_day: bool = True

    def __post_init__(self) -> None:
        if len(self.api_v3_key.encode()) != 32:
            raise ValueError("api_v3_key must be 32 bytes")
        if self.settle not in ("immediate", "processing"):
            raise ValueError("settle is 'immediate' or 'processing'")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> WechatPaySimulatorConfig:
        """The configuration in variables named `MALLCARE_SIM_WECHAT_PAY_` + the field in capitals.

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
        """The same configuration as variables, for a process of its own. Holds secrets."""
        written: dict[str, str] = {}
        for item in fields(self):
            value: object = getattr(self, item.name)
            if value is None:
                continue
            text = ",".join(map(str, self.callback_retry_seconds)) if isinstance(value, tuple) else str(value)
            written[_PREFIX + item.name.upper()] = text
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
        case "tuple[float, ...]":
            return tuple(float(part) for part in text.split(",") if part)
        case "Path | None":
            return Path(text)
        case _:
            return text
