"""Throwaway accounts at the simulated messaging vendors, for a stack that starts them itself."""

from __future__ import annotations

import json
import secrets
from typing import Final

AGENT_ID: Final = "1000002"
SIGN_NAME: Final = "商城客服"
REMINDER_TEMPLATE: Final = "SMS_200000001"
DAILY_TEMPLATE: Final = "SMS_200000002"
TEMPLATES: Final = {
    REMINDER_TEMPLATE: "您有${count}项待处理事项即将超时,最早${due}到期,另有${overdue}项已超时,请尽快处理。",
    DAILY_TEMPLATE: "截至${day},超时未发货${orders}单,超时未处理售后${after_sales}单,请尽快处理。",
}
"""As they would be approved by the vendor: notices, in which counts and times alone vary."""
NOTICES_A_DAY: Final = "50"
"""What one number gets of one template; the stricter quotas by minute and hour are for verification codes."""


def message_accounts() -> dict[str, str]:
    """Both sides' variables: `MALLCARE_*` for us, `MALLCARE_SIM_*` for the simulators. Holds secrets."""
    corp_id, wecom_secret = "ww" + secrets.token_hex(8), secrets.token_urlsafe(32)
    key_id, key_secret = "LTAI5t" + secrets.token_hex(9), secrets.token_hex(15)
    return {
        "MALLCARE_WECOM_CORP_ID": corp_id,
        "MALLCARE_WECOM_SECRET": wecom_secret,
        "MALLCARE_WECOM_AGENT_ID": AGENT_ID,
        "MALLCARE_SIM_WECOM_CORP_ID": corp_id,
        "MALLCARE_SIM_WECOM_SECRET": wecom_secret,
        "MALLCARE_SIM_WECOM_AGENT_ID": AGENT_ID,
        "MALLCARE_ALIYUN_SMS_ACCESS_KEY_ID": key_id,
        "MALLCARE_ALIYUN_SMS_ACCESS_KEY_SECRET": key_secret,
        "MALLCARE_ALIYUN_SMS_SIGN_NAME": SIGN_NAME,
        "MALLCARE_ALIYUN_SMS_REMINDER_TEMPLATE": REMINDER_TEMPLATE,
        "MALLCARE_ALIYUN_SMS_DAILY_TEMPLATE": DAILY_TEMPLATE,
        "MALLCARE_ALIYUN_SMS_RECEIPT_TOKEN": secrets.token_urlsafe(32),
        "MALLCARE_SIM_ALIYUN_SMS_ACCESS_KEY_ID": key_id,
        "MALLCARE_SIM_ALIYUN_SMS_ACCESS_KEY_SECRET": key_secret,
        "MALLCARE_SIM_ALIYUN_SMS_SIGN_NAMES": SIGN_NAME,
        "MALLCARE_SIM_ALIYUN_SMS_TEMPLATES": json.dumps(TEMPLATES, ensure_ascii=False),
        "MALLCARE_SIM_ALIYUN_SMS_PER_MINUTE": "0",
        "MALLCARE_SIM_ALIYUN_SMS_PER_HOUR": "0",
        "MALLCARE_SIM_ALIYUN_SMS_PER_DAY": NOTICES_A_DAY,
        "MALLCARE_SIM_ALIYUN_SMS_CARRIER_SECONDS": "1",
    }
