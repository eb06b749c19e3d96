"""The part of the composition root that decides which vendors carry messages to people.

A channel without a vendor is told otherwise: its messages go out as SMS. Without a vendor of SMS those wait
until one is configured, or until they are too old to be told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from mallcare.application.notice_dispatch import ClaimNotices, SendNotice
from mallcare.application.notice_wording import Wording
from mallcare.application.receipts import ReceiptDoor
from mallcare.domain.contacts import Channel
from mallcare.gateways.aliyun_sms import AliyunSmsCredentials, AliyunSmsReceipts, HttpAliyunSms
from mallcare.gateways.dingtalk import HttpDingtalkRobot
from mallcare.gateways.system import TimeOrderedIds
from mallcare.gateways.wecom import HttpWecomMessages, HttpWecomRobot
from mallcare.ports import Clock, MessageGateway, UnitOfWorkFactory
from mallcare.settings import NotConfigured, Settings, missing, required

RECEIPT_TOKEN = re.compile(r"[A-Za-z0-9._~-]{24,255}", re.ASCII)
"""The last part of an address, and all that keeps strangers from saying what became of messages."""


@dataclass(frozen=True, slots=True)
class NoticeSending:
    """What a worker needs to send messages to people, over these channels."""

    claim: ClaimNotices
    send: SendNotice
    channels: tuple[Channel, ...]


def notice_sending(
    settings: Settings, uow: UnitOfWorkFactory, http: httpx.AsyncClient, clock: Clock
) -> NoticeSending:
    """Sending over the vendors that are configured.

    Raises:
        NotConfigured: a vendor's address without what must come with it.
    """
    gateways = message_gateways(settings, http, clock)
    wording = Wording(
        reminder_template=settings.aliyun_sms_reminder_template,
        daily_template=settings.aliyun_sms_daily_template,
        link=settings.notice_link_url,
    )
    send = SendNotice(uow, gateways, wording, clock, TimeOrderedIds())
    return NoticeSending(ClaimNotices(uow), send, dispatched(settings))


def dispatched(settings: Settings) -> tuple[Channel, ...]:
    """Channels that are worked through: those that are told otherwise, too."""
    always = (Channel.WECOM, Channel.WECOM_ROBOT, Channel.DINGTALK)
    return always if settings.aliyun_sms_url is None else (*always, Channel.SMS)


def message_gateways(
    settings: Settings, http: httpx.AsyncClient, clock: Clock
) -> Mapping[Channel, MessageGateway]:
    """The vendors that are configured.

    Raises:
        NotConfigured: naming the first missing setting.
    """
    gateways: dict[Channel, MessageGateway] = {}
    seconds = settings.gateway_timeout_seconds
    if settings.wecom_url is not None:
        gateways[Channel.WECOM_ROBOT] = HttpWecomRobot(http, base_url=settings.wecom_url, timeout=seconds)
        if settings.wecom_corp_id is not None:
            gateways[Channel.WECOM] = _wecom_application(settings, settings.wecom_url, http, clock)
    if settings.dingtalk_url is not None:
        gateways[Channel.DINGTALK] = HttpDingtalkRobot(
            http, base_url=settings.dingtalk_url, clock=clock, timeout=seconds
        )
    if settings.aliyun_sms_url is not None:
        gateways[Channel.SMS] = _aliyun_sms(settings, settings.aliyun_sms_url, http, clock)
    return gateways


def receipt_doors(settings: Settings) -> dict[Channel, ReceiptDoor]:
    """Where vendors deliver receipts; none without a token that keeps strangers out.

    Raises:
        NotConfigured: a token that strangers could guess, or that is no part of an address.
    """
    given = settings.aliyun_sms_receipt_token
    token = given.get_secret_value() if given is not None else ""
    if not token:
        return {}
    if not RECEIPT_TOKEN.fullmatch(token):
        raise NotConfigured(
            "MALLCARE_ALIYUN_SMS_RECEIPT_TOKEN must be 24 to 255 letters, digits, '-', '_', '.' or '~'"
        )
    return {Channel.SMS: ReceiptDoor(token, AliyunSmsReceipts())}


def _wecom_application(
    settings: Settings, url: str, http: httpx.AsyncClient, clock: Clock
) -> HttpWecomMessages:
    if settings.wecom_agent_id is None:
        raise NotConfigured(missing("wecom_agent_id"))
    return HttpWecomMessages(
        http,
        base_url=url,
        corp_id=required(settings.wecom_corp_id, "wecom_corp_id"),
        secret=required(settings.wecom_secret, "wecom_secret"),
        agent_id=settings.wecom_agent_id,
        clock=clock,
        timeout=settings.gateway_timeout_seconds,
    )


def _aliyun_sms(settings: Settings, url: str, http: httpx.AsyncClient, clock: Clock) -> HttpAliyunSms:
    required(settings.aliyun_sms_reminder_template, "aliyun_sms_reminder_template")
    required(settings.aliyun_sms_daily_template, "aliyun_sms_daily_template")
    credentials = AliyunSmsCredentials(
        required(settings.aliyun_sms_access_key_id, "aliyun_sms_access_key_id"),
        required(settings.aliyun_sms_access_key_secret, "aliyun_sms_access_key_secret"),
    )
    return HttpAliyunSms(
        http,
        credentials,
        base_url=url,
        sign_name=required(settings.aliyun_sms_sign_name, "aliyun_sms_sign_name"),
        clock=clock,
        timeout=settings.gateway_timeout_seconds,
    )
