"""The platform under measurement: the real stack in a folder of its own, its orders, its processes' CPU."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import psutil

from benchmarks.floor import Floor, running_floor
from mallcare.application.caller import Caller
from mallcare.application.orders import IncomingOrder
from mallcare.bootstrap import Platform, open_platform
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.orders import Order, OrderLine, Tender
from mallcare.domain.vocabulary import Channel, Role, TenderKind
from mallcare.embedded.data_folder import free_port
from mallcare.embedded.stack import EmbeddedStack
from mallcare.gateways.simulators.wechat_pay.keys import generate_credentials
from mallcare.ports import PersonalData
from mallcare.settings import Settings

SUPPLIER, CUSTOMER = "bench-supplier", "bench-customer"
MALL = Caller(Role.MALL, "bench")
SERVICES = ("api", "worker", "postgres", "temporal", "payment-simulator", "mall-simulator")
BATCH = 200
LIKE_THE_VENDOR = {"MALLCARE_SIM_WECHAT_PAY_CALLBACK_DELAY_SECONDS": "2"}
"""A refund's callback comes after its answer, not in the same instant."""
DISTORTING = ("PYTHONDONTWRITEBYTECODE", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "PYTHONPROFILEIMPORTTIME")

PRETENDED_NOW: ContextVar[datetime | None] = ContextVar("pretended_now", default=None)
"""What the bench's own use cases take for now: a case opened "48 hours ago" falls due when we wish."""


class BenchClock:
    """The machine's clock, unless the running task pretends another time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return PRETENDED_NOW.get() or datetime.now(UTC)


@dataclass(frozen=True)
class Arena:
    """Everything a measurement is given: the stack, a platform in this process, and the floor."""

    stack: EmbeddedStack
    platform: Platform
    floor: Floor

    @property
    def api_url(self) -> str:
        """Where the API under measurement listens."""
        return self.stack.api_url

    def token(self, role: Role, subject: str) -> str:
        """A bearer token for an hour."""
        settings = self.stack.settings
        assert settings.jwt_key is not None
        claims = Claims(
            role,
            subject,
            supplier_id=SUPPLIER if role is Role.SUPPLIER else None,
            customer_id=CUSTOMER if role is Role.CUSTOMER else None,
        )
        return mint(settings, settings.jwt_key.get_secret_value(), claims, timedelta(hours=1))

    async def orders(
        self, count: int, *, points: int = 0, age: timedelta = timedelta(hours=2), supplier: str = SUPPLIER
    ) -> list[str]:
        """Numbers of so many orders, known to the platform: one line of two units, cash and points."""
        made = [new_order(points, age, supplier) for _ in range(count)]
        for begin in range(0, count, BATCH):
            page = [
                IncomingOrder(order, PersonalData(), f"hash-{order.order_no}")
                for order in made[begin : begin + BATCH]
            ]
            results = await self.platform.use_cases.take_in_orders(page, MALL)
            refused = [result.refusal for result in results if result.refusal is not None]
            if refused:
                raise RuntimeError(f"orders were refused: {refused[0]}")
        return [order.order_no for order in made]

    def cpu_seconds(self) -> dict[str, float]:
        """CPU used so far by each process of the stack, its children included, by the floor and by us."""
        used = {name: _cpu(self.stack.pid(name)) for name in SERVICES}
        return used | {"floor worker": _cpu(self.floor.pid), "load generator": _cpu(os.getpid(), alone=True)}


def new_order(points: int, age: timedelta, supplier: str) -> Order:
    """A paid order of `age`."""
    number = uuid4().hex[:20]
    tenders = [Tender(TenderKind.CASH, 9_980 - points, "wechat_pay", f"T{number}", 9_980 - points)]
    if points:
        tenders.append(Tender(TenderKind.POINTS, points, "mall"))
    placed = datetime.now(UTC) - age
    return Order(
        order_no=f"B{number}",
        version=1,
        supplier_id=supplier,
        channel=Channel.CONSUMER,
        customer_id=CUSTOMER,
        placed_at=placed,
        paid_at=placed,
        tenders=tuple(tenders),
        freight_fen=0,
        discounts=(),
        lines=(OrderLine("1", "sku", "cup", 2, 4_990),),
    )


def _cpu(pid: int, *, alone: bool = False) -> float:
    process = psutil.Process(pid)
    family = [process] if alone else [process, *process.children(recursive=True)]
    total = 0.0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system
    return total


@asynccontextmanager
async def running_arena() -> AsyncGenerator[Arena]:
    """A fresh stack without anything of the caller's environment; its folder is deleted at the end."""
    # Without bytecode files every workflow instance compiles its module anew.
    unwanted = [name for name in os.environ if name.startswith("MALLCARE_") or name in DISTORTING]
    for name in unwanted:
        del os.environ[name]
    with TemporaryDirectory(prefix="mallcare-bench-", ignore_cleanup_errors=True) as folder:
        # A port of its own: another stack may be about to take the usual one.
        settings = Settings(data_dir=Path(folder), api_port=free_port())  # pyright: ignore[reportCallIssue]
        stack = EmbeddedStack(
            settings,
            wechat_pay_keys=lambda: generate_credentials().environment(),
            simulator_env=LIKE_THE_VENDOR,
        )
        async with stack.running(), open_platform(stack.settings, BenchClock()) as platform:
            address = stack.settings.temporal_address
            assert address is not None
            async with running_floor(address, stack.settings.temporal_namespace) as floor:
                yield Arena(stack, platform, floor)
