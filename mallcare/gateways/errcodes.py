"""Answers of the vendors that say `errcode` in a JSON body, whatever the HTTP status.

Only the number is believed and passed on: `errmsg` may hold addresses, changes without notice and is never
branched on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx

from mallcare.gateways.transport import JsonObject, bad_response, json_object
from mallcare.ports import GatewayError


@dataclass(frozen=True, slots=True)
class Meaning:
    """How a caller may react to a code. The call it answers was not carried out."""

    retryable: bool
    retry_after: timedelta | None = None


REFUSED = Meaning(retryable=False)
BUSY = Meaning(retryable=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer: 0 is its yes."""

    errcode: int
    body: JsonObject


def read_answer(response: httpx.Response) -> Answer:
    """The `errcode` and the body of an answer.

    Raises:
        GatewayError: `HTTP_5xx`, with the outcome unknown; `HTTP_429`, and `HTTP_4xx` for ever, where a 4xx
            carries no `errcode`; `bad_response`, with the outcome unknown, for anything else.
    """
    status = response.status_code
    if status >= 500:
        raise GatewayError(f"HTTP_{status}", retryable=True, outcome_unknown=True)
    try:
        body = json_object(response.content)
        errcode = body.get("errcode")
        if not isinstance(errcode, int) or isinstance(errcode, bool):
            raise bad_response("errcode is not a number")
    except GatewayError:
        if status < 400:
            raise
        raise _turned_away(status) from None
    return Answer(errcode, body)


def _turned_away(status: int) -> GatewayError:
    wait = 60.0 if status == 429 else None
    return GatewayError(
        f"HTTP_{status}", retryable=status == 429, outcome_unknown=False, retry_after_seconds=wait
    )


def failure(errcode: int, meanings: Mapping[int, Meaning], detail: str = "") -> GatewayError:
    """The error a code stands for by the vendor's table; a code not in it is a refusal for ever."""
    meaning = meanings.get(errcode, REFUSED)
    wait = meaning.retry_after
    return GatewayError(
        str(errcode),
        detail,
        retryable=meaning.retryable,
        outcome_unknown=False,
        retry_after_seconds=None if wait is None else wait.total_seconds(),
    )
