"""What a company holds towards WeCom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

VENDOR_URL: Final = "https://qyapi.weixin.qq.com"
"""The vendor's own address, for application messages and robots alike."""


@dataclass(frozen=True, slots=True)
class WecomCredentials:
    """One application of one company: its `secret` opens tokens. Secrets stay out of `repr`."""

    corp_id: str
    secret: str = field(repr=False)
    agent_id: int


@dataclass(frozen=True, slots=True)
class WecomCallbackCredentials:
    """What verifies and opens callbacks.

    `encoding_aes_key` has 43 characters; `receive_id` is the company's id for an application of its own.
    """

    token: str = field(repr=False)
    encoding_aes_key: str = field(repr=False)
    receive_id: str
