"""Outgoing webhooks over HTTP: listing them, and having some sent again."""

from __future__ import annotations

import pytest

from tests.api.calls import Calls, answered, problem_of
from tests.api.conftest import Api

MESSAGES = "/v1/webhooks/messages"
REPLAYS = "/v1/webhooks/replays"


async def test_what_happened_to_a_case_is_listed_as_it_is_sent(api: Api) -> None:
    no = (await api.opened())["after_sales_no"]
    answered(await api.supplier.command(no, "approve"))
    listed = answered(await api.mall.get(f"{MESSAGES}?subject={no}"))
    assert [item["type"] for item in listed["items"]] == ["after_sales.approved", "after_sales.submitted"]
    newest = listed["items"][0]
    assert (newest["status"], newest["attempts"], newest["subject"]) == ("pending", 0, no)
    assert (newest["data"]["after_sales_no"], newest["data"]["version"]) == (no, 2)
    assert (newest["delivered_at"], newest["last_error"]) == (None, None)
    assert newest["next_attempt_at"].endswith("Z")
    for personal in ("王小明", "13800001234", "oAbC"):
        assert personal not in str(listed)


async def test_the_list_is_paged_and_filtered(api: Api) -> None:
    no = (await api.opened("O-1"))["after_sales_no"]
    answered(await api.supplier.command(no, "approve"))
    first = answered(await api.operations.get(f"{MESSAGES}?limit=1&status=pending"))
    rest = answered(
        await api.operations.get(f"{MESSAGES}?limit=9&status=pending&cursor={first['next_cursor']}")
    )
    assert [item["data"]["version"] for item in first["items"] + rest["items"]] == [2, 1]
    assert rest["next_cursor"] is None
    assert answered(await api.auditor.get(f"{MESSAGES}?status=dead"))["items"] == []
    problem_of(await api.mall.get(f"{MESSAGES}?cursor=nonsense"), 422, "invalid")
    problem_of(await api.mall.get(f"{MESSAGES}?status=lost"), 422, "invalid")


async def test_a_replay_tells_how_many_and_may_be_repeated(api: Api) -> None:
    no = (await api.opened())["after_sales_no"]
    (item,) = answered(await api.mall.get(MESSAGES))["items"]
    for body in (
        {"after_sales_no": no},
        {"message_ids": [item["message_id"]]},
        {"since": "2026-03-01T00:00:00+08:00", "until": "2026-03-02T00:00:00Z"},
    ):
        assert answered(await api.operations("POST", REPLAYS, body)) == {"count": 1}
    assert answered(await api.mall("POST", REPLAYS, {"after_sales_no": "unknown"})) == {"count": 0}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": "2026-03-01T00:00:00Z"},
        {"until": "2026-03-01T00:00:00Z"},
        {"since": "2026-03-02T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"message_ids": []},
        {"message_ids": ["x"] * 1001},
        {"after_sales": "mistyped"},
        {"since": "2026-03-01T00:00:00", "until": "2026-03-02T00:00:00"},
    ],
)
async def test_a_replay_without_bounds_is_refused(api: Api, body: dict[str, object]) -> None:
    problem_of(await api.operations("POST", REPLAYS, body), 422, "invalid")


async def test_who_may_see_and_replay(api: Api) -> None:
    """Messages tell of every supplier's cases: they are the mall's and operations', auditors read."""
    problem_of(await api.nobody.get(MESSAGES), 401, "unauthenticated")
    strangers: list[Calls] = [api.supplier, api.customer, api.finance]
    for caller in strangers:
        problem_of(await caller.get(MESSAGES), 403, "not_allowed")
    for caller in [*strangers, api.auditor]:
        problem_of(await caller("POST", REPLAYS, {"after_sales_no": "x"}), 403, "not_allowed")
