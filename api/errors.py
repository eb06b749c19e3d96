"""Refusals as RFC 9457 problems. The one place where a domain error's code becomes an HTTP status."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.security import Unauthenticated
from mallcare.domain.errors import DomainError
from mallcare.ports import EngineUnavailable, StorageUnavailable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 2
MOST_FIELD_ERRORS = 50


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its status, and its title."""

    status: int
    title: str


PROBLEMS: Mapping[str, Kind] = {
    # rules of the domain
    "not_found": Kind(404, "Unknown, or not yours"),
    "not_allowed": Kind(403, "Not allowed for this role"),
    "illegal_transition": Kind(409, "Not possible in the present state"),
    "version_conflict": Kind(409, "Another version is stored"),
    "idempotency_mismatch": Kind(409, "The key was used for something else"),
    "order_frozen": Kind(409, "Amounts under live units may not change"),
    "units_unavailable": Kind(409, "Not enough units are left"),
    "window_closed": Kind(409, "The after-sales window has passed"),
    "window_open": Kind(409, "The after-sales window is still open"),
    "order_closed": Kind(409, "The order is closed"),
    "order_not_paid": Kind(409, "The order is not paid"),
    "refund_cap_exceeded": Kind(409, "More than was paid"),
    "waybill_in_use": Kind(409, "The waybill belongs to another parcel"),
    "four_eyes": Kind(409, "A second person is needed"),
    "invalid": Kind(422, "Not acceptable as it is"),
    "money_does_not_add_up": Kind(422, "The amounts contradict each other"),
    "line_not_returnable": Kind(422, "The line may not be returned"),
    # of HTTP and of the platform itself
    "unauthenticated": Kind(401, "Unknown caller"),
    "method_not_allowed": Kind(405, "No such method here"),
    "too_large": Kind(413, "The body is too large"),
    "internal": Kind(500, "Our fault"),
    "engine_unavailable": Kind(503, "Come back in a moment"),
}
"""Every code a caller can meet; each has one status, whatever the route."""

_OF_HTTP = {400: "invalid", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_DETAIL_OF_HTTP = {
    "invalid": "the body cannot be read as JSON",
    "not_found": "there is nothing at this address",
    "method_not_allowed": "this address does not take this method",
    "too_large": "the body is larger than this API reads",
}


class ProblemResponse(JSONResponse):
    """A response of the media type of problems."""

    media_type = MEDIA_TYPE


def problem_body(code: str, detail: str, facts: Mapping[str, object] | None = None) -> dict[str, object]:
    """The members of a problem; facts never replace the standard ones."""
    kind = PROBLEMS[code]
    standard: dict[str, object] = {
        "type": f"urn:mallcare:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": detail,
    }
    return {**(facts or {}), **standard}


def problem(
    code: str,
    detail: str,
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """The answer that tells of a problem, with the headers its status asks for."""
    kind = PROBLEMS[code]
    sent = dict(headers or {})
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        sent.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return ProblemResponse(problem_body(code, detail, facts), kind.status, sent)


def refusal_body(error: DomainError) -> dict[str, object]:
    """A rule's refusal as a problem, for answers that hold several."""
    return problem_body(error.code, error.detail, error.facts)


def install(app: FastAPI) -> None:
    """Let every error of `app` leave as a problem."""
    app.add_exception_handler(DomainError, _refused)
    app.add_exception_handler(Unauthenticated, _unauthenticated)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(StorageUnavailable, _unavailable)
    app.add_exception_handler(EngineUnavailable, _unavailable)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_middleware(LastResort)


async def _refused(_: Request, error: Exception) -> ProblemResponse:
    refusal = cast("DomainError", error)
    return problem(refusal.code, refusal.detail, refusal.facts)


async def _unauthenticated(_: Request, error: Exception) -> ProblemResponse:
    refusal = cast("Unauthenticated", error)
    challenge = 'Bearer realm="mallcare"' + (', error="invalid_token"' if refusal.token_given else "")
    return problem("unauthenticated", refusal.reason, headers={"WWW-Authenticate": challenge})


async def _not_valid(_: Request, error: Exception) -> ProblemResponse:
    errors = cast("Sequence[Mapping[str, Any]]", cast("RequestValidationError", error).errors())
    fields = [_field_error(item) for item in errors[:MOST_FIELD_ERRORS]]
    return problem("invalid", f"{len(errors)} fields cannot be accepted", {"errors": fields})


async def _unavailable(_: Request, error: Exception) -> ProblemResponse:
    log.warning("request.engine_unavailable", reason=type(error).__name__)
    return problem("engine_unavailable", "an engine cannot be reached; nothing was changed, try again")


async def _of_http(_: Request, error: Exception) -> ProblemResponse:
    failure = cast("HTTPException", error)
    code = _OF_HTTP.get(failure.status_code, "internal")
    if code == "internal":
        log.error("request.unforeseen_status", status=failure.status_code)
    return problem(code, _DETAIL_OF_HTTP.get(code, "this was not foreseen"), headers=failure.headers)


def _field_error(item: Mapping[str, Any]) -> dict[str, str]:
    """An error of pydantic without the value that caused it, which may be somebody's address."""
    location, *path = [_safe(part) for part in item["loc"]] or ["body"]
    return {
        "location": location,
        "pointer": "".join(f"/{part}" for part in path),
        "code": str(item["type"]),
        "message": _safe(item["msg"]),
    }


def _safe(part: object) -> str:
    """Names of fields come from the caller too: short, and without what JSON cannot carry."""
    return str(part).encode("ascii", "backslashreplace").decode()[:200].replace("\x00", "\\x00")


class LastResort:
    """Turns an unforeseen exception into a 500 problem that tells nothing of our inside.

    Its message is not logged, only its type and where it happened: messages of the database repeat
    values, and values may be personal data.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last place that can still answer
            log.error(
                "request.crashed",
                error=type(error).__qualname__,
                method=scope["method"],
                where=traceback.format_tb(error.__traceback__)[-6:],
            )
            if not started:
                await problem("internal", "this is our fault, and it was logged")(scope, receive, send)
