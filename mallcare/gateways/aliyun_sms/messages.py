"""Short messages over Aliyun, one HTTP exchange per call (a question may take several pages)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date, datetime, timedelta, timezone
from typing import Final, cast

import httpx

from mallcare.gateways.aliyun_sms.channel import AliyunChannel
from mallcare.gateways.aliyun_sms.credentials import AliyunSmsCredentials
from mallcare.gateways.aliyun_sms.failures import BAD_NUMBERS, unclear_question
from mallcare.gateways.aliyun_sms.variables import template_param
from mallcare.gateways.transport import JsonObject, as_object, bad_response, text_of
from mallcare.ports import Clock, GatewayError, MessageToSend, SendReport, SendStanding

BEIJING: Final = timezone(timedelta(hours=8))
"""The vendor's days and times; China has had no other offset since 1991."""

_PAGE: Final = 50
_PAGES: Final = 40
_REMEMBERED: Final = timedelta(days=30)
_NEAR_MIDNIGHT: Final = timedelta(minutes=10)
_NUMBER = re.compile(r"\d{5,20}")
_COUNTRY = re.compile(r"(?:\+|00)?86(?=1\d{10}$)")
_STANDINGS: Final = {1: SendStanding.ACCEPTED, 2: SendStanding.UNDELIVERABLE, 3: SendStanding.DELIVERED}
_MOST_TELLING: Final = (SendStanding.DELIVERED, SendStanding.ACCEPTED, SendStanding.UNDELIVERABLE)


class HttpAliyunSms:
    """`MessageGateway` of one Aliyun account under one signature name (短信签名).

    Args:
        client: shared; its own timeouts are overridden per call.
        base_url: `https://dysmsapi.aliyuncs.com`, or the simulator's.
        sign_name: what stands in 【】 before each text, approved by the vendor.
        clock: the wall clock (requests are fresh for fifteen minutes of the vendor's time).
        timeout: seconds for one HTTP exchange.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: AliyunSmsCredentials,
        *,
        base_url: str,
        sign_name: str,
        clock: Clock,
        timeout: float = 8.0,
    ) -> None:
        self._channel = AliyunChannel(client, credentials, base_url, clock, timeout)
        self._sign_name = sign_name
        self._clock = clock

    @property
    def repeatable(self) -> bool:
        """False: OutId is carried along, but the vendor sends a repeated one again."""
        return False

    async def send(self, message: MessageToSend) -> SendReport:
        """Hand the message over; ACCEPTED carries the vendor's BizId.

        UNDELIVERABLE: the number is none (`bad_address` where it is not even sent to the vendor).

        Raises:
            GatewayError: by the table in `failures`; before anything is sent `bad_variables`, `no_template`.
        """
        number = _number(message.address)
        if number is None:
            return SendReport(SendStanding.UNDELIVERABLE, code="bad_address")
        if not message.template:
            raise GatewayError("no_template", retryable=False, outcome_unknown=False)
        parameters = {
            "PhoneNumbers": number,
            "SignName": self._sign_name,
            "TemplateCode": message.template,
            "TemplateParam": template_param(message.variables),
            "OutId": message.message_id,
        }
        try:
            answer = await self._channel.call("SendSms", parameters)
        except GatewayError as error:
            if error.code in BAD_NUMBERS and not error.outcome_unknown:
                return SendReport(SendStanding.UNDELIVERABLE, code=error.code)
            raise
        return SendReport(SendStanding.ACCEPTED, vendor_message_id=text_of(answer, "BizId"))

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        """What the vendor's records of the day say of the message, by its OutId.

        Within ten minutes of midnight in Beijing both days are asked. The records lag behind a send, so
        NOT_FOUND soon after it proves nothing; they carry no BizId. None after thirty days: forgotten.

        Raises:
            GatewayError: always `outcome_unknown`: failing to ask says nothing about the message.
        """
        if self._clock.now() - sent_at > _REMEMBERED:
            return None
        number = _number(message.address)
        if number is None:
            return SendReport(SendStanding.NOT_FOUND)
        try:
            for day in _days(sent_at):
                async with aclosing(self._pages(number, day)) as pages:
                    async for records in pages:
                        ours = [record for record in records if record.get("OutId") == message.message_id]
                        if ours:
                            return _most_telling(ours)
        except GatewayError as error:
            raise unclear_question(error) from error
        return SendReport(SendStanding.NOT_FOUND)

    async def _pages(self, number: str, day: date) -> AsyncGenerator[Sequence[JsonObject]]:
        for page in range(1, _PAGES + 1):
            parameters = {
                "PhoneNumber": number,
                "SendDate": day.strftime("%Y%m%d"),
                "PageSize": str(_PAGE),
                "CurrentPage": str(page),
            }
            records = _records(await self._channel.call("QuerySendDetails", parameters))
            yield records
            if len(records) < _PAGE:
                return
        raise bad_response("the vendor's records of one number and day do not end")


def _number(address: str) -> str | None:
    """The number as the vendor's records spell it; None: it is not one number (a comma would make it two)."""
    number = _COUNTRY.sub("", address.strip())
    return number if _NUMBER.fullmatch(number) else None


def _days(sent_at: datetime) -> Sequence[date]:
    """The vendor's days on which a message of about `sent_at` can be recorded, its own first."""
    moments = (sent_at, sent_at - _NEAR_MIDNIGHT, sent_at + _NEAR_MIDNIGHT)
    return tuple(dict.fromkeys(moment.astimezone(BEIJING).date() for moment in moments))


def _records(answer: JsonObject) -> Sequence[JsonObject]:
    details = as_object(answer.get("SmsSendDetailDTOs"), "SmsSendDetailDTOs").get("SmsSendDetailDTO")
    if not isinstance(details, list):
        raise bad_response("SmsSendDetailDTO is not a list")
    return [as_object(record, "SmsSendDetailDTO") for record in cast("list[object]", details)]


def _most_telling(records: Sequence[JsonObject]) -> SendReport:
    """One report for all records under one OutId: arrived once is arrived, waiting may still arrive."""
    reports = [_report(record) for record in records]
    return min(reports, key=lambda report: _MOST_TELLING.index(report.standing))


def _report(record: JsonObject) -> SendReport:
    status = record.get("SendStatus")
    standing = _STANDINGS.get(status) if isinstance(status, int) else None
    if standing is None:
        raise bad_response("unknown SendStatus")
    code = record.get("ErrCode")
    failed = standing is SendStanding.UNDELIVERABLE and isinstance(code, str) and bool(code)
    return SendReport(standing, code=cast("str", code) if failed else None)
