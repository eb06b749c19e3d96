"""Every refusal is a problem: the router's, the framework's, the engines', and our own mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from api.documentation import problems
from api.errors import PROBLEMS, problem_body
from mallcare.domain.errors import REFUSALS
from mallcare.ports import EngineUnavailable, StorageUnavailable
from tests.api.calls import problem_of
from tests.api.conftest import Api


def test_every_rule_of_the_domain_has_a_status() -> None:
    """A new error of the domain without a line in the table fails here, and none is a 5xx."""
    assert set(REFUSALS) <= set(PROBLEMS)
    assert all(400 <= PROBLEMS[code].status < 500 for code in REFUSALS)


def test_facts_never_replace_the_standard_members() -> None:
    """A fact named `status` or `detail` loses."""
    body = problem_body("not_found", "gone", {"status": 200, "code": "fine", "line_id": "1"})
    assert (body["status"], body["code"], body["line_id"]) == (404, "not_found", "1")


@pytest.mark.parametrize(
    "code", [code for code in PROBLEMS if code not in ("internal", "method_not_allowed")]
)
def test_every_code_is_documented_with_an_example(code: str) -> None:
    """The manual shows what each looks like."""
    [(status, response)] = problems(code).items()
    example: Any = response["content"]["application/problem+json"]["examples"][code]["value"]
    assert example["status"] == status == PROBLEMS[code].status


async def test_an_unknown_address_is_a_problem(api: Api) -> None:
    """404 of the router, in the same form."""
    problem_of(await api.mall.get("/v1/nothing"), 404, "not_found")
    problem_of(await api.nobody.get("/"), 404, "not_found")


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "POST"])
async def test_another_method_is_a_problem(api: Api, method: str) -> None:
    """405 with the methods there are."""
    response = await api.mall(method, "/v1/orders/O-1")
    problem_of(response, 405, "method_not_allowed")
    assert response.headers["allow"]


@pytest.mark.parametrize("failure", [StorageUnavailable("down"), EngineUnavailable("busy")])
async def test_an_engine_that_is_away_is_503(api: Api, failure: Exception) -> None:
    """With Retry-After, and without the engine's own words."""
    break_down(api, failure)
    response = await api.mall.get("/v1/orders/O-1")
    problem_of(response, 503, "engine_unavailable")
    assert int(response.headers["retry-after"]) >= 1
    assert "down" not in response.text


async def test_our_own_mistake_is_a_500_that_tells_nothing(api: Api) -> None:
    """A problem without traces; the connection and the next call are not harmed."""
    break_down(api, RuntimeError("secret 13800001234"))
    response = await api.mall.get("/v1/orders/O-1")
    problem_of(response, 500, "internal")
    assert "secret" not in response.text
    assert (await api.mall.get("/healthz")).status_code == 200


async def test_a_real_pool_without_a_database_is_503(api: Api) -> None:
    """The adapter's own failure takes the same way."""
    from mallcare.application.use_cases import build_use_cases
    from mallcare.gateways.system import TimeOrderedIds
    from mallcare.persistence.engine import create_engine
    from mallcare.persistence.queries import SqlCaseQueries
    from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory

    nowhere = create_engine("postgresql://nobody:x@127.0.0.1:1/none")
    uow, queries = SqlUnitOfWorkFactory(nowhere), SqlCaseQueries(nowhere)
    use_cases = build_use_cases(uow, queries, api.clock, TimeOrderedIds(), api.hints)
    replace_platform(api, use_cases=use_cases, queries=queries)
    for path in ("/v1/orders/O-1", "/v1/after-sales", "/v1/policies"):
        problem_of(await api.operations.get(path), 503, "engine_unavailable")
    figures = await api.nobody.get("/metrics")
    assert "mallcare_figures_up 0.0" in figures.text
    await nowhere.dispose()


def replace_platform(api: Api, **changes: Any) -> None:
    """Let the app work with other dependencies from here on."""
    from dataclasses import replace

    api.app.state.platform = replace(api.platform, **changes)


def break_down(api: Api, failure: Exception) -> None:
    """Let reading orders fail."""
    from dataclasses import replace

    class Broken:
        async def __call__(self, *_: object) -> object:
            raise failure

    broken: Any = Broken()
    replace_platform(api, use_cases=replace(api.platform.use_cases, read_order=broken))
