"""What WeChat Pay's error codes mean for a refund: one table, branched on by code alone.

Codes marked [M] were not confirmed by public documents and are treated as carefully as they can be.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from mallcare.gateways.transport import JsonObject
from mallcare.ports import GatewayError


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a caller may react to a code."""

    retryable: bool
    outcome_unknown: bool = False
    retry_after: timedelta | None = None


UNCLEAR = Meaning(retryable=True, outcome_unknown=True)
REFUSED = Meaning(retryable=False)
TOO_OFTEN = Meaning(retryable=True, retry_after=timedelta(seconds=60))
OUR_KEYS = Meaning(retryable=True, retry_after=timedelta(minutes=15))
"""The refund was not looked at because our identity was refused. Somebody must mend the
configuration, but no customer's refund may fail for that: it is tried again later."""

MEANINGS: dict[str, Meaning] = {
    "SYSTEM_ERROR": UNCLEAR,
    "SYSTEMERROR": UNCLEAR,
    "BANK_ERROR": UNCLEAR,
    "FREQUENCY_LIMITED": TOO_OFTEN,
    "FREQUENCY_LIMIT_EXCEED": TOO_OFTEN,
    "RATELIMIT_EXCEEDED": TOO_OFTEN,
    "RATELIMIT_EXCEED": TOO_OFTEN,
    "NOT_ENOUGH": Meaning(retryable=True, retry_after=timedelta(minutes=30)),
    "STATEMENT_CREATING": Meaning(retryable=True, retry_after=timedelta(minutes=30)),
    "SIGN_ERROR": OUR_KEYS,
    "NO_AUTH": OUR_KEYS,
    "MCH_NOT_EXISTS": OUR_KEYS,
    "USER_ACCOUNT_ABNORMAL": REFUSED,
    "RESOURCE_NOT_EXISTS": REFUSED,  # [M] final on submit: the transaction is not known
    "PARAM_ERROR": REFUSED,
    "INVALID_REQUEST": REFUSED,
    "RULE_LIMIT": REFUSED,
    "NO_STATEMENT_EXIST": REFUSED,
}


def failure(status: int, answer: JsonObject) -> GatewayError:
    """The error a signed answer that is not 2xx stands for.

    A code not in the table: 5xx is unclear, 429 is too often, any other 4xx is a refusal.
    """
    code = answer.get("code")
    name = code if isinstance(code, str) and code else f"HTTP_{status}"
    meaning = MEANINGS.get(name) or _by_status(status)
    if status >= 500:
        meaning = UNCLEAR
    wait = meaning.retry_after
    return GatewayError(
        name,
        f"HTTP {status}",
        retryable=meaning.retryable,
        outcome_unknown=meaning.outcome_unknown,
        retry_after_seconds=None if wait is None else wait.total_seconds(),
    )


def _by_status(status: int) -> Meaning:
    if status == 429:
        return TOO_OFTEN
    return REFUSED if 400 <= status < 500 else UNCLEAR


def unclear_question(error: GatewayError) -> GatewayError:
    """The same failure, of a call that only asked: it never says that no refund was made."""
    if error.outcome_unknown:
        return error
    return GatewayError(
        error.code,
        error.detail,
        retryable=error.retryable,
        outcome_unknown=True,
        retry_after_seconds=error.retry_after_seconds,
    )
