"""Schemathesis over the whole schema: whatever is sent, the answer is one the manual names.

The app runs under uvicorn on a loopback port with a pool of its own, as in a deployment. Every
generated call is made as it is by each role in turn, and by mall and operations about orders and
requests that exist, in one state after the other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from typing import Any

import httpx
import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.deps import ApiDependencies, ApiPlatform
from api.openapi import openapi_document
from mallcare.application.use_cases import build_use_cases
from mallcare.domain.vocabulary import Role
from mallcare.gateways.system import SystemClock, TimeOrderedIds
from mallcare.persistence.engine import create_engine
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.api.calls import ask_body, order_body, token
from tests.api.conftest import VERIFIER, Readiness, RecordedHints, ScriptedCallbacks
from tests.api.journeys import STEPS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROLES = tuple(str(role) for role in Role if role is not Role.SYSTEM)
TOKENS = {role: token(role, customer_id="customer-1", supplier_id="supplier-1") for role in ROLES}
TURNS = cycle(ROLES)

schema = schemathesis.openapi.from_dict(openapi_document())
schema.config.phases.coverage.enabled = False
"""Its systematic cases (a minute of them) are those of `test_inputs`; here chance does the work."""
SESSION = requests.Session()


@pytest.fixture(scope="module")
def server(database_url: str) -> Generator[str]:
    """The address of the app, served by a thread of its own."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        engine = create_engine(database_url, pool_size=4)
        uow = SqlUnitOfWorkFactory(engine, policy_cache=PolicyCache(seconds=0))
        queries, clock = SqlCaseQueries(engine), SystemClock()
        yield ApiDependencies(
            use_cases=build_use_cases(uow, queries, clock, TimeOrderedIds(), RecordedHints()),
            queries=queries,
            callbacks={"wechat_pay": ScriptedCallbacks()},
            clock=clock,
            readiness=Readiness(),
        )
        await engine.dispose()

    config = uvicorn.Config(
        create_app(opened, VERIFIER), host="127.0.0.1", port=0, log_level="critical", lifespan="on"
    )
    running = uvicorn.Server(config)
    up = threading.Event()

    async def serve() -> None:
        serving = asyncio.create_task(running.serve())
        while not running.started and not serving.done():  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
        up.set()
        await serving

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    assert up.wait(20)
    [listening] = running.servers
    yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    running.should_exit = True
    thread.join(10)


JOURNEYS = {
    "O-1": ("refund_only", ("approve",)),
    "O-2": ("refund_only", ()),
    "O-3": ("return_refund", ("approve", "submit-waybill", "receive")),
    "O-4": ("exchange", ("approve", "submit-waybill", "receive", "accept")),
}
"""Requests that exist, by order: one being refunded, one under review, one inspected, one to be replaced."""


@pytest.fixture
def seeded(server: str, empty_database: str) -> tuple[str, Iterator[str]]:
    """Orders with their requests; answers the address, and the open requests' numbers in turn."""
    numbers: list[str] = []
    with httpx.Client(base_url=server, headers={"Authorization": f"Bearer {TOKENS['mall']}"}) as client:
        for order_no, (kind, commands) in JOURNEYS.items():
            assert client.put(f"/v1/orders/{order_no}", json=order_body(order_no)).is_success
            body, key = ask_body(order_no, 2, kind=kind), {"Idempotency-Key": order_no}
            no = client.post("/v1/after-sales", json=body, headers=key).json()["after_sales_no"]
            for command in commands:
                given = {"command_id": f"seed-{command}", **STEPS[command][1]}
                answer = client.post(f"/v1/after-sales/{no}/{command}", json=given)
                assert answer.is_success, answer.text
            numbers.append(no)
    return server, cycle(numbers[1:])


def aim(case: Case, after_sales_no: str) -> None:
    """Let the call be about what exists."""
    known = {"order_no": "O-1", "after_sales_no": after_sales_no, "supplier_id": "supplier-1"}
    case.path_parameters = {name: known.get(name, v) for name, v in (case.path_parameters or {}).items()}
    body: Any = case.body
    if isinstance(body, dict) and "order_no" in body:
        case.body = {**body, "order_no": "O-1"}


@schema.parametrize()
@settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)
def test_every_answer_is_in_the_manual(case: Case, seeded: tuple[str, Iterator[str]]) -> None:
    """No 5xx, no status, header, media type or body that the document does not name."""
    url, numbers = seeded
    _call(case, url, next(TURNS))
    aim(case, next(numbers))
    for role in ("mall", "operations"):
        _call(case, url, role)


def _call(case: Case, url: str, role: str) -> None:
    headers = {"Authorization": f"Bearer {TOKENS[role]}"}
    case.call_and_validate(base_url=url, session=SESSION, headers=headers, checks=CHECKS)
