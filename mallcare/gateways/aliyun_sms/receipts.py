"""Aliyun's delivery reports (SmsReport), pushed over HTTP as a JSON array.

Nothing in a push proves who sent it, and each comes at least twice: it is a hint to be applied
idempotently, at an address that nobody else knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

from mallcare.domain.contacts import Channel
from mallcare.domain.errors import InvalidInput
from mallcare.gateways.aliyun_sms.messages import BEIJING
from mallcare.ports import Receipt, SendStanding

_TOKEN = re.compile(r"[!-~]{1,64}")
_MESSAGE_ID = re.compile(r"[0-9A-Za-z]{1,32}")


class AliyunSmsReceipts:
    """`Receipts` of Aliyun SMS. Answer `{"code": 0, "msg": "..."}` with 200, or the push is repeated."""

    def read(self, body: bytes) -> Sequence[Receipt]:
        """The receipts in a push, in its order; phone numbers are left behind.

        `message_id` is None where the OutId is not of our shape: other senders share the account.

        Raises:
            InvalidInput: it is not what the vendor sends; tells no value of it.
        """
        try:
            decoded: object = json.loads(body)
        except (ValueError, RecursionError) as error:  # the latter: nested without end
            raise InvalidInput("not JSON") from error
        if not isinstance(decoded, list):
            raise InvalidInput("not an array")
        return [_receipt(report) for report in cast("list[object]", decoded)]


def _receipt(report: object) -> Receipt:
    if not isinstance(report, dict):
        raise InvalidInput("a report is not an object")
    fields = cast("Mapping[str, object]", report)
    success, biz_id, out_id = fields.get("success"), fields.get("biz_id"), fields.get("out_id")
    if not isinstance(success, bool):
        raise InvalidInput("success is not a boolean")
    if not isinstance(biz_id, str) or not _TOKEN.fullmatch(biz_id):
        raise InvalidInput("biz_id is not an id")
    ours = isinstance(out_id, str) and _MESSAGE_ID.fullmatch(out_id) is not None
    return Receipt(
        channel=Channel.SMS,
        vendor_message_id=biz_id,
        standing=SendStanding.DELIVERED if success else SendStanding.UNDELIVERABLE,
        at=_instant(fields.get("report_time")),
        code=None if success else _code(fields.get("err_code")),
        message_id=cast("str", out_id) if ours else None,
    )


def _instant(text: object) -> datetime:
    if not isinstance(text, str):
        raise InvalidInput("report_time is missing")
    try:
        local = datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput("report_time is not a time") from error


def _code(value: object) -> str:
    return value if isinstance(value, str) and _TOKEN.fullmatch(value) else "unknown"
