"""Sending orders in batches and their events beside each other, repeating what may be repeated."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

import httpx

from mallcare.cli.errors import CommandFailed
from mallcare.cli.order_import.lines import BadLine, OrderLine

ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 10.0
OVERLOADED = frozenset({429, 503})
STRANGERS = frozenset({401, 403})
_ORDER_OF = re.compile(r"/orders/(\d+)(?:/|$)")


class ConnectionLost(Exception):
    """The API went away or stayed overloaded; what was sent so far is in."""


@dataclass(slots=True)
class Sent:
    """What became of one batch."""

    orders: int = 0
    new_orders: int = 0
    events: int = 0
    new_events: int = 0
    bad: list[BadLine] = field(default_factory=list[BadLine])


class OrderSender:
    """Sends lines to one API. Orders and events are idempotent, so everything may be repeated.

    Args:
        client: with the base URL and the token of the mall.
        attempts: how often a call is made before the API counts as gone.
        concurrency: how many events are on their way at once.
        on_event: told of each event that was answered.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        attempts: int = ATTEMPTS,
        concurrency: int = 16,
        on_event: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._attempts = attempts
        self._free = asyncio.Semaphore(concurrency)
        self._on_event = on_event

    async def send(self, lines: Sequence[OrderLine]) -> Sent:
        """Send the orders, then the events of those that were taken in.

        Raises:
            ConnectionLost: in the middle; send the same lines again.
            CommandFailed: the API does not know us, or fails.
        """
        sent = Sent()
        taken = await self._send_orders(lines, sent)
        sent.orders = len(taken)
        outcomes = await asyncio.gather(*(self._send_events(line) for line in taken))
        for line, answers in zip(taken, outcomes, strict=True):
            refusals = [
                f"event {place}: {_reason(answer)}"
                for place, answer in enumerate(answers, 1)
                if not answer.is_success
            ]
            if refusals:
                sent.bad.append(BadLine(line.number, "; ".join(refusals)))
            sent.events += len(answers) - len(refusals)
            sent.new_events += sum(
                answer.is_success and answer.json()["status"] != "unchanged" for answer in answers
            )
        return sent

    async def _send_orders(self, lines: Sequence[OrderLine], sent: Sent) -> list[OrderLine]:
        """The lines whose orders are in; the others are noted as bad."""
        if not lines:
            return []
        body = '{"orders":[' + ",".join(line.order for line in lines) + "]}"
        answer = await self._post("/v1/orders:batch", body)
        if answer.is_success:
            return _taken(lines, answer.json()["results"], sent)
        return await self._without_faulty(lines, answer, sent)

    async def _without_faulty(
        self, lines: Sequence[OrderLine], answer: httpx.Response, sent: Sent
    ) -> list[OrderLine]:
        """A batch refused as a whole: leave out the orders at fault, or look for them in halves."""
        faults = _faults_by_index(answer)
        named = {index: fault for index, fault in faults.items() if index < len(lines)}
        if named:
            sent.bad += [BadLine(lines[index].number, fault) for index, fault in sorted(named.items())]
            rest = [line for index, line in enumerate(lines) if index not in named]
            return await self._send_orders(rest, sent)
        if len(lines) == 1:
            sent.bad.append(BadLine(lines[0].number, _reason(answer)))
            return []
        middle = len(lines) // 2
        first = await self._send_orders(lines[:middle], sent)
        return first + await self._send_orders(lines[middle:], sent)

    async def _send_events(self, line: OrderLine) -> list[httpx.Response]:
        path = f"/v1/orders/{quote(line.order_no, safe='')}/events"
        return await asyncio.gather(*(self._post_event(path, event) for event in line.events))

    async def _post_event(self, path: str, event: str) -> httpx.Response:
        async with self._free:
            answer = await self._post(path, event)
        self._on_event()
        return answer

    async def _post(self, path: str, body: str) -> httpx.Response:
        """The API's answer, be it a refusal.

        Raises:
            ConnectionLost, CommandFailed
        """
        pause, lost = 0.2, ""
        for attempt in range(1, self._attempts + 1):
            answer, lost = await self._try(path, body)
            if answer is not None and answer.status_code not in OVERLOADED:
                return _judged(answer)
            if attempt == self._attempts:
                break
            wish = answer.headers.get("Retry-After", "") if answer is not None else ""
            wait = max(pause, float(wish) if wish.isdecimal() else 0.0)
            await asyncio.sleep(min(wait, LONGEST_WAIT_SECONDS))
            pause *= 2
        raise ConnectionLost(lost)

    async def _try(self, path: str, body: str) -> tuple[httpx.Response | None, str]:
        """An answer, or none, and what to say of it should it have been the last try."""
        try:
            answer = await self._client.post(path, content=body, headers={"Content-Type": "application/json"})
        except httpx.TransportError as error:
            return None, str(error) or type(error).__name__
        return answer, f"it answers {answer.status_code} {_reason(answer)}"


def _judged(answer: httpx.Response) -> httpx.Response:
    """An answer about what was sent; one about us or about the API's own health ends the import."""
    if answer.status_code in STRANGERS:
        raise CommandFailed(f"the API answers {answer.status_code} {_reason(answer)}")
    if answer.is_server_error:
        raise ConnectionLost(f"it answers {answer.status_code} {_reason(answer)}")
    return answer


def _taken(lines: Sequence[OrderLine], results: Sequence[dict[str, Any]], sent: Sent) -> list[OrderLine]:
    taken: list[OrderLine] = []
    for line, result in zip(lines, results, strict=True):
        if result["status"] == "refused":
            problem = result["problem"]
            sent.bad.append(BadLine(line.number, f"{problem['code']}: {problem['detail']}"))
        else:
            taken.append(line)
            sent.new_orders += result["status"] == "applied"
    return taken


def _faults_by_index(answer: httpx.Response) -> dict[int, str]:
    """What is wrong with which order of a batch, as far as the answer says so."""
    faults: dict[int, str] = {}
    for pointer, message in _field_errors(_problem(answer)):
        found = _ORDER_OF.match(pointer)
        if found:
            where = pointer[found.end() :] or "order"
            faults.setdefault(int(found[1]), f"invalid: {where}: {message}")
    return faults


def _reason(answer: httpx.Response) -> str:
    problem = _problem(answer)
    code = str(problem.get("code", ""))
    for pointer, message in _field_errors(problem):
        return f"{code}: {pointer.lstrip('/')}: {message}"
    return f"{code}: {problem.get('detail', '')}".strip(": ")


def _field_errors(problem: dict[str, Any]) -> list[tuple[str, str]]:
    errors: list[dict[str, Any]] = problem.get("errors") or []
    return [(str(error.get("pointer", "")), str(error.get("message", ""))) for error in errors]


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem: object = json.loads(answer.text)
    except ValueError:
        return {}
    return cast("dict[str, Any]", problem) if isinstance(problem, dict) else {}
