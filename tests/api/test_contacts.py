"""Contacts and channels of suppliers, over HTTP: who reads what, who sets what, what is never answered."""

from __future__ import annotations

import httpx
import pytest

from api.schemas.contacts import EXAMPLE_CONTACT
from mallcare.application.caller import Caller
from mallcare.application.contacts import MOST_CONTACTS
from mallcare.domain.contacts import Contact, ContactRole
from mallcare.domain.vocabulary import Role
from tests.api.calls import Calls, Json, answered, problem_of
from tests.api.conftest import Api
from tests.api.test_tenancy import CONTACTS, ROLES, SUPPLIER, Route

LIST = f"/v1/suppliers/{SUPPLIER}/contacts"
CHANNELS = f"/v1/suppliers/{SUPPLIER}/channels"
ZHOU = f"{LIST}/zhou"
ROBOT: Json = {"preferred": "wecom_robot", "wecom_robot_key": "693axxx6-7aoc-4bc4"}
BODIES: dict[str, Json] = {"contacts/{contact_id}": EXAMPLE_CONTACT, "channels": ROBOT}


async def ask(caller: Calls, route: Route, supplier_id: str) -> httpx.Response:
    """A call about a supplier and its contact zhou."""
    method, template = route
    body = BODIES[template.split("/", 4)[4]] if method == "PUT" else None
    return await caller(method, template.format(supplier_id=supplier_id, contact_id="zhou"), body)


async def set_zhou(api: Api, **changes: object) -> Json:
    """The contact as it is answered."""
    return answered(await api.supplier("PUT", ZHOU, {**EXAMPLE_CONTACT, **changes}))


async def test_a_contact_is_answered_as_it_was_set(api: Api) -> None:
    """With who set it and when; what is left out the next time is forgotten."""
    kept = await set_zhou(api)
    assert kept == {
        **EXAMPLE_CONTACT,
        "supplier_id": SUPPLIER,
        "contact_id": "zhou",
        "set_by": "supplier:supplier-subject",
        "set_at": "2026-03-01T10:00:00Z",
    }
    assert answered(await api.supplier.get(ZHOU)) == kept
    bare = answered(await api.operations("PUT", ZHOU, {"role": "principal", "name": "周"}))
    assert (bare["phone"], bare["wecom_user_id"], bare["duty"]) == (None, None, None)
    assert bare["set_by"] == "operations:operations-subject"
    assert answered(await api.mall.get(LIST)) == {"items": [bare]}


async def test_the_auditor_sees_whom_but_not_how(api: Api) -> None:
    """Names, numbers and member ids are masked for the auditor alone."""
    await set_zhou(api)
    for reader in (api.supplier, api.mall, api.operations):
        assert answered(await reader.get(ZHOU))["phone"] == "13800001234"
    seen = answered(await api.auditor.get(LIST))["items"][0]
    assert (seen["name"], seen["phone"], seen["wecom_user_id"]) == ("周**", "138****1234", "***")
    answered(await api.supplier("PUT", ZHOU, {"role": "staff", "name": "周"}))
    unreachable = answered(await api.auditor.get(ZHOU))
    assert (unreachable["phone"], unreachable["wecom_user_id"]) == (None, None)


async def test_a_removed_contact_is_gone(api: Api) -> None:
    """Once; the second removal finds nothing."""
    await set_zhou(api)
    assert (await api.operations("DELETE", ZHOU)).status_code == 204
    problem_of(await api.supplier("DELETE", ZHOU), 404, "not_found")
    problem_of(await api.supplier.get(ZHOU), 404, "not_found")


@pytest.mark.parametrize("phone", ["13800001234", "+86 138 0000 1234", "138-0000-1234"])
async def test_one_phone_is_one_number_however_it_is_written(api: Api, phone: str) -> None:
    """Blanks, hyphens and the country's prefix do not count: nobody is told twice for them."""
    assert (await set_zhou(api, phone=phone))["phone"] == "13800001234"


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": "12345678901"},
        {"phone": "1380000123"},
        {"phone": "075512345678"},
        {"phone": "+8675512345678"},
        {"phone": "+0123456789"},
        {"phone": "+85291234567"},
        {"phone": "+1 381 234 56789"},
        {"phone": "１３８００００１２３４"},
        {"phone": 13800001234},
        {"role": "boss"},
        {"name": ""},
        {"wecom_user_id": "周敏"},
        {"duty": [["09:00-18:00"]]},
        {"duty": [["18:00-09:00"]] + [[]] * 6},
        {"duty": [["09:00-12:00", "11:00-13:00"]] + [[]] * 6},
        {"duty": [["23:00-24:30"]] + [[]] * 6},
        {"fax": "1"},
    ],
    ids=repr,
)
async def test_strange_contacts_are_refused(api: Api, changes: Json) -> None:
    """And nothing of them is kept."""
    problem_of(await api.supplier("PUT", ZHOU, {**EXAMPLE_CONTACT, **changes}), 422, "invalid")
    assert answered(await api.supplier.get(LIST)) == {"items": []}


async def test_a_refusal_does_not_repeat_the_number(api: Api) -> None:
    """Personal data never appears in errors."""
    refused = await api.supplier("PUT", ZHOU, {**EXAMPLE_CONTACT, "phone": "99912345678"})
    assert "99912345678" not in refused.text


async def test_nobody_is_called_robot(api: Api) -> None:
    """The id stands for a group in the record of messages: what is for one person would go to all."""
    problem_of(await api.supplier("PUT", f"{LIST}/robot", EXAMPLE_CONTACT), 422, "invalid")
    assert answered(await api.supplier.get(LIST)) == {"items": []}


async def test_a_supplier_has_so_many_contacts_and_no_more(api: Api) -> None:
    """Known ones can still be changed."""
    contacts, caller = api.platform.use_cases.contacts, Caller(Role.OPERATIONS, "operations-1")
    for number in range(MOST_CONTACTS):
        await contacts.set(Contact(SUPPLIER, f"c{number}", ContactRole.STAFF, "x"), caller)
    problem_of(await api.supplier("PUT", ZHOU, EXAMPLE_CONTACT), 422, "invalid")
    answered(await api.supplier("PUT", f"{LIST}/c7", EXAMPLE_CONTACT))


async def test_channels_are_sms_until_told_otherwise(api: Api) -> None:
    """Secrets are never answered, only that they are known; those left out stay, forgotten ones are gone."""
    unset = {"set": False}
    first = answered(await api.supplier.get(CHANNELS))
    assert (first["preferred"], first["set_by"], first["wecom_robot_key"]) == ("sms", None, unset)
    kept = await api.supplier("PUT", CHANNELS, ROBOT)
    assert ROBOT["wecom_robot_key"] not in kept.text
    assert answered(kept)["wecom_robot_key"] == {"set": True}
    ding: Json = {"preferred": "dingtalk", "dingtalk_token": "t" * 32, "dingtalk_secret": "SEC" + "s" * 32}
    both = answered(await api.operations("PUT", CHANNELS, ding))
    assert (both["preferred"], both["set_by"]) == ("dingtalk", "operations:operations-subject")
    assert all(
        both[name] == {"set": True} for name in ("wecom_robot_key", "dingtalk_token", "dingtalk_secret")
    )
    forgot: Json = {"preferred": "sms", "forget": ["dingtalk", "wecom_robot"]}
    none = answered(await api.supplier("PUT", CHANNELS, forgot))
    assert all(none[name] == unset for name in ("wecom_robot_key", "dingtalk_token", "dingtalk_secret"))
    assert answered(await api.auditor.get(CHANNELS)) == none


@pytest.mark.parametrize(
    "body",
    [
        {"preferred": "wecom_robot"},
        {"preferred": "dingtalk", "dingtalk_secret": "s" * 16},
        {"preferred": "in_app"},
        {"preferred": "fax"},
        {"preferred": "sms", "wecom_robot_key": "a b c d e f"},
        {"preferred": "sms", "forget": ["sms"]},
    ],
    ids=repr,
)
async def test_channels_that_cannot_be_used_are_refused(api: Api, body: Json) -> None:
    """A robot without its key, a channel nobody chooses, a key that is none."""
    problem_of(await api.supplier("PUT", CHANNELS, body), 422, "invalid")
    assert answered(await api.supplier.get(CHANNELS))["set_by"] is None


@pytest.mark.parametrize("route", sorted(CONTACTS), ids=" ".join)
async def test_each_role_may_what_is_written(api: Api, route: Route) -> None:
    """Everybody else gets 403; another supplier the same 404 as for one that does not exist."""
    refused: list[str] = []
    for role in ROLES:
        await set_zhou(api)
        answer = await ask(getattr(api, role), route, SUPPLIER)
        assert answer.status_code in (200, 204, 403), answer.text
        if answer.status_code == 403:
            refused.append(role)
    assert [role for role in ROLES if role not in refused] == CONTACTS[route].split()
    theirs = await ask(api.other_supplier, route, SUPPLIER)
    missing = await ask(api.other_supplier, route, "supplier-404")
    problem_of(theirs, 404, "not_found")
    assert theirs.text.replace(SUPPLIER, "NO") == missing.text.replace("supplier-404", "NO")
