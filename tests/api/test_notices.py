"""Messages to people over HTTP: their record without anybody's number, and the vendor's receipts."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.contacts import ROBOT, Channel
from mallcare.domain.notices import Notice
from tests.api.calls import answered, problem_of
from tests.api.conftest import RECEIPT_TOKEN, Api
from tests.api.test_tenancy import NOTICES as WHO_MAY
from tests.api.test_tenancy import ROLES
from tests.notices.desk import PHONE, Desk

pytestmark = [pytest.mark.rule("T3"), pytest.mark.rule("T4")]
NOTICES = "/v1/operations/notices"
DOOR = "/v1/callbacks/aliyun_sms/receipts/"
TOKEN = "dingtalk-access-token"


@pytest.fixture
async def desk(api: Api, engine: AsyncEngine) -> Desk:
    """The process that sends, on the database of the API."""
    desk = Desk(engine)
    await desk.contact()
    return desk


def report(notice: Notice, **changes: Any) -> dict[str, Any]:
    """A receipt as the vendor pushes it."""
    return {
        "phone_number": PHONE,
        "success": True,
        "biz_id": f"V-{notice.notice_id}",
        "out_id": notice.notice_id,
        "send_time": "2026-03-02 12:00:00",
        "report_time": "2026-03-02 12:00:05",
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        **changes,
    }


async def test_every_message_is_on_record_with_its_receipt(api: Api, desk: Desk) -> None:
    """Newest first, what it told, when it was handed over, what its vendor said; the number is masked."""
    notice = await desk.daily()
    await desk.turn(Channel.SMS)
    answered(await api.nobody("POST", DOOR + RECEIPT_TOKEN, [report(notice)]))
    [item] = answered(await api.operations.get(NOTICES))["items"]
    assert item == answered(await api.auditor.get(f"{NOTICES}/{notice.notice_id}"))
    assert (item["status"], item["address"]) == ("delivered", "138****5678")
    assert item["facts"] == {"day": "2026-03-02", "orders": 3, "after_sales": 2}
    assert (item["attempts"], item["next_attempt_at"], item["vendor_message_id"]) == (
        1,
        None,
        f"V-{notice.notice_id}",
    )
    assert [(one["standing"], one["at"]) for one in item["receipts"]] == [
        ("delivered", "2026-03-02T04:00:05Z")
    ]


async def test_nothing_shown_reaches_anybody(api: Api, desk: Desk) -> None:
    """Neither numbers nor members nor robots' keys stand in an answer."""
    await desk.channels(preferred=Channel.DINGTALK, dingtalk_token=TOKEN, dingtalk_secret="SEC-robot")
    await desk.daily()
    await desk.reminder()
    await desk.reminder(Channel.DINGTALK, contact_id=ROBOT)
    for channel in (Channel.SMS, Channel.WECOM, Channel.DINGTALK):
        await desk.turn(channel)
    response = await api.operations.get(NOTICES)
    for secret in (PHONE, "li@wecom", TOKEN, "SEC-robot", "李雷"):
        assert secret not in response.text
    items = answered(response)["items"]
    assert [item["address"] for item in items] == ["ding****", "l****", "138****5678"]


async def test_filters_and_pages(api: Api, desk: Desk) -> None:
    """By status, channel, kind, supplier and contact; page by page without a gap."""
    written = [await desk.daily() for _ in range(3)]
    reminder = await desk.reminder()
    await desk.turn(Channel.WECOM)
    for query, expected in (
        ("status=waiting", 3),
        ("status=sent", 1),
        ("channel=wecom", 1),
        ("kind=daily_sms", 3),
        ("supplier_id=supplier-1", 4),
        ("supplier_id=supplier-2", 0),
        ("contact_id=li&kind=reminder", 1),
    ):
        assert len(answered(await api.operations.get(f"{NOTICES}?{query}"))["items"]) == expected, query
    page = answered(await api.operations.get(f"{NOTICES}?limit=1"))
    seen = [item["notice_id"] for item in page["items"]]
    for _ in range(3):
        page = answered(await api.operations.get(f"{NOTICES}?limit=1&cursor={page['next_cursor']}"))
        seen += [item["notice_id"] for item in page["items"]]
    assert seen == [reminder.notice_id, *(one.notice_id for one in reversed(written))]
    assert page["next_cursor"] is None


async def test_what_there_is_not(api: Api) -> None:
    """An unknown message is 404, a cursor of another list 422."""
    problem_of(await api.operations.get(f"{NOTICES}/NT404"), 404, "not_found")
    problem_of(await api.operations.get(f"{NOTICES}?cursor=m12"), 422, "invalid")


async def test_suppliers_customers_and_others_see_nothing_of_it(api: Api, desk: Desk) -> None:
    """Messages of all suppliers: whoever may read them is named beside the routes, all others get 403."""
    notice = await desk.daily()
    paths = {("GET", NOTICES): NOTICES, ("GET", f"{NOTICES}/{{notice_id}}"): f"{NOTICES}/{notice.notice_id}"}
    for route, path in paths.items():
        for role in ROLES:
            response = await getattr(api, role).get(path)
            assert response.status_code == (200 if role in WHO_MAY[route].split() else 403), (role, path)


async def test_receipts_come_to_a_secret_address(api: Api, desk: Desk) -> None:
    """Another token is nobody's address, and changes nothing; answered in the vendor's own form."""
    notice = await desk.daily()
    await desk.turn(Channel.SMS)
    for token in ("x", RECEIPT_TOKEN + "x", RECEIPT_TOKEN[:-1], "秘密"):
        response = await api.nobody("POST", DOOR + token, [report(notice)])
        assert (response.status_code, response.json()["code"]) == (404, 1)
    [item] = answered(await api.operations.get(NOTICES))["items"]
    assert (item["status"], item["receipts"]) == ("sent", [])
    response = await api.nobody("POST", DOOR + RECEIPT_TOKEN, [report(notice)])
    assert (response.status_code, response.json()) == (200, {"code": 0, "msg": "taken"})


async def test_receipts_twice_and_of_others(api: Api, desk: Desk) -> None:
    """Taken with code 0, so that the vendor stops; nothing changes more than once."""
    notice = await desk.daily()
    await desk.turn(Channel.SMS)
    lost = report(notice, success=False, err_code="MOBILE_NOT_ON_SERVICE")
    foreign = report(notice, out_id="somebody-else", biz_id="900619746936498440")
    for _ in range(2):
        response = await api.nobody("POST", DOOR + RECEIPT_TOKEN, [foreign, lost])
        assert (response.status_code, response.json()["code"]) == (200, 0)
    item = answered(await api.operations.get(f"{NOTICES}/{notice.notice_id}"))
    assert (item["status"], item["error_code"], len(item["receipts"])) == (
        "undeliverable",
        "MOBILE_NOT_ON_SERVICE",
        1,
    )
    assert len(answered(await api.operations.get("/v1/operations/tasks"))["items"]) == 1


@pytest.mark.parametrize("body", ["nonsense", {"success": True}, [{"success": "yes"}], [7]])
async def test_what_is_no_receipt_is_refused(api: Api, body: object) -> None:
    """400, in the vendor's form, and nothing of it is repeated."""
    response = await api.nobody("POST", DOOR + RECEIPT_TOKEN, body)
    assert (response.status_code, response.json()) == (400, {"code": 1, "msg": "not receipts"})
