"""All configuration, in one frozen class; every variable is `MALLCARE_` + the field's name in capitals.

Only entry points build it. No secret has a default: the embedded stack makes its own on first start
and hands them to its processes; a deployment sets them.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class NotConfigured(Exception):
    """A setting that a process needs is missing; the message names it."""


class Settings(BaseSettings):
    """Settings of one process."""

    model_config = SettingsConfigDict(env_prefix="MALLCARE_", frozen=True, extra="ignore")

    # engines
    data_dir: Path = Field(Path(".mallcare"), description="Folder of the embedded engines' data.")
    database_url: SecretStr | None = Field(
        None, description="External PostgreSQL, `postgresql://user:password@host/db`; unset: embedded."
    )
    database_pool_size: int = Field(16, ge=1, le=200, description="Connections per process.")
    temporal_address: str | None = Field(
        None, description="External Temporal frontend, `host:port`; unset: embedded."
    )
    temporal_namespace: str = Field("mallcare", description="Temporal namespace.")
    temporal_tls: bool = Field(False, description="Use TLS towards Temporal.")
    temporal_api_key: SecretStr | None = Field(None, description="API key for Temporal, implies TLS.")
    temporal_tls_client_cert: Path | None = Field(None, description="Client certificate (PEM) for mTLS.")
    temporal_tls_client_key: Path | None = Field(None, description="Client key (PEM) for mTLS.")
    temporal_ui_url: str | None = Field(None, description="Base URL of the Temporal UI, for links.")
    manage_namespace: bool = Field(
        True,
        description="Let the bootstrap create the namespace and set its retention; off for Temporal Cloud.",
    )
    retention: timedelta = Field(
        timedelta(days=30), description="How long the bootstrap keeps closed workflows."
    )

    # API
    api_host: str = Field("127.0.0.1", description="Address the API listens on.")
    api_port: int = Field(8000, description="Port the API listens on; embedded picks a free one if taken.")
    public_url: str = Field(
        "http://127.0.0.1:8000", description="Where vendors reach this API, for callback addresses."
    )
    jwt_algorithm: Literal["HS256", "RS256", "ES256"] = Field(
        "HS256", description="The one accepted algorithm of bearer tokens."
    )
    jwt_issuer: str = Field("mallcare", description="Required `iss` of bearer tokens.")
    jwt_audience: str = Field("mallcare-api", description="Required `aud` of bearer tokens.")
    jwt_key: SecretStr | None = Field(
        None, description="Verification key: the shared secret (HS256, >= 32 bytes) or a PEM public key."
    )

    # payment: WeChat Pay
    wechat_pay_url: str | None = Field(None, description="Base URL of WeChat Pay (or its simulator).")
    wechat_pay_mchid: str | None = Field(None, description="Merchant number.")
    wechat_pay_serial_no: str | None = Field(None, description="Serial number of the merchant's certificate.")
    wechat_pay_private_key: SecretStr | None = Field(None, description="Merchant's private key, PEM.")
    wechat_pay_api_v3_key: SecretStr | None = Field(None, description="APIv3 key, 32 bytes.")
    wechat_pay_platform_key_id: str | None = Field(None, description="Id of WeChat Pay's public key.")
    wechat_pay_platform_public_key: SecretStr | None = Field(
        None, description="WeChat Pay's public key, PEM."
    )
    # the mall: other tenders, webhooks
    mall_tender_url: str | None = Field(None, description="Base URL of the mall's tender-refund port.")
    mall_tender_secret: SecretStr | None = Field(
        None, description="Standard Webhooks secret (`whsec_...`) that signs calls to it."
    )
    webhook_url: str | None = Field(None, description="Where the mall receives webhooks; unset: kept.")
    webhook_secret: SecretStr | None = Field(None, description="Standard Webhooks secret (`whsec_...`).")
    # messages to people
    notice_link_url: str | None = Field(
        None, description="Page that messages to suppliers' people link to; unset: no link."
    )
    wecom_url: str | None = Field(
        None, description="Base URL of WeCom, for group robots and application messages; unset: neither."
    )
    wecom_corp_id: str | None = Field(
        None, description="Company whose application sends messages to members; unset: robots only."
    )
    wecom_secret: SecretStr | None = Field(None, description="Secret of that application.")
    wecom_agent_id: int | None = Field(None, description="Number of that application.")
    dingtalk_url: str | None = Field(None, description="Base URL of DingTalk, for group robots.")
    aliyun_sms_url: str | None = Field(
        None, description="Base URL of Aliyun SMS; unset: short messages are kept."
    )
    aliyun_sms_access_key_id: str | None = Field(None, description="Access key that may send and query.")
    aliyun_sms_access_key_secret: SecretStr | None = Field(None, description="Its secret.")
    aliyun_sms_sign_name: str | None = Field(None, description="Approved signature (短信签名).")
    aliyun_sms_reminder_template: str | None = Field(
        None, description="Template of reminders, with `count`, `due` and `overdue`."
    )
    aliyun_sms_daily_template: str | None = Field(
        None, description="Template of the daily SMS, with `day`, `orders` and `after_sales`."
    )
    aliyun_sms_receipt_token: SecretStr | None = Field(
        None,
        description="Last part of the address that takes SMS receipts, which nobody signs; unset: none does.",
    )
    # all vendors
    gateway_timeout_seconds: float = Field(
        8.0, gt=0, le=20, description="Time allowed for one call to a vendor; 20 at most, since two must fit."
    )

    # workers
    worker_metrics_port: int | None = Field(None, description="Port of the worker's Prometheus metrics.")
    worker_metrics_host: str = Field("127.0.0.1", description="Address those metrics listen on.")
    worker_version: str | None = Field(
        None, description="Build id shown in Temporal; unset: the version of the package."
    )
    sweep_interval: timedelta = Field(
        timedelta(seconds=30), description="How often lost hints and missing workflows are healed."
    )
    # daily SMS to suppliers' principals
    daily_sms_hour: int = Field(
        9, ge=0, le=22, description="Local hour of the daily SMS; a change holds from the next day on."
    )
    daily_sms_latest_hour: int = Field(
        20, ge=1, le=23, description="Local hour until which it is caught up after an outage, the same day."
    )
    daily_sms_zone: str = Field("Asia/Shanghai", description="Time zone of these hours and of its days.")
    # logs
    log_format: Literal["json", "console"] = Field("json", description="Form of log lines.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")


def required(value: SecretStr | str | None, name: str) -> str:
    """A setting that must be there.

    Raises:
        NotConfigured: naming the environment variable to set.
    """
    if value is None:
        raise NotConfigured(missing(name))
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def missing(name: str) -> str:
    """What to do about a setting that is not there."""
    return f"set MALLCARE_{name.upper()}, or run the embedded stack with `mallcare up`"
