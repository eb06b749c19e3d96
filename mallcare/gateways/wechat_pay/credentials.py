"""What a merchant holds towards WeChat Pay."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WechatPayCredentials:
    """A merchant's keys, in WeChat Pay's public-key mode. Secrets stay out of `repr`.

    `api_v3_key` is 32 ASCII characters and decrypts callbacks; `platform_key_id` looks like
    `PUB_KEY_ID_...` and names the key that signs everything WeChat Pay says.
    """

    mchid: str
    serial_no: str
    private_key_pem: str = field(repr=False)
    api_v3_key: str = field(repr=False)
    platform_key_id: str
    platform_public_key_pem: str
