"""One shop for the tests of a process: its own Temporal, database and vendors; requests never meet."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import psycopg
import pytest
from temporalio.client import Client

from api.app import create_app
from api.deps import ApiDependencies, ApiPlatform
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.mall_tenders import HttpMallTenderGateway
from mallcare.gateways.simulators.mall import MallSimulatorConfig
from mallcare.gateways.simulators.mall import create_app as create_mall
from mallcare.gateways.simulators.wechat_pay import create_app as create_wechat
from mallcare.gateways.simulators.wechat_pay import generate_credentials
from mallcare.gateways.temporal_client import add_search_attributes
from mallcare.gateways.wechat_pay import HttpWechatPayGateway, WechatRefundCallbacks
from mallcare.persistence.engine import create_engine
from mallcare.ports import PaymentGateway
from tests.api.calls import Calls, token
from tests.api.conftest import VERIFIER
from tests.database import TEMPLATE
from tests.failures.door import Door
from tests.failures.shop import ADDRESS, Callers, Shop, Vendors
from tests.gateways.conftest import SteppedClock, Wechat
from tests.gateways.serving import Served
from tests.gateways.test_mall_tenders import Mall
from tests.world import OPERATIONS, DirectHints, SetClock, World

PATIENCE_SECONDS = 5.0
"""How long the platform waits for a vendor's answer here."""


@pytest.fixture(scope="session")
def shop_temporal(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedTemporal]:
    folder: Path = tmp_path_factory.mktemp("temporal")
    with EmbeddedTemporal(folder, time_skipping=True, ui=False).running() as server:
        yield server


@pytest.fixture(scope="session")
def shop_database(postgres: EmbeddedPostgres, administrator: psycopg.Connection, database_url: str) -> str:
    """A migrated database that no other folder's tests empty."""
    administrator.execute(f"CREATE DATABASE shop TEMPLATE {TEMPLATE}")
    return postgres.url_of("shop")


@pytest.fixture(scope="session")
async def open_shop(shop_temporal: EmbeddedTemporal, shop_database: str) -> AsyncGenerator[Shop]:
    """The shop with its workers, its vendors and its API."""
    keys, door = generate_credentials(), Door(asyncio.get_running_loop())
    config = MallSimulatorConfig(tender_secret=_secret(), webhook_secret=_secret(), hold_seconds=5.0)
    client = await Client.connect(
        shop_temporal.address, namespace=shop_temporal.namespace, data_converter=DATA_CONVERTER
    )
    await add_search_attributes(client)
    database = create_engine(shop_database, pool_size=24)
    vendor_config = replace(
        keys.simulator_config(), min_interval_seconds=0.0, hold_seconds=5.0, processing_seconds=900.0
    )
    with (
        Served(create_wechat(vendor_config)) as vendor,
        Served(create_mall(config)) as mall,
        Served(door.app()) as entrance,
    ):
        async with httpx.AsyncClient(trust_env=False, timeout=10) as http:
            cash = HttpWechatPayGateway(
                http,
                keys.merchant,
                base_url=vendor.url,
                notify_url=f"{entrance.url}/refunds",
                clock=SteppedClock(),
                timeout=PATIENCE_SECONDS,
            )
            points = HttpMallTenderGateway(
                http,
                base_url=mall.url,
                secret=config.tender_secret,
                clock=SteppedClock(),
                timeout=PATIENCE_SECONDS,
            )
            gateways: dict[str, PaymentGateway] = {"wechat_pay": cash, "mall": points}
            world = World(database, client, vendor=Vendors(gateways))
            await world.use_cases.return_addresses.set("supplier-1", ADDRESS, OPERATIONS)
            wechat = Wechat(vendor.url, cash, http, keys, SteppedClock())
            callbacks = WechatRefundCallbacks(keys.merchant, SteppedClock())
            async with world.working(), _api(world, callbacks) as api:
                door.api = api
                yield Shop(world, wechat, Mall(mall.url, config, http), _callers(api), door, gateways)
    await database.dispose()


@pytest.fixture
async def shop(open_shop: Shop) -> AsyncGenerator[Shop]:
    """The shop with its clock set right, its hints told, and its vendors without faults."""
    open_shop.world.clock.offset = SetClock().offset
    open_shop.world.hints.lose = DirectHints.lose
    open_shop.world.hints.offered.clear()
    open_shop.door.open()
    yield open_shop
    await open_shop.world.hints.told()
    for url in (open_shop.wechat.url, open_shop.points.url):
        await open_shop.wechat.client.delete(f"{url}/admin/faults")


@asynccontextmanager
async def _api(world: World, callbacks: WechatRefundCallbacks) -> AsyncGenerator[httpx.AsyncClient]:
    async def ready() -> dict[str, bool]:
        return {"database": True, "temporal": True}

    platform = ApiDependencies(world.use_cases, world.queries, {"wechat_pay": callbacks}, world.clock, ready)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        yield platform

    app = create_app(opened, VERIFIER)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api")
    async with app.router.lifespan_context(app), client:
        yield client


def _callers(api: httpx.AsyncClient) -> Callers:
    return Callers(
        mall=Calls(api, token("mall")),
        supplier=Calls(api, token("supplier", supplier_id="supplier-1")),
        customer=Calls(api, token("customer", customer_id="customer-1")),
        finance=Calls(api, token("finance")),
        second_finance=Calls(api, token("finance", sub="finance-2")),
    )


def _secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
