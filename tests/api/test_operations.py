"""Policies, the stop switch, health and metrics."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta

import pytest

from api.routes.operations import policy_of
from api.schemas.operations import PolicyIn
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import LegStatus, State
from tests.api.calls import answered, ask_body, problem_of, whole_body
from tests.api.conftest import PLACED_AT, Api


def test_a_policy_that_says_nothing_is_the_usual_one() -> None:
    """The defaults of the API and of the domain are the same."""
    assert policy_of(PolicyIn()) == AfterSalesPolicy()


def test_every_part_of_a_policy_can_be_set() -> None:
    """A duration or limit the domain knows and the API does not would fail here."""
    settable = {name.removesuffix("_seconds") for name in PolicyIn.model_fields} - {"supplier_id"}
    assert settable == {field.name for field in fields(AfterSalesPolicy)} - {"version"}


async def test_a_policy_is_answered_as_it_was_published(api: Api) -> None:
    """Every duration by itself: none is read for another, none is lost on the way."""
    durations = {
        name: 3_600 + n for n, name in enumerate(sorted(PolicyIn.model_fields)) if "_seconds" in name
    }
    published = answered(
        await api.operations("POST", "/v1/policies", durations, headers={"Idempotency-Key": "all"}), 201
    )
    assert durations.items() <= published.items()
    assert answered(await api.auditor.get("/v1/policies")) == published


async def test_a_policy_binds_new_requests_only(api: Api) -> None:
    """Open requests keep the version they were opened under."""
    before = await api.opened("O-1")
    published = answered(
        await api.operations(
            "POST",
            "/v1/policies",
            {"supplier_id": "supplier-1", "review_seconds": 3600},
            headers={"Idempotency-Key": "p-1"},
        ),
        201,
    )
    assert published["version"] > before["policy_version"]
    after = await api.opened("O-2")
    assert after["policy_version"] == published["version"]
    assert after["deadline_at"] == "2026-03-01T11:00:00Z"
    unchanged = answered(await api.mall.get(f"/v1/after-sales/{before['after_sales_no']}"))
    assert unchanged["policy_version"] == before["policy_version"]
    own = answered(await api.finance.get("/v1/policies?supplier_id=supplier-1"))
    assert own == published
    assert answered(await api.mall.get("/v1/policies"))["review_seconds"] == 48 * 3600


async def test_a_policy_sent_twice_is_one_version(api: Api) -> None:
    """The same key and body answer the first version; the key with another body is refused."""
    key = {"Idempotency-Key": "p-1"}
    first, again = [
        answered(await api.operations("POST", "/v1/policies", {"review_seconds": 3600}, headers=key), 201)
        for _ in range(2)
    ]
    assert again == first
    other = await api.operations("POST", "/v1/policies", {"review_seconds": 7200}, headers=key)
    problem_of(other, 409, "idempotency_mismatch")


@pytest.mark.parametrize(
    "body",
    [
        {"review_seconds": 0},
        {"review_seconds": 10**12},
        {"review_seconds": 3600.0},
        {"auto_refund_ceiling_fen": -1},
        {"auto_refunds_per_customer": True},
        {"review_timeout": "never"},
        {"supplier_liable_reasons": ["a b"]},
        {"hold": True},
    ],
    ids=repr,
)
async def test_a_strange_policy_is_refused(api: Api, body: dict[str, object]) -> None:
    """Limits of every member; unknown members too."""
    problem_of(
        await api.operations("POST", "/v1/policies", body, headers={"Idempotency-Key": "p-1"}), 422, "invalid"
    )


@pytest.mark.rule("A1")
async def test_the_stop_switch_sends_cooling_off_refunds_to_review(api: Api) -> None:
    """While it is on nobody is refunded without a person; off again, the system refunds."""
    answered(await api.mall.put_order("O-1"))
    answered(await api.mall.put_order("O-2"))
    api.clock.at = PLACED_AT + timedelta(minutes=1)
    path = "/v1/switches/automatic-refunds"
    on = await api.finance("PUT", path, {"stopped": True, "reason": "looking into it"})
    assert answered(on) == {"name": "automatic-refunds", "stopped": True}
    assert answered(await api.auditor.get(path))["stopped"] is True
    assert answered(await api.mall.ask(whole_body("O-1")), 201)["state"] == "PENDING_REVIEW"
    answered(await api.operations("PUT", path, {"stopped": False, "reason": "all well"}))
    assert answered(await api.mall.ask(whole_body("O-2")), 201)["state"] == "REFUNDING"
    problem_of(await api.operations("PUT", path, {"stopped": "yes", "reason": "x"}), 422, "invalid")
    problem_of(await api.operations("PUT", path, {"stopped": True}), 422, "invalid")


async def test_alive_asks_nobody(api: Api) -> None:
    """The process answers although nothing is ready."""
    api.readiness.failure = RuntimeError("gone")
    assert answered(await api.nobody.get("/healthz")) == {"status": "ok"}


async def test_ready_names_what_is_missing(api: Api) -> None:
    """200 with all checks, or 503 with the missing ones and Retry-After."""
    assert answered(await api.nobody.get("/readyz"))["checks"] == {"database": True, "temporal": True}
    api.readiness.checks = {"database": True, "worker": False, "temporal": False}
    response = await api.nobody.get("/readyz")
    facts = problem_of(response, 503, "engine_unavailable")
    assert facts["missing"] == ["temporal", "worker"]
    assert facts["checks"]["database"] is True
    assert response.headers["retry-after"]
    api.readiness.failure = RuntimeError("the question itself fails")
    problem_of(await api.nobody.get("/readyz"), 503, "engine_unavailable")


async def figures(api: Api) -> dict[str, float]:
    """The metrics page as numbers."""
    page = await api.nobody.get("/metrics")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/plain")
    lines = [line for line in page.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


async def test_metrics_count_requests_by_route(api: Api) -> None:
    """Under the template, never the path: numbers of cases are no labels."""
    await api.opened()
    for no in ("AS1", "AS2"):
        problem_of(await api.mall.get(f"/v1/after-sales/{no}"), 404, "not_found")
    problem_of(await api.mall.get("/v1/nothing"), 404, "not_found")
    problem_of(await api.mall("BREW", "/v1/orders/O-1"), 405, "method_not_allowed")
    seen = await figures(api)
    one = '{method="GET",route="/v1/after-sales/{after_sales_no}",status="404"}'
    assert seen[f"mallcare_http_requests_total{one}"] == 2
    assert seen['mallcare_http_requests_total{method="GET",route="unmatched",status="404"}'] == 1
    assert (
        seen['mallcare_http_requests_total{method="OTHER",route="/v1/orders/{order_no}",status="405"}'] == 1
    )
    assert seen['mallcare_http_request_seconds_count{method="POST",route="/v1/after-sales"}'] == 1
    assert not any("AS1" in name for name in seen)


async def test_metrics_show_the_figures_of_the_database(api: Api) -> None:
    """Every state and status, zeros too; read anew after ten seconds only."""
    case = await api.opened()
    seen = await figures(api)
    assert seen['mallcare_cases{state="PENDING_REVIEW"}'] == 1
    assert sum(name.startswith("mallcare_cases{") for name in seen) == len(State)
    assert sum(name.startswith("mallcare_refunds{") for name in seen) == len(LegStatus)
    assert seen["mallcare_pending_messages"] == 1
    assert seen["mallcare_unhealed_hints"] == 0
    answered(await api.supplier.command(case["after_sales_no"], "approve"))
    assert (await figures(api))['mallcare_cases{state="REFUNDING"}'] == 0
    api.clock.at += timedelta(seconds=31)
    later = await figures(api)
    assert later['mallcare_cases{state="REFUNDING"}'] == 1
    assert later['mallcare_cases{state="PENDING_REVIEW"}'] == 0
    assert later['mallcare_refunds{status="PENDING"}'] == 2
    assert later["mallcare_unhealed_hints"] == 1
    assert later["mallcare_figures_up"] == 1


async def test_metrics_count_the_hints_that_found_no_room(api: Api) -> None:
    """What this process dropped since it began, once each however often the page is read."""
    assert (await figures(api))["mallcare_dropped_hints_total"] == 0
    for dropped in (3, 3, 5):
        api.app.state.platform = replace(api.platform, dropped_hints=lambda dropped=dropped: dropped)
        assert (await figures(api))["mallcare_dropped_hints_total"] == dropped


async def test_nothing_of_a_caller_reaches_the_metrics(api: Api) -> None:
    """Neither customers nor orders: the page is read by many."""
    await api.opened("O-SECRET")
    answered(await api.mall.ask(ask_body("O-SECRET")), 201)
    page = await api.nobody.get("/metrics")
    assert "O-SECRET" not in page.text
    assert "customer-1" not in page.text
