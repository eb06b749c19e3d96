"""What an account holds towards Aliyun."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class AliyunSmsCredentials:
    """An access key that may call SendSms and QuerySendDetails. Its secret stays out of `repr`."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
