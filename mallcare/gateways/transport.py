"""One HTTP call to a vendor, with failures told apart by what the vendor may have done.

Nothing here retries: a caller that repeats does so under its own policy and with the same business
key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import cast

import httpx

from mallcare.ports import GatewayError

JsonObject = Mapping[str, object]


async def exchange(client: httpx.AsyncClient, request: httpx.Request, seconds: float) -> httpx.Response:
    """Send `request` once and read the whole answer within `seconds`.

    Half of the time is allowed for reaching the vendor, so that "could not connect" is never
    mistaken for "did not answer".

    Raises:
        GatewayError: `connection` or `timeout`, always retryable; `outcome_unknown` unless the
            request provably never left.
    """
    request.extensions["timeout"] = httpx.Timeout(seconds, connect=seconds / 2, pool=seconds / 2).as_dict()
    try:
        async with asyncio.timeout(seconds):
            return await client.send(request, follow_redirects=False)
    except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise _lost("timeout", error, outcome_unknown=False) from error
    except httpx.ConnectError as error:
        raise _lost("connection", error, outcome_unknown=False) from error
    except (httpx.TimeoutException, TimeoutError) as error:
        raise _lost("timeout", error, outcome_unknown=True) from error
    except httpx.RequestError as error:
        raise _lost("connection", error, outcome_unknown=True) from error


def json_object(body: bytes) -> JsonObject:
    """The JSON object in `body`.

    Raises:
        GatewayError: `bad_response`, with the outcome unknown: whatever it meant, it was not said.
    """
    try:
        decoded: object = json.loads(body)
    except ValueError as error:
        raise bad_response("not JSON") from error
    return as_object(decoded, "answer")


def as_object(value: object, name: str) -> JsonObject:
    """`value` as a JSON object, or `bad_response` naming it."""
    if not isinstance(value, dict):
        raise bad_response(f"{name} is not an object")
    return cast("JsonObject", value)


def text_of(source: JsonObject, name: str) -> str:
    """A required, non-empty text field, or `bad_response`."""
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise bad_response(f"{name} is missing")
    return value


def fen_of(source: JsonObject, name: str) -> int:
    """A required amount in whole fen, or `bad_response`."""
    value = source.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise bad_response(f"{name} is not an amount in fen")
    return value


def bad_response(detail: str) -> GatewayError:
    """The vendor answered something outside its contract: ask again, believe nothing."""
    return GatewayError("bad_response", detail, retryable=True, outcome_unknown=True)


def _lost(code: str, error: Exception, *, outcome_unknown: bool) -> GatewayError:
    return GatewayError(code, type(error).__name__, retryable=True, outcome_unknown=outcome_unknown)
