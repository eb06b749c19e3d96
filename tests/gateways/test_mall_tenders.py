"""Points and vouchers through the mall's port, and webhooks into the simulated mall."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from mallcare.gateways.mall_tenders import HttpMallTenderGateway
from mallcare.gateways.simulators.mall import MallSimulatorConfig, create_app
from mallcare.ports import GatewayError, RefundRequest, RefundStanding
from tests.gateways.conftest import SteppedClock, a_request
from tests.gateways.serving import Served, unused_url

pytestmark = pytest.mark.rule("P3")


def secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


@dataclass
class Mall:
    """A simulated mall and the adapter pointed at it."""

    url: str
    config: MallSimulatorConfig
    client: httpx.AsyncClient

    def adapter(self, **changes: Any) -> HttpMallTenderGateway:
        settings: dict[str, Any] = {
            "base_url": self.url,
            "secret": self.config.tender_secret,
            "clock": SteppedClock(),
            "timeout": 5.0,
            **changes,
        }
        return HttpMallTenderGateway(self.client, **settings)

    async def fault(self, kind: str, **fault: Any) -> None:
        answer = await self.client.post(f"{self.url}/admin/faults", json={"kind": kind, **fault})
        assert answer.status_code == 201, answer.text

    async def ledger(self) -> list[dict[str, Any]]:
        return (await self.client.get(f"{self.url}/admin/ledger")).json()

    async def send_webhook(self, message_id: str, payload: object, **changes: Any) -> int:
        body = json.dumps(payload)
        now = changes.get("at", datetime.now(UTC))
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(changes.get("secret", self.config.webhook_secret)).sign(
                message_id, now, body
            ),
        }
        content = changes.get("body", body)
        answer = await self.client.post(f"{self.url}/webhooks", content=content, headers=headers)
        return answer.status_code


OpenMall = Callable[..., Mall]


@pytest.fixture
def open_mall(client: httpx.AsyncClient) -> Iterator[OpenMall]:
    with ExitStack() as stack:

        def start(**changes: Any) -> Mall:
            config = MallSimulatorConfig(tender_secret=secret(), webhook_secret=secret(), hold_seconds=5.0)
            config = replace(config, **changes)
            served = stack.enter_context(Served(create_app(config)))
            return Mall(served.url, config, client)

        yield start


@pytest.fixture
def mall(open_mall: OpenMall) -> Mall:
    return open_mall()


def points(**changes: Any) -> RefundRequest:
    return a_request(tender="points", transaction_id=None, **changes)


async def test_points_come_back_once(mall: Mall) -> None:
    """Twenty simultaneous submits of one refund number give the points back once."""
    request = points()
    gateway = mall.adapter()
    reports = await asyncio.gather(*(gateway.submit(request) for _ in range(20)))
    assert {report.standing for report in reports} == {RefundStanding.SUCCEEDED}
    (entry,) = await mall.ledger()
    assert (entry["requests"], entry["paid_count"], entry["tender"]) == (20, 1, "points")
    assert await gateway.query(request) == reports[0]


async def test_processing_and_unknown(open_mall: OpenMall) -> None:
    """The mall's processing and its 404 are states, not failures."""
    mall = open_mall(settle="processing", processing_seconds=3600.0)
    gateway, request = mall.adapter(), points()
    assert (await gateway.query(request)).standing is RefundStanding.NOT_FOUND
    assert (await gateway.submit(request)).standing is RefundStanding.PROCESSING
    await mall.client.post(f"{mall.url}/admin/settle", json={"refund_no": request.refund_no})
    assert (await gateway.query(request)).standing is RefundStanding.SUCCEEDED
    assert (await mall.ledger())[0]["paid_count"] == 1


async def test_a_failed_tender_says_why(mall: Mall) -> None:
    """A tender that cannot come back is a failed report with the mall's code."""
    await mall.fault("failed")
    report = await mall.adapter().submit(points())
    assert (report.standing, report.failure_code) == (RefundStanding.FAILED, "tender_expired")
    assert (await mall.ledger())[0]["paid_count"] == 0


async def test_a_lost_answer_is_unknown_and_pays_once(mall: Mall) -> None:
    """After a timeout the query finds the refund; repeating it pays nothing more."""
    request = points()
    await mall.fault("timeout_after_commit", match={"refund_no": request.refund_no})
    with pytest.raises(GatewayError) as caught:
        await mall.adapter(timeout=0.3).submit(request)
    assert (caught.value.code, caught.value.retryable, caught.value.outcome_unknown) == (
        "timeout",
        True,
        True,
    )
    assert (await mall.adapter().query(request)).standing is RefundStanding.SUCCEEDED
    await mall.adapter().submit(request)
    assert [entry["paid_count"] for entry in await mall.ledger()] == [1]


async def test_failures_of_the_mall_are_typed(mall: Mall) -> None:
    """5xx is unclear, a reused number is final, a refused signature waits, nobody there is known."""
    request = points()
    await mall.fault("error_500")
    await expect(mall.adapter(), request, "internal_error", retryable=True, unknown=True)
    await mall.adapter().submit(request)
    other = replace(request, amount_fen=299)
    await expect(mall.adapter(), other, "refund_no_reused", retryable=False, unknown=False)
    await expect(mall.adapter(secret=secret()), points(), "unauthorized", retryable=True, unknown=False)
    await expect(mall.adapter(base_url=unused_url()), points(), "connection", retryable=True, unknown=False)
    with pytest.raises(GatewayError) as caught:
        await mall.adapter().query(other)
    assert (caught.value.code, caught.value.outcome_unknown) == ("amount_mismatch", True)


async def expect(
    gateway: HttpMallTenderGateway, request: RefundRequest, code: str, *, retryable: bool, unknown: bool
) -> None:
    with pytest.raises(GatewayError) as caught:
        await gateway.submit(request)
    error = caught.value
    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, unknown)


async def test_a_stranger_404_is_not_the_malls(mall: Mall) -> None:
    """A 404 without the mall's code comes from something in between: the outcome stays unknown."""
    with pytest.raises(GatewayError) as caught:
        await mall.adapter(base_url=f"{mall.url}/wrong-prefix").query(points())
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_stale_signatures_are_refused(mall: Mall, minutes: int) -> None:
    """The mall takes a signature for five minutes only."""
    clock = SteppedClock(timedelta(minutes=minutes))
    await expect(mall.adapter(clock=clock), points(), "unauthorized", retryable=True, unknown=False)


async def test_a_signature_is_good_for_one_refund(mall: Mall) -> None:
    """A signed question about one refund cannot be used to ask about another."""
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "query-R1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(mall.config.tender_secret).sign("query-R1", now, ""),
    }
    for refund_no, status in (("R1", 404), ("R2", 401)):
        answer = await mall.client.get(f"{mall.url}/tender-refunds/{refund_no}", headers=headers)
        assert answer.status_code == status


async def test_the_books_outlive_the_mall(open_mall: OpenMall, tmp_path: Path) -> None:
    """A mall that starts again on the same books pays no second time and keeps its webhooks."""
    request = points()
    first = open_mall(ledger_path=tmp_path / "mall.sqlite")
    await first.adapter().submit(request)
    await first.send_webhook("m1", {"n": 1})
    second = open_mall(**{name: getattr(first.config, name) for name in ("ledger_path", "tender_secret")})
    await second.adapter().submit(request)
    assert [(entry["requests"], entry["paid_count"]) for entry in await second.ledger()] == [(2, 1)]
    assert len((await second.client.get(f"{second.url}/admin/webhooks")).json()) == 1


async def test_webhooks_are_kept_in_order(mall: Mall) -> None:
    """Verified webhooks are served in order of arrival, duplicates marked."""
    for message_id, payload in (("m2", {"n": 1}), ("m1", {"n": 2}), ("m2", {"n": 1})):
        assert await mall.send_webhook(message_id, payload) == 204
    kept = (await mall.client.get(f"{mall.url}/admin/webhooks")).json()
    assert [(entry["webhook_id"], entry["payload"]["n"], entry["duplicate"]) for entry in kept] == [
        ("m2", 1, False),
        ("m1", 2, False),
        ("m2", 1, True),
    ]


async def test_webhooks_fail_as_often_as_told(mall: Mall) -> None:
    """The fault switch answers 500 a given number of times and keeps nothing of those."""
    await mall.client.post(f"{mall.url}/admin/webhooks/faults", json={"times": 2})
    assert [await mall.send_webhook("m1", {}) for _ in range(3)] == [500, 500, 204]
    assert len((await mall.client.get(f"{mall.url}/admin/webhooks")).json()) == 1


async def test_forged_webhooks_are_refused(mall: Mall) -> None:
    """Another secret, another body or an old timestamp is refused and not kept."""
    assert await mall.send_webhook("m1", {}, secret=secret()) == 401
    assert await mall.send_webhook("m1", {}, body="{ }") == 401
    assert await mall.send_webhook("m1", {}, at=datetime.now(UTC) - timedelta(minutes=6)) == 401
    assert (await mall.client.get(f"{mall.url}/admin/webhooks")).json() == []


def test_configuration_survives_the_environment(tmp_path: Path) -> None:
    """A configuration written to variables is read back equal; a missing secret is named."""
    config = MallSimulatorConfig(secret(), secret(), tmp_path / "mall.sqlite", settle="processing")
    assert MallSimulatorConfig.from_environment(config.to_environment()) == config
    with pytest.raises(ValueError, match="MALLCARE_SIM_MALL_TENDER_SECRET"):
        MallSimulatorConfig.from_environment({})
