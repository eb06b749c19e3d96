"""Publishing targets, reminders and calendars, and reading them back."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from itertools import count

import httpx
import pytest

from api.rendering.timeliness import timeliness_policy_of
from api.schemas.timeliness import TimelinessPolicyIn
from mallcare.cli import chinese_holidays
from mallcare.domain.timeliness import TimelinessPolicy
from tests.api.calls import Calls, Json, answered, problem_of
from tests.api.conftest import Api

POLICIES = "/v1/operations/timeliness-policies"
CALENDARS = "/v1/operations/service-calendars"
HOUR = 3_600
KEYS = count(1)
OFFICE = ["09:00-12:00", "13:00-18:00"]
DESK: Json = {
    "calendar_id": "desk",
    "zone": "Asia/Shanghai",
    "plans": [
        {"effective_from": "2026-01-01", "days": [OFFICE] * 5 + [[], []]},
        {"effective_from": "2026-07-01", "days": [["00:00-24:00"]] * 7},
    ],
    "special": {"2026-02-17": [], "2026-02-28": ["09:00-12:30:30"]},
    "known_until": "2026-12-31",
}


async def post(caller: Calls, path: str, body: Json, key: str | None = None) -> httpx.Response:
    """Publish, under a key of its own unless one is given."""
    return await caller("POST", path, body, headers={"Idempotency-Key": key or f"rule-{next(KEYS)}"})


async def open_tasks(api: Api) -> list[Json]:
    """Tasks that ask for holidays and that nobody resolved."""
    listed = answered(await api.auditor.get("/v1/operations/tasks?kind=calendar_ends&status=open"))
    return listed["items"]


def test_a_policy_that_says_nothing_is_the_usual_one() -> None:
    """The defaults of the API and of the domain are the same, and each part of the domain's can be set."""
    assert timeliness_policy_of(TimelinessPolicyIn()) == TimelinessPolicy()
    settable = {name.removesuffix("_seconds") for name in TimelinessPolicyIn.model_fields} - {"supplier_id"}
    assert settable == {field.name for field in fields(TimelinessPolicy)} - {"version"}


async def test_a_policy_is_answered_as_it_was_published(api: Api) -> None:
    """For one supplier; the others keep the first version, which stays readable under its number."""
    answered(await post(api.operations, CALENDARS, DESK), 201)
    body: Json = {
        "supplier_id": "supplier-1",
        "promises": {"review": {"target_seconds": 8 * HOUR, "calendar_id": "desk"}},
        "ladder": [
            {"name": "soon", "before_seconds": HOUR, "to": ["staff"]},
            {"name": "late", "before_seconds": -HOUR, "to": ["principal", "operations"]},
        ],
        "quiet_from_seconds": 22 * HOUR,
        "quiet_until_seconds": 7 * HOUR,
        "daily_when_zero": True,
    }
    told = answered(await post(api.operations, POLICIES, body), 201)
    assert {**told, "promises": body["promises"]} == {
        **body,
        "version": told["version"],
        "created_by": "operations:operations-subject",
        "created_at": "2026-03-01T10:00:00Z",
    }
    assert told["promises"]["review"] == body["promises"]["review"]
    assert told["promises"]["shipment"] == {"target_seconds": 48 * HOUR, "calendar_id": "24x7"}
    assert len(told["promises"]) == 6
    assert answered(await api.auditor.get(f"{POLICIES}?supplier_id=supplier-1")) == told
    assert answered(await api.auditor.get(f"{POLICIES}/{told['version']}")) == told
    first = answered(await api.operations.get(POLICIES))
    assert (first["version"], first["supplier_id"], first["created_by"]) == (1, None, "system:mallcare")
    assert answered(await api.auditor.get(f"{POLICIES}?supplier_id=supplier-2")) == first
    problem_of(await api.auditor.get(f"{POLICIES}/{2**31 - 1}"), 404, "not_found")


async def test_a_policy_sent_twice_is_one_version(api: Api) -> None:
    """The same key and body answer the first version; the key with another body is refused."""
    sent = {"daily_when_zero": True}
    first = answered(await post(api.operations, POLICIES, sent, "p"), 201)
    assert answered(await post(api.operations, POLICIES, sent, "p"), 201) == first
    problem_of(await post(api.operations, POLICIES, {}, "p"), 409, "idempotency_mismatch")


@pytest.mark.parametrize(
    "body",
    [
        {"promises": {"review": {"target_seconds": 0}}},
        {"promises": {"review": {"target_seconds": 60.5}}},
        {"promises": {"kindness": {"target_seconds": 60}}},
        {"promises": {"review": {"target_seconds": 60, "calendar_id": "unheard-of"}}},
        {"ladder": [{"name": "a", "before_seconds": 0, "to": []}]},
        {"ladder": [{"name": "a", "before_seconds": 0, "to": ["neighbours"]}]},
        {"ladder": [{"name": n, "before_seconds": b, "to": ["staff"]} for n, b in (("a", 1), ("b", 2))]},
        {"ladder": [{"name": "a", "before_seconds": b, "to": ["staff"]} for b in (2, 1)]},
        {"quiet_from_seconds": 86_401},
        {"targets": {}},
    ],
    ids=repr,
)
async def test_a_strange_policy_is_refused(api: Api, body: Json) -> None:
    """By the domain's own rules where they decide; nothing is published."""
    problem_of(await post(api.operations, POLICIES, body), 422, "invalid")
    assert answered(await api.auditor.get(POLICIES))["version"] == 1


async def test_a_promise_that_would_never_be_due_is_refused(api: Api) -> None:
    """A calendar that opens for a minute a week cannot hold a promise of sixty days."""
    rare = {**DESK, "calendar_id": "rare", "special": {}, "known_until": None}
    rare["plans"] = [{"effective_from": "2026-01-01", "days": [["09:00-09:01"], *[[]] * 6]}]
    answered(await post(api.operations, CALENDARS, rare), 201)
    promise = {"target_seconds": 60 * 24 * HOUR, "calendar_id": "rare"}
    refused = await post(api.operations, POLICIES, {"promises": {"review": promise}})
    assert problem_of(refused, 422, "invalid")["calendar_id"] == "rare"


async def test_a_calendar_is_answered_as_it_was_added(api: Api) -> None:
    """Several spans a day, plans that follow each other, holidays and made-up days; versions stay."""
    first = answered(await post(api.operations, CALENDARS, DESK), 201)
    assert first == {
        **DESK,
        "version": 1,
        "created_by": "operations:operations-subject",
        "created_at": "2026-03-01T10:00:00Z",
    }
    second = answered(await post(api.operations, CALENDARS, {**DESK, "zone": "UTC"}), 201)
    assert (second["version"], second["zone"]) == (2, "UTC")
    assert answered(await api.auditor.get(f"{CALENDARS}/desk")) == second
    assert answered(await api.auditor.get(f"{CALENDARS}/desk/versions/1")) == first
    listed = answered(await api.auditor.get(CALENDARS))["items"]
    assert [(one["calendar_id"], one["version"], one["special_days"]) for one in listed] == [
        ("24x7", 1, 0),
        ("desk", 2, 2),
    ]
    for missing in ("desk/versions/3", "unheard-of"):
        problem_of(await api.operations.get(f"{CALENDARS}/{missing}"), 404, "not_found")


async def test_a_calendar_sent_twice_is_one_version(api: Api) -> None:
    """The same key and body answer the first version; the key with another body is refused."""
    first = answered(await post(api.operations, CALENDARS, DESK, "c"), 201)
    assert answered(await post(api.operations, CALENDARS, DESK, "c"), 201) == first
    problem_of(
        await post(api.operations, CALENDARS, {**DESK, "special": {}}, "c"), 409, "idempotency_mismatch"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"zone": "Asia/Atlantis"},
        {"zone": "Asia"},
        {"zone": "America/Argentina"},
        {"zone": "../UTC"},
        {"zone": "right/Asia/Shanghai"},
        {"calendar_id": "24x7"},
        {"plans": []},
        {"plans": [{"effective_from": "2026-01-01", "days": [OFFICE] * 6}]},
        {"plans": DESK["plans"][::-1]},
        {"plans": [{"effective_from": "2026-01-01", "days": [[]] * 7}]},
        {"special": {"2026-02-30": []}},
        {"special": {"2026-02-28": ["12:00-09:00"]}},
        {"special": {"2026-02-28": ["09:00-12:00", "11:00-13:00"]}},
        {"special": {"2026-02-28": ["09:00-24:01"]}},
        {"special": {"2026-02-28": ["9-12"]}},
        {"special": {"2026-02-28": [[9, 12]]}},
    ],
    ids=repr,
)
async def test_a_strange_calendar_is_refused(api: Api, changes: Json) -> None:
    """A mistyped roster never becomes a calendar."""
    problem_of(await post(api.operations, CALENDARS, {**DESK, **changes}), 422, "invalid")
    assert len(answered(await api.auditor.get(CALENDARS))["items"]) == 1


async def test_imported_days_are_added_to_those_that_are_known(api: Api) -> None:
    """One version for what is new, none for what is not; the last known day never moves back."""
    added = answered(await post(api.operations, CALENDARS, DESK), 201)
    path = f"{CALENDARS}/desk/special-days"
    days = {"special": {"2026-02-17": ["10:00-11:00"], "2027-01-01": []}, "known_until": "2027-12-31"}
    second = answered(await api.operations("PUT", path, days))
    assert second["version"] == 2
    assert second["special"] == {**DESK["special"], **days["special"]}
    assert (second["known_until"], second["plans"]) == ("2027-12-31", added["plans"])
    assert answered(await api.operations("PUT", path, days)) == second
    early = {"special": {}, "known_until": "2026-06-30"}
    assert answered(await api.operations("PUT", path, early)) == second
    assert answered(await api.operations("PUT", path, {"special": {}})) == second
    missing = await api.operations("PUT", f"{CALENDARS}/unheard-of/special-days", days)
    problem_of(missing, 404, "not_found")
    always = await api.operations("PUT", f"{CALENDARS}/24x7/special-days", days)
    problem_of(always, 422, "invalid")
    strange = await api.operations("PUT", path, {"special": {"2026-02-28": ["12:00-09:00"]}})
    problem_of(strange, 422, "invalid")


async def test_all_holidays_of_china_fit_into_one_calendar(api: Api) -> None:
    """What `mallcare calendars seed` sends is kept whole, and a second time adds no version."""
    special = chinese_holidays.special_days(OFFICE)
    until = chinese_holidays.known_until().isoformat()
    body = {**DESK, "special": special, "known_until": until}
    first = answered(await post(api.operations, CALENDARS, body), 201)
    assert first["special"] == special
    assert len(special) > 700
    again = await api.operations(
        "PUT", f"{CALENDARS}/desk/special-days", {"special": special, "known_until": until}
    )
    assert answered(again) == first


async def test_operations_are_asked_for_holidays_until_they_bring_them(api: Api) -> None:
    """Publishing a promise by a calendar that ends soon asks at once; a later version is the answer."""
    api.clock.at = datetime(2026, 12, 20, tzinfo=UTC)
    answered(await post(api.operations, CALENDARS, DESK), 201)
    assert await open_tasks(api) == []
    promise = {"target_seconds": 8 * HOUR, "calendar_id": "desk"}
    answered(await post(api.operations, POLICIES, {"promises": {"review": promise}}), 201)
    (task,) = await open_tasks(api)
    assert (task["subject"], task["facts"]) == (
        "desk",
        {"calendar_version": 1, "known_until": "2026-12-31"},
    )
    answered(
        await api.operations(
            "PUT",
            f"{CALENDARS}/desk/special-days",
            {"special": {"2027-01-01": []}, "known_until": "2027-12-31"},
        )
    )
    assert await open_tasks(api) == []
    resolved = answered(await api.auditor.get("/v1/operations/tasks?kind=calendar_ends&status=resolved"))
    assert resolved["items"][0]["resolved_by"] == "system:calendars"


@pytest.mark.parametrize("role", ["mall", "supplier", "customer", "finance", "auditor"])
async def test_only_operations_write(api: Api, role: str) -> None:
    """And of all others only auditors read."""
    caller: Calls = getattr(api, role)
    for path, body in ((POLICIES, {}), (CALENDARS, DESK)):
        problem_of(await post(caller, path, body), 403, "not_allowed")
        read = await caller.get(path)
        assert read.status_code == (200 if role == "auditor" else 403)
    special = {"special": {"2027-01-01": []}}
    problem_of(await caller("PUT", f"{CALENDARS}/24x7/special-days", special), 403, "not_allowed")
