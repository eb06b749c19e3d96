"""Orders over HTTP: versions, batches, events in any order, personal data."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.calls import answered, ask_body, event_body, order_body, problem_of
from tests.api.conftest import LATER, PLACED_AT, Api


async def test_a_snapshot_is_answered_as_it_is_stored(api: Api) -> None:
    """PUT answers what GET will answer: the snapshot and what follows from it."""
    sent = answered(await api.mall.put_order())
    shown = answered(await api.mall.get("/v1/orders/O-1"))
    assert sent == shown
    assert shown["payment"]["tenders"][1] == {
        "tender": "points",
        "provider": "mall",
        "transaction_id": None,
        "transaction_total_fen": None,
        "amount_fen": 500,
    }
    assert shown["cooling_off_until"] == "2026-03-01T08:30:00Z"
    assert shown["released_at"] == "2026-03-01T08:30:00Z"
    assert shown["after_sales_until"] is None
    assert [line["refundable_quantity"] for line in shown["lines"]] == [2]
    assert shown["customer"]["phone"] == "13800001234"
    assert shown["ship_to"]["address"] == "科技园路 1 号"


async def test_an_order_is_held_back_until_its_cooling_off_ends(api: Api) -> None:
    """`released_at` stays null during the cooling-off, and while nothing is paid."""
    api.clock.at = PLACED_AT + timedelta(minutes=29)
    assert answered(await api.mall.put_order())["released_at"] is None
    unpaid = await api.mall.put_order("O-2", paid_at=None, payment={"tenders": []})
    assert answered(unpaid)["released_at"] is None


async def test_a_supplier_neither_reads_nor_quotes_what_is_held_back(api: Api) -> None:
    """Before the release there is no such order for it; from then on there is."""
    api.clock.at = PLACED_AT + timedelta(minutes=29)
    answered(await api.mall.put_order())
    problem_of(await api.supplier.get("/v1/orders/O-1"), 404, "not_found")
    problem_of(await api.supplier("POST", "/v1/after-sales/quotes", ask_body()), 404, "not_found")
    answered(await api.customer("POST", "/v1/after-sales/quotes", ask_body()))
    api.clock.at = PLACED_AT + timedelta(minutes=30)
    answered(await api.supplier.get("/v1/orders/O-1"))
    answered(await api.supplier("POST", "/v1/after-sales/quotes", ask_body()))


async def test_only_a_higher_version_replaces(api: Api) -> None:
    """Lower: ignored, the stored one answered. Equal: unchanged, or 409 with another body."""
    answered(await api.mall.put_order(version=3, channel="group"))
    older = answered(await api.mall.put_order(version=2))
    assert (older["version"], older["channel"]) == (3, "group")
    assert answered(await api.mall.put_order(version=3, channel="group"))["version"] == 3
    same = await api.mall.put_order(version=3, channel="business")
    assert problem_of(same, 409, "version_conflict")["current_version"] == 3
    assert answered(await api.mall.put_order(version=4, channel="business"))["channel"] == "business"


async def test_equal_bodies_may_be_written_differently(api: Api) -> None:
    """Another offset of the same instant, a default spelled out: the same body."""
    answered(await api.mall.put_order())
    body = order_body(placed_at="2026-03-01T08:00:00.000Z", unknown_member={"a": [1]})
    del body["lines"][0]["returnable"]
    assert answered(await api.mall("PUT", "/v1/orders/O-1", body))["version"] == 1


async def test_amounts_under_live_units_are_frozen(api: Api) -> None:
    """A version that changes amounts after a request is `order_frozen`; other changes pass."""
    await api.opened()
    dearer = order_body(version=2, freight_fen=1345)
    dearer["payment"]["tenders"][1]["amount_fen"] = 501
    problem_of(await api.mall("PUT", "/v1/orders/O-1", dearer), 409, "order_frozen")
    answered(await api.mall.put_order(version=2, ship_to=None))


async def test_amounts_must_add_up(api: Api) -> None:
    """Tenders = lines + freight - discounts, with both sums in the problem."""
    refusal = await api.mall.put_order(freight_fen=1)
    facts = problem_of(refusal, 422, "money_does_not_add_up")
    assert (facts["tenders_fen"], facts["expected_fen"]) == (7334, 5991)


async def test_path_and_body_name_the_same_order(api: Api) -> None:
    """A body under another order's address is refused."""
    problem_of(await api.mall("PUT", "/v1/orders/O-2", order_body("O-1")), 422, "invalid")


async def test_a_batch_answers_for_each_snapshot(api: Api) -> None:
    """Refused ones leave the others alone; an order sent twice is taken in one after the other."""
    answered(await api.mall.put_order("O-3", version=5))
    orders = [
        order_body("O-1"),
        order_body("O-2", freight_fen=1),
        order_body("O-3", version=4),
        order_body("O-1", version=2),
        order_body("O-1", version=2),
    ]
    results = answered(await api.mall("POST", "/v1/orders:batch", {"orders": orders}))["results"]
    assert [(r["order_no"], r["status"], r["version"]) for r in results] == [
        ("O-1", "applied", 1),
        ("O-2", "refused", None),
        ("O-3", "ignored", 5),
        ("O-1", "applied", 2),
        ("O-1", "unchanged", 2),
    ]
    assert results[1]["problem"]["code"] == "money_does_not_add_up"
    assert results[0]["problem"] is None


async def test_a_batch_that_cannot_be_read_stores_nothing(api: Api) -> None:
    """One float among the amounts: 422 with its place, and no order is there."""
    orders = [order_body("O-1"), order_body("O-2", freight_fen=1344.0)]
    refusal = problem_of(await api.mall("POST", "/v1/orders:batch", {"orders": orders}), 422, "invalid")
    assert [e["pointer"] for e in refusal["errors"]] == ["/orders/1/freight_fen"]
    problem_of(await api.mall.get("/v1/orders/O-1"), 404, "not_found")


@pytest.mark.parametrize("size", [0, 1_001])
async def test_a_batch_has_its_limits(api: Api, size: int) -> None:
    """One to a thousand snapshots."""
    problem_of(await api.mall("POST", "/v1/orders:batch", {"orders": [order_body()] * size}), 422, "invalid")


async def test_an_event_may_come_before_its_order(api: Api) -> None:
    """It is kept, and counts once the order is there."""
    early = await api.mall("POST", "/v1/orders/O-1/events", event_body())
    assert answered(early) == {"order_no": "O-1", "event_id": "E-1", "status": "kept"}
    again = await api.mall("POST", "/v1/orders/O-1/events", event_body())
    assert answered(again)["status"] == "unchanged"
    shown = answered(await api.mall.put_order())
    assert shown["after_sales_until"] == "2026-03-09T02:00:00Z"
    late = await api.mall("POST", "/v1/orders/O-1/events", event_body("E-2", "closed"))
    assert answered(late)["status"] == "applied"
    problem_of(await api.mall.ask(ask_body()), 409, "order_closed")


async def test_the_mall_s_own_refund_uses_units_up(api: Api) -> None:
    """`detail.lines` names quantities; the units cannot be asked for any more (A4)."""
    answered(await api.mall.put_order())
    detail = {"lines": [{"line_id": "1", "quantity": 1}], "note": {"by": ["a", 1, None]}}
    event = event_body("E-9", "refunded", detail=detail)
    answered(await api.mall("POST", "/v1/orders/O-1/events", event))
    shown = answered(await api.mall.get("/v1/orders/O-1"))
    assert shown["lines"][0]["refundable_quantity"] == 1
    facts = problem_of(await api.mall.ask(ask_body(quantity=2)), 409, "units_unavailable")
    assert facts["available"] == 1


async def test_an_event_of_an_unknown_line_is_refused(api: Api) -> None:
    """Once the order is known, its lines are too."""
    answered(await api.mall.put_order())
    event = event_body(line_ids=["1", "9"])
    assert problem_of(await api.mall("POST", "/v1/orders/O-1/events", event), 422, "invalid")["line_ids"] == [
        "9"
    ]


async def test_after_the_window_nothing_can_be_asked(api: Api) -> None:
    """Seven days after the last delivery, half-open."""
    answered(await api.mall.put_order())
    answered(await api.mall("POST", "/v1/orders/O-1/events", event_body()))
    end = PLACED_AT.replace(month=3, day=9, hour=2)
    api.clock.at = end
    problem_of(await api.mall.ask(ask_body()), 409, "window_closed")
    api.clock.at = end - timedelta(microseconds=1)
    answered(await api.mall.ask(ask_body()), 201)


@pytest.mark.parametrize("role", ["supplier", "customer", "finance", "auditor"])
async def test_personal_data_is_masked(api: Api, role: str) -> None:
    """Only the mall and operations read names, numbers and addresses in full."""
    answered(await api.mall.put_order())
    shown = answered(await getattr(api, role).get("/v1/orders/O-1"))
    assert shown["customer"] == {
        "customer_id": "customer-1",
        "name": "王**",
        "phone": "138****1234",
        "openid": None,
    }
    assert shown["ship_to"]["address"] == "***"
    assert shown["ship_to"]["district"] == "南山区"
    full = answered(await api.operations.get("/v1/orders/O-1"))
    assert full["ship_to"]["name"] == "李小红"
    assert full["customer"]["openid"] == "oAbC-1234567"


@pytest.mark.parametrize("member", ["placed_at", "paid_at"])
async def test_an_order_of_the_future_is_refused(api: Api, member: str) -> None:
    """Its cooling-off, its release and its window would follow from an instant that has not come."""
    ahead = (LATER + timedelta(days=2)).isoformat()
    assert member in problem_of(await api.mall.put_order(**{member: ahead}), 422, "invalid")


async def test_an_event_of_the_future_is_refused(api: Api) -> None:
    """No window ends ten years from now because somebody's clock is wrong; hours ahead are taken."""
    answered(await api.mall.put_order())
    for event_id, ahead, status in (("E-9", timedelta(days=3_650), 422), ("E-1", timedelta(hours=20), 200)):
        event = event_body(event_id, occurred_at=(LATER + ahead).isoformat())
        assert (await api.mall("POST", "/v1/orders/O-1/events", event)).status_code == status
