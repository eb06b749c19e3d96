"""The notification centre over HTTP: what people find there, in which language, and what is unread."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.rendering.notifications import KINDS, Language, language_of, notification_out
from mallcare.domain.notifications import Audience, Notification, NotificationKind
from mallcare.ports.notices import KeptNotification
from tests.api.calls import Calls, Json, answered, problem_of, token
from tests.api.conftest import LATER, Api
from tests.api.journeys import settle
from tests.api.test_tenancy import NOTIFICATIONS, ROLES, Route
from tests.persistence.test_goods import statements

LIST = "/v1/notifications"
CONTACT: Json = {"role": "staff", "name": "周敏"}


async def inbox(caller: Calls, query: str = "", language: str | None = None) -> Json:
    """A page of somebody's messages."""
    headers = {"Accept-Language": language} if language else None
    return answered(await caller("GET", f"{LIST}{query}", headers=headers))


async def unread(caller: Calls, query: str = "") -> int:
    """The number at somebody's bell."""
    return answered(await caller.get(f"{LIST}/unread-count{query}"))["unread_count"]


def kinds(page: Json) -> list[str]:
    return [message["kind"] for message in page["items"]]


async def told(api: Api, messages: int = 3) -> list[str]:
    """Numbers of so many approved requests: the customer has a message about each."""
    numbers: list[str] = []
    for index in range(messages):
        numbers.append((await api.opened(f"O-{index}"))["after_sales_no"])
        answered(await api.supplier.command(numbers[-1], "approve"))
    return numbers


async def works_there(api: Api, subject: str) -> Calls:
    """Somebody who is a contact of the supplier."""
    answered(await api.operations("PUT", f"/v1/suppliers/supplier-1/contacts/{subject}", CONTACT))
    return Calls(api.client, token("supplier", supplier_id="supplier-1", sub=subject))


async def test_the_customer_is_told_what_became_of_the_request(api: Api) -> None:
    """With words, amounts, and the path that opens it; nothing of what they did themselves."""
    case = await api.opened("O-1")
    assert await inbox(api.customer) == {"items": [], "next_cursor": None, "unread_count": 0}
    answered(await api.supplier.command(case["after_sales_no"], "approve"))
    page = await inbox(api.customer)
    (message,) = page["items"]
    approved = answered(await api.customer.get(message["link"]))
    assert approved["after_sales_no"] == case["after_sales_no"]
    assert message["facts"] == {
        "after_sales_no": case["after_sales_no"],
        "order_no": "O-1",
        "kind": "refund_only",
        "amount_fen": approved["quote"]["total_fen"],
    }
    assert (message["title"], message["created_at"], message["read_at"]) == (
        "退款已同意",
        "2026-03-01T10:00:00Z",
        None,
    )
    assert case["after_sales_no"] in message["text"]
    assert (page["unread_count"], await unread(api.customer)) == (1, 1)


async def test_words_are_in_the_language_asked_for(api: Api) -> None:
    """English where it is preferred, Chinese everywhere else."""
    await told(api, 1)
    assert (await inbox(api.customer, language="en-GB,en;q=0.9"))["items"][0]["title"] == "Refund approved"
    assert (await inbox(api.customer, language="fr"))["items"][0]["title"] == "退款已同意"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("*", "zh"),
        ("en", "en"),
        ("EN-us", "en"),
        ("zh-CN, en;q=0.8", "zh"),
        ("en;q=0.2, zh;q=0.1", "en"),
        ("fr, en;q=0.5", "en"),
        ("en;q=0", "zh"),
        ("en;q=x", "zh"),
        ("en;q", "zh"),
        ("en;v=1", "zh"),
        ("enough", "zh"),
    ],
)
def test_the_best_of_our_languages_is_chosen(header: str | None, language: str) -> None:
    """By weight; what cannot be read counts for nothing."""
    assert language_of(header) == language


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", [*NotificationKind, "of_a_later_version"])
def test_every_kind_has_words(kind: str, language: Language) -> None:
    """With all its facts and without any; deadlines in Beijing time, unknown kinds in general."""
    facts = {
        "after_sales_no": "AS1",
        "order_no": "O-1",
        "amount_fen": 123_405,
        "due_at": "2026-03-01T20:00:00+00:00",
        "carrier": "sf",
        "waybill": "SF1",
        "count": 58,
        "overdue": 7,
    }
    for known in ({}, facts):
        message = Notification(Audience.STAFF, "s", "r", str(kind), "/v1/x", LATER, known)
        out = notification_out(KeptNotification("n1", message, None), language)
        assert out.title
        assert "{" not in out.text + out.title
    if kind in KINDS:
        template = KINDS[NotificationKind(kind)][language].text
        assert ("{until}" in template) == ("2026-03-02 04:00" in out.text)
        assert ("{amount}" in template) == ("¥1234.05" in out.text)
        assert ("{parcel}" in template) == ("sf SF1" in out.text)
        assert ("{count}" in template) == ("58" in out.text)


async def test_pages_follow_each_other(api: Api) -> None:
    """Newest first, each message once; only unread ones where those are asked for."""
    numbers = await told(api)
    first = await inbox(api.customer, "?limit=2")
    rest = await inbox(api.customer, f"?limit=2&cursor={first['next_cursor']}")
    assert rest["next_cursor"] is None
    found = [message["facts"]["after_sales_no"] for message in first["items"] + rest["items"]]
    assert found == numbers[::-1]
    answered(await api.customer("POST", f"{LIST}/{first['items'][0]['notification_id']}/read"))
    left = await inbox(api.customer, "?unread=true&limit=1")
    assert (len(left["items"]), left["unread_count"]) == (1, 2)
    assert left["items"][0]["notification_id"] == first["items"][1]["notification_id"]
    last = await inbox(api.customer, f"?unread=true&limit=1&cursor={left['next_cursor']}")
    assert (kinds(last), last["next_cursor"]) == (["refund_approved"], None)
    problem_of(await api.customer.get(f"{LIST}?cursor=x1"), 422, "invalid")


async def test_the_first_mark_stays(api: Api) -> None:
    """Read again later it keeps its instant."""
    await told(api, 1)
    (message,) = (await inbox(api.customer))["items"]
    path = f"{LIST}/{message['notification_id']}/read"
    once = answered(await api.customer("POST", path))
    assert once == {**message, "read_at": "2026-03-01T10:00:00Z"}
    api.clock.at = LATER.replace(hour=12)
    assert answered(await api.customer("POST", path)) == once
    assert await unread(api.customer) == 0


async def test_everything_up_to_a_message_is_read_at_once(api: Api) -> None:
    """What came later stays unread; repeating it marks nothing more."""
    await told(api)
    items = (await inbox(api.customer))["items"]
    body = {"up_to": items[1]["notification_id"]}
    marked = await api.customer("POST", f"{LIST}:read", body)
    assert answered(marked) == {"marked": 2, "unread_count": 1}
    assert answered(await api.customer("POST", f"{LIST}:read", body)) == {"marked": 0, "unread_count": 1}
    assert (await inbox(api.customer, "?unread=true"))["items"] == items[:1]


async def test_the_mall_reads_for_a_customer_it_names(api: Api) -> None:
    """And marks for them; without a name it is asked for one."""
    await told(api, 1)
    page = await inbox(api.mall, "?customer_id=customer-1")
    assert kinds(page) == ["refund_approved"]
    path = f"{LIST}/{page['items'][0]['notification_id']}/read"
    problem_of(await api.mall("POST", path), 422, "invalid")
    problem_of(await api.mall("POST", f"{path}?customer_id=customer-2"), 404, "not_found")
    answered(await api.mall("POST", f"{path}?customer_id=customer-1"))
    assert await unread(api.customer) == await unread(api.mall, "?customer_id=customer-1") == 0


async def test_everybody_at_the_supplier_has_a_box_of_their_own(api: Api) -> None:
    """Each is told what waits, from when they are a contact on; one's mark is not the other's."""
    ann = await works_there(api, "ann")
    first = (await api.opened("O-1"))["after_sales_no"]
    bob = await works_there(api, "bob")
    second = (await api.opened("O-2"))["after_sales_no"]
    assert [m["facts"]["after_sales_no"] for m in (await inbox(ann))["items"]] == [second, first]
    (message,) = (await inbox(bob))["items"]
    assert (message["kind"], message["facts"]["due_at"]) == ("to_review", "2026-03-03T10:00:00+00:00")
    answered(await bob("POST", f"{LIST}/{message['notification_id']}/read"))
    assert (await unread(ann), await unread(bob), await unread(api.supplier)) == (2, 0, 0)
    problem_of(await ann("POST", f"{LIST}/{message['notification_id']}/read"), 404, "not_found")


async def ask(caller: Calls, route: Route, number: str, query: str = "") -> httpx.Response:
    """A call about one message."""
    method, template = route
    body = {"up_to": number} if template.endswith(":read") else None
    return await caller(method, template.format(notification_id=number) + query, body)


@pytest.mark.parametrize("route", sorted(NOTIFICATIONS), ids=" ".join)
async def test_nobody_finds_another_s_messages(api: Api, route: Route) -> None:
    """What is another's is refused as what does not exist; a role without messages gets 403."""
    await told(api, 1)
    number: str = (await inbox(api.customer))["items"][0]["notification_id"]
    for wrong in (number, "n999999", "m1") if route[0] == "POST" else ():
        for caller, query in ((api.other_customer, ""), (api.supplier, ""), (api.mall, "?customer_id=c-2")):
            missing = problem_of(await ask(caller, route, wrong, query), 404, "not_found")
            assert missing["detail"] == "there is no such message"
    named = "?customer_id=customer-1"
    problem_of(await ask(api.other_customer, route, number, named), 404, "not_found")
    problem_of(await ask(api.supplier, route, number, named), 403, "not_allowed")
    assert await unread(api.other_customer) == 0
    assert await unread(api.customer) == 1
    answered(await ask(api.customer, route, number, named))


@pytest.mark.parametrize("route", sorted(NOTIFICATIONS), ids=" ".join)
async def test_each_role_may_what_is_written(api: Api, route: Route) -> None:
    """Whoever has no messages gets 403."""
    statuses = {
        role: (await ask(getattr(api, role), route, "n1", "?customer_id=c-1" if role == "mall" else ""))
        for role in ROLES
    }
    assert [role for role in ROLES if statuses[role].status_code != 403] == NOTIFICATIONS[route].split()


@pytest.mark.rule("P2")
async def test_telling_people_costs_no_round_trip(api: Api, engine: AsyncEngine) -> None:
    """A refund-only lifecycle tells three times, each in the statement of the change's webhook."""
    ann = await works_there(api, "ann")
    with statements(engine) as asked:
        case = await api.opened("O-1")
        answered(await api.supplier.command(case["after_sales_no"], "approve"))
        await settle(api, case["after_sales_no"])
    telling = [statement for statement in asked if "INSERT INTO notifications" in statement]
    assert len(telling) == 3
    assert all("INSERT INTO outgoing_messages" in statement for statement in telling)
    assert kinds(await inbox(api.customer)) == ["refunded", "refund_approved"]
    assert kinds(await inbox(ann)) == ["to_review"]
