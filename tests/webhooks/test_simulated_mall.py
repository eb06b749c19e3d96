"""Against the simulated mall, which judges the format and the signature as a mall would."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from mallcare.gateways.simulators.mall import MallSimulatorConfig, create_app
from mallcare.gateways.system import SystemClock
from mallcare.gateways.webhooks import HttpWebhookSender
from tests.gateways.serving import Served
from tests.webhooks.conftest import PATIENT, Mall, eventually, message
from tests.webhooks.receiver import SECRET


@pytest.fixture
def simulator() -> Iterator[str]:
    config = MallSimulatorConfig(tender_secret=SECRET, webhook_secret=SECRET, hold_seconds=5)
    with Served(create_app(config)) as served:
        yield served.url


async def test_the_mall_gets_every_event_in_order_whatever_it_does(
    mall: Mall, http: httpx.AsyncClient, simulator: str
) -> None:
    """500s, and an answer that is lost after the mall kept the message, cost time and one duplicate."""
    for fault in ({"kind": "error_500", "times": 2}, {"kind": "slow", "delay_seconds": 0.6}):
        body = {**fault, "match": {"operation": "webhook"}}
        assert (await http.post(f"{simulator}/admin/faults", json=body)).status_code == 201
    sender = HttpWebhookSender(
        http, url=f"{simulator}/webhooks", secret=SECRET, clock=SystemClock(), timeout=0.4
    )
    written = await mall.write(*(message("AS1", version) for version in (1, 2, 3)))
    async with mall.pumping(PATIENT, sender=sender) as settled:
        for failures in (1, 2, 3):
            await eventually(lambda failures=failures: len(settled) >= failures)
            mall.clock.offset += settled[-1].next_attempt_at - settled[-1].at
        await eventually(lambda: len(settled) == 6)
    kept = (await http.get(f"{simulator}/admin/webhooks")).json()
    first = [item for item in kept if not item["duplicate"]]
    assert [item["webhook_id"] for item in first] == [one.message_id for one in written]
    assert [one.error for one in settled] == ["http_500", "http_500", "timeout", None, None, None]
    assert first[0]["payload"] == {
        "type": "after_sales.approved",
        "timestamp": written[0].occurred_at.isoformat(),
        "data": dict(written[0].data),
    }


async def test_a_wrong_secret_is_told_by_401_and_tried_again(
    mall: Mall, http: httpx.AsyncClient, simulator: str
) -> None:
    """While secrets are being changed nothing is lost."""
    other = "whsec_YW5vdGhlciBzZWNyZXQgb2Ygbm9ib2R5"
    sender = HttpWebhookSender(http, url=f"{simulator}/webhooks", secret=other, clock=SystemClock())
    await mall.write(message("AS1"))
    async with mall.pumping(sender=sender) as settled:
        await eventually(lambda: bool(settled))
    assert settled[0].error == "http_401"


async def test_each_attempt_is_signed_anew_over_the_same_body(mall: Mall) -> None:
    """A receiver that was away for days must not see a stale timestamp."""
    (written,) = await mall.write(message("AS1"))
    await mall.sender.send(written)
    stored = (await mall.stored())[0].message
    await mall.sender.send(stored)
    first, second = mall.receiver.arrivals
    assert sorted(json.loads(first.body)["data"]) == sorted(json.loads(second.body)["data"])
    assert json.loads(first.body) == json.loads(second.body)
    for arrival in (first, second):
        assert arrival.headers["content-type"] == "application/json; charset=utf-8"
        assert Webhook(SECRET).verify(arrival.body, arrival.headers) == json.loads(arrival.body)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(arrival.body + b" ", arrival.headers)
