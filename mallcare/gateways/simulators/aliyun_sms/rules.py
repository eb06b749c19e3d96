"""The vendor's rules for a short message, and the answers it gives to those who break them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from mallcare.gateways.simulators.aliyun_sms.config import AliyunSmsSimulatorConfig

_MOBILE = re.compile(r"(?:\+|00)?(?:86)?(1\d{10})")
_PLACE = re.compile(r"\$\{(\w+)\}")
_URL = re.compile(r"https?:|//|\bwww\.|\w\.(?:com|cn|net|org|top|io|me|cc|vip)\b|\d+\.\d+\.\d+\.\d+", re.I)
_MOST_RECEIVERS = 1000


class VendorError(Exception):
    """An answer that is not OK, with the vendor's code. Business refusals come with HTTP 200."""

    def __init__(self, code: str, message: str, status: int = 200) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Submission:
    """A well-formed SendSms for one number; `content` is the text as the receiver reads it."""

    phone: str
    sign_name: str
    template_code: str
    template_param: str
    content: str
    out_id: str


def read_submission(parameters: Mapping[str, str], config: AliyunSmsSimulatorConfig) -> Submission:
    """The message in a call.

    Raises:
        VendorError: by the first rule that it breaks.
    """
    for name in ("PhoneNumbers", "SignName", "TemplateCode"):
        if not parameters.get(name):
            raise VendorError(f"Missing{name}", f"{name} is mandatory for this action.", 400)
    phones = parameters["PhoneNumbers"].split(",")
    if len(phones) > _MOST_RECEIVERS:
        raise VendorError("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
    if len(phones) != 1:
        raise VendorError("isv.INVALID_PARAMETERS", "this simulator sends to one number at a time")
    phone = _MOBILE.fullmatch(phones[0])
    if phone is None:
        raise VendorError("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号")
    if parameters["SignName"] not in config.sign_names:
        raise VendorError("isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
    template = config.templates.get(parameters["TemplateCode"])
    if template is None:
        raise VendorError("isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
    param = parameters.get("TemplateParam", "")
    content = _filled(template, _variables(param), config.longest_variable)
    return Submission(
        phone=phone.group(1),
        sign_name=parameters["SignName"],
        template_code=parameters["TemplateCode"],
        template_param=param,
        content=f"【{parameters['SignName']}】{content}",
        out_id=parameters.get("OutId", ""),
    )


def _variables(param: str) -> dict[str, str]:
    if not param:
        return {}
    try:
        decoded: object = json.loads(param)
    except ValueError:
        raise VendorError("isv.INVALID_JSON_PARAM", "参数格式错误,请修改为字符串值") from None
    if not isinstance(decoded, dict):
        raise VendorError("isv.INVALID_JSON_PARAM", "参数格式错误,请修改为字符串值")
    given = cast("dict[str, object]", decoded)
    if not all(isinstance(value, str) for value in given.values()):
        raise VendorError("isv.INVALID_JSON_PARAM", "参数格式错误,请修改为字符串值")
    return cast("dict[str, str]", given)


def _filled(template: str, variables: Mapping[str, str], longest: int) -> str:
    for name in _PLACE.findall(template):
        if not variables.get(name):
            raise VendorError("isv.TEMPLATE_MISSING_PARAMETERS", "模板变量缺少对应参数值")
    for value in variables.values():
        if len(value) > longest:
            raise VendorError("isv.PARAM_LENGTH_LIMIT", "参数超过长度限制")
        if _URL.search(value):
            raise VendorError("isv.PARAM_NOT_SUPPORT_URL", "变量不支持传入URL")
    return _PLACE.sub(lambda place: variables[place.group(1)], template)


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `most` messages in the last `seconds`; the vendor names the level in its message alone."""

    level: str
    seconds: float
    most: int


def quotas(config: AliyunSmsSimulatorConfig) -> tuple[Quota, ...]:
    """The limits of one number, signature and template; a limit of 0 is none."""
    every = (
        Quota("分钟级", 60, config.per_minute),
        Quota("小时级", 3600, config.per_hour),
        Quota("天级", 86400, config.per_day),
    )
    return tuple(quota for quota in every if quota.most > 0)


@dataclass(frozen=True, slots=True)
class Question:
    """A well-formed QuerySendDetails."""

    phone: str
    day: datetime
    biz_id: str | None
    size: int
    page: int


def read_question(parameters: Mapping[str, str]) -> Question:
    """The question in a call. Numbers are given without a country code, as the records spell them.

    Raises:
        VendorError: `isv.MOBILE_NUMBER_ILLEGAL` or `isv.INVALID_PARAMETERS`.
    """
    phone = parameters.get("PhoneNumber", "")
    if not re.fullmatch(r"1\d{10}", phone):
        raise VendorError("isv.MOBILE_NUMBER_ILLEGAL", "非法手机号")
    date, size, page = (parameters.get(name, "") for name in ("SendDate", "PageSize", "CurrentPage"))
    if not (re.fullmatch(r"\d{8}", date) and size.isdecimal() and page.isdecimal()):
        raise VendorError("isv.INVALID_PARAMETERS", "参数异常")
    try:
        day = datetime.strptime(date + "+0800", "%Y%m%d%z")
    except ValueError:
        raise VendorError("isv.INVALID_PARAMETERS", "参数异常") from None
    if not (1 <= int(size) <= 50 and int(page) >= 1):
        raise VendorError("isv.INVALID_PARAMETERS", "参数异常")
    return Question(phone, day, parameters.get("BizId") or None, int(size), int(page))
