"""The whole platform on one machine: engines, simulated vendors, worker and API, wired to each other."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from mallcare.embedded.data_folder import (
    DEFAULT_PORTS,
    HOST,
    choose_ports,
    keep_secrets,
    standard_webhooks_secret,
)
from mallcare.embedded.errors import StopRequested
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.embedded.readiness import listens, says_ok
from mallcare.embedded.supervisor import Service, ServiceEvent, Supervisor
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.settings import Settings

ENGINES: Final = 0
VENDORS: Final = 1
PRODUCT: Final = 2
MESSENGERS: Final[Mapping[str, str]] = {
    "MALLCARE_WECOM_URL": "wecom-simulator",
    "MALLCARE_DINGTALK_URL": "dingtalk-simulator",
    "MALLCARE_ALIYUN_SMS_URL": "sms-simulator",
}
"""Settings of messaging vendors, and the services that stand for them."""


def _module(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Command lines of everything that is not an engine; simulators get `--port` added."""

    payment_simulator: Sequence[str] = _module("mallcare.gateways.simulators.wechat_pay")
    mall_simulator: Sequence[str] = _module("mallcare.gateways.simulators.mall")
    wecom_simulator: Sequence[str] = _module("mallcare.gateways.simulators.wecom")
    dingtalk_simulator: Sequence[str] = _module("mallcare.gateways.simulators.dingtalk")
    sms_simulator: Sequence[str] = _module("mallcare.gateways.simulators.aliyun_sms")
    bootstrap: Sequence[str] = _module("mallcare.cli", "bootstrap")
    worker: Sequence[str] = _module("mallcare.cli", "worker")
    api: Sequence[str] = _module("mallcare.cli", "api")


class EmbeddedStack:
    """Everything a deployment consists of, in one folder.

    Whatever the settings name as external (a database, a Temporal, a vendor's address) is used and not
    started. Services: `postgres`, `temporal`, `payment-simulator`, `mall-simulator`, with accounts at
    messaging vendors `wecom-simulator`, `dingtalk-simulator` and `sms-simulator` too, `worker`, `api`, and
    the step `bootstrap` between engines and product.

    Args:
        wechat_pay_keys: makes both sides' keys on the first start, as environment variables
            (`MALLCARE_WECHAT_PAY_*` for us, `MALLCARE_SIM_WECHAT_PAY_*` for the simulator).
        message_accounts: makes accounts at messaging vendors in the same way; None: nobody is sent
            messages, and none of those vendors is started.
        time_skipping: Temporal may skip a case's time: for the demo.
        simulator_env: more `MALLCARE_SIM_*` variables, stronger than kept ones.
        on_event: told of services that came up, died and were restarted.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        wechat_pay_keys: Callable[[], Mapping[str, str]],
        message_accounts: Callable[[], Mapping[str, str]] | None = None,
        time_skipping: bool = False,
        simulator_env: Mapping[str, str] | None = None,
        on_event: Callable[[ServiceEvent], None] | None = None,
        programs: Programs | None = None,
    ) -> None:
        self.given = settings
        self.data_dir: Path = settings.data_dir.expanduser().resolve()
        self.time_skipping = time_skipping
        self.supervisor = Supervisor(self.data_dir, on_event)
        self.ports: dict[str, int] = {}
        self.env: dict[str, str] = {}
        """The product's variables, complete once the stack is running."""
        self._simulator_env: dict[str, str] = {}
        self._simulator_options = dict(simulator_env or {})
        self._wechat_pay_keys = wechat_pay_keys
        self._message_accounts = message_accounts
        self._programs = programs or Programs()

    # --- use -----------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[EmbeddedStack]:
        """All of it, up for the length of the block.

        Raises:
            EmbeddedError: it cannot start; the message says what to do.
        """
        async with self.supervisor.session():
            await asyncio.to_thread(self._decide)
            vendors = asyncio.create_task(self.supervisor.start(*self._vendors()))
            try:
                await self.supervisor.start(*self._engines())
                await self.supervisor.run_once(self._step("bootstrap", self._programs.bootstrap))
                await self.supervisor.start(self._worker(), self._api())
                await vendors
            finally:
                vendors.cancel()
                await asyncio.gather(vendors, return_exceptions=True)
            yield self

    async def serve(self, on_up: Callable[[EmbeddedStack], Awaitable[None]]) -> int:
        """Run until Ctrl-C, SIGTERM or a closed terminal; the exit status of the process.

        `on_up` is awaited when everything answers; a stop request cancels it.

        Raises:
            EmbeddedError: it cannot start.
        """
        self.supervisor.stop_on_signals()
        try:
            async with self.running():
                welcome = asyncio.ensure_future(on_up(self))
                stop = asyncio.ensure_future(self.supervisor.stop_requested.wait())
                await asyncio.wait((welcome, stop), return_when=asyncio.FIRST_COMPLETED)
                if welcome.done():
                    welcome.result()
                    await stop
                else:
                    welcome.cancel()
                    await asyncio.gather(welcome, return_exceptions=True)
        except StopRequested:
            pass
        return 0

    def pid(self, name: str) -> int:
        """Process number of a service."""
        return self.supervisor.pid(name)

    @property
    def settings(self) -> Settings:
        """The settings every product process sees."""
        fields = {name.removeprefix("MALLCARE_").lower(): value for name, value in self.env.items()}
        return Settings.model_validate({**self.given.model_dump(exclude_unset=True), **fields})

    @property
    def api_url(self) -> str:
        """Where the API listens, seen from this machine."""
        return f"http://{HOST}:{self.ports['api']}"

    # --- decisions -----------------------------------------------------------------------------

    def _decide(self) -> None:
        """Ports, secrets and the product's variables."""
        given = self.given
        firm = {"api"} if "api_port" in given.model_fields_set else set[str]()
        wishes = {**DEFAULT_PORTS, "api": given.api_port}
        if given.worker_metrics_port is not None:
            wishes["worker_metrics"] = given.worker_metrics_port
            firm.add("worker_metrics")
        ports = self.ports = choose_ports(self.data_dir, wishes, firm=firm)
        kept = keep_secrets(self.data_dir, self._secret_makers())
        self._postgres = EmbeddedPostgres(self.data_dir, port=ports["postgres"])
        self._temporal = EmbeddedTemporal(
            self.data_dir,
            self.time_skipping,
            port=ports["temporal"],
            ui_port=ports["temporal_ui"],
            namespace=given.temporal_namespace,
        )
        real = self._real_messengers()
        product = {
            name: value for name, value in kept.items() if not name.startswith(("MALLCARE_SIM_", *real))
        }
        product |= self._addresses() | self._explicit()
        self.env = product
        self._simulator_env = self._simulators_know(kept) | self._simulator_options

    def _secret_makers(self) -> dict[str, Callable[[], Mapping[str, str]]]:
        makers: dict[str, Callable[[], Mapping[str, str]]] = {
            "jwt": lambda: {"MALLCARE_JWT_KEY": secrets.token_urlsafe(48)},
            "webhooks": lambda: {"MALLCARE_WEBHOOK_SECRET": standard_webhooks_secret()},
            "mall_tenders": lambda: {"MALLCARE_MALL_TENDER_SECRET": standard_webhooks_secret()},
            "wechat_pay": self._wechat_pay_keys,
        }
        if self._message_accounts is not None:
            makers["messages"] = self._message_accounts
        return makers

    def _real_messengers(self) -> tuple[str, ...]:
        """Names of the settings of messaging vendors that are none of ours: our accounts are not for them."""
        given = (
            ("MALLCARE_WECOM_", self.given.wecom_url),
            ("MALLCARE_ALIYUN_SMS_", self.given.aliyun_sms_url),
        )
        return tuple(prefix for prefix, url in given if url is not None)

    def _addresses(self) -> dict[str, str]:
        """Where everything of ours is, under the names of the settings."""
        mall = f"http://{HOST}:{self.ports['mall_simulator']}"
        addresses = {
            "MALLCARE_DATA_DIR": str(self.data_dir),
            "MALLCARE_API_PORT": str(self.ports["api"]),
            "MALLCARE_PUBLIC_URL": self.api_url,
            "MALLCARE_WORKER_METRICS_PORT": str(self.ports["worker_metrics"]),
            "MALLCARE_WECHAT_PAY_URL": f"http://{HOST}:{self.ports['payment_simulator']}",
            "MALLCARE_MALL_TENDER_URL": mall,
            "MALLCARE_WEBHOOK_URL": f"{mall}/webhooks",
        }
        if self._message_accounts is not None:
            for name, service in MESSENGERS.items():
                addresses[name] = f"http://{HOST}:{self.ports[service.replace('-', '_')]}"
        if self.given.database_url is None:
            self._postgres.folder.mkdir(parents=True, exist_ok=True)
            addresses["MALLCARE_DATABASE_URL"] = self._postgres.url
        if self.given.temporal_address is None:
            addresses["MALLCARE_TEMPORAL_ADDRESS"] = self._temporal.address
            addresses["MALLCARE_TEMPORAL_UI_URL"] = self._temporal.ui_url or ""
        return addresses

    def _explicit(self) -> dict[str, str]:
        """What somebody set on purpose wins over what we would choose; ports are wishes and stay ours."""
        names = self.given.model_fields_set - {"data_dir", "api_port", "worker_metrics_port"}
        plain = self.given.model_dump(mode="json", include=names, exclude_none=True)
        found = {f"MALLCARE_{name.upper()}": str(value) for name, value in plain.items()}
        for name in plain:
            value: object = getattr(self.given, name)
            if isinstance(value, SecretStr):
                found[f"MALLCARE_{name.upper()}"] = value.get_secret_value()
        return found

    def _simulators_know(self, kept: Mapping[str, str]) -> dict[str, str]:
        """Everything the simulated vendors are told."""
        known = {name: value for name, value in kept.items() if name.startswith("MALLCARE_SIM_")}
        return known | {
            "MALLCARE_SIM_WECHAT_PAY_LEDGER_PATH": str(self.data_dir / "payment-simulator.db"),
            "MALLCARE_SIM_MALL_LEDGER_PATH": str(self.data_dir / "mall-simulator.db"),
            "MALLCARE_SIM_MALL_TENDER_SECRET": self.env["MALLCARE_MALL_TENDER_SECRET"],
            "MALLCARE_SIM_MALL_WEBHOOK_SECRET": self.env["MALLCARE_WEBHOOK_SECRET"],
            "MALLCARE_SIM_WECOM_LEDGER_PATH": str(self.data_dir / "wecom-simulator.db"),
            "MALLCARE_SIM_DINGTALK_LEDGER_PATH": str(self.data_dir / "dingtalk-simulator.db"),
            "MALLCARE_SIM_ALIYUN_SMS_LEDGER_PATH": str(self.data_dir / "sms-simulator.db"),
            **self._receipts_go_to(),
        }

    def _receipts_go_to(self) -> dict[str, str]:
        token = self.env.get("MALLCARE_ALIYUN_SMS_RECEIPT_TOKEN")
        if token is None:
            return {}
        address = f"{self.api_url}/v1/callbacks/aliyun_sms/receipts/{token}"
        return {"MALLCARE_SIM_ALIYUN_SMS_REPORT_URL": address}

    # --- services ------------------------------------------------------------------------------

    def _engines(self) -> list[Service]:
        engines: list[Service] = []
        if self.given.database_url is None:
            postgres = self._postgres
            engines.append(
                Service(
                    name="postgres",
                    argv=postgres.command(),
                    stage=ENGINES,
                    account=postgres.account,
                    prepare=postgres.prepare,
                    ready=postgres.ready,
                    stop_signals=(signal.SIGINT, signal.SIGQUIT),
                )
            )
        if self.given.temporal_address is None:
            temporal = self._temporal
            engines.append(
                Service(
                    name="temporal",
                    argv=temporal.command(),
                    stage=ENGINES,
                    prepare=temporal.prepare,
                    ready=temporal.ready,
                )
            )
        return engines

    def _vendors(self) -> list[Service]:
        vendors: list[Service] = []
        if self.given.wechat_pay_url is None:
            vendors.append(self._vendor("payment-simulator", self._programs.payment_simulator))
        if self.given.mall_tender_url is None or self.given.webhook_url is None:
            vendors.append(self._vendor("mall-simulator", self._programs.mall_simulator))
        if self._message_accounts is not None:
            given, programs = self.given, self._programs
            messengers = (
                (given.wecom_url, "wecom-simulator", programs.wecom_simulator),
                (given.dingtalk_url, "dingtalk-simulator", programs.dingtalk_simulator),
                (given.aliyun_sms_url, "sms-simulator", programs.sms_simulator),
            )
            vendors += [self._vendor(name, argv) for url, name, argv in messengers if url is None]
        return vendors

    def _vendor(self, name: str, argv: Sequence[str]) -> Service:
        port = self.ports[name.replace("-", "_")]
        return Service(
            name=name,
            argv=(*argv, "--port", str(port)),
            env=self._simulator_env,
            stage=VENDORS,
            ready=partial(says_ok, f"http://{HOST}:{port}/healthz"),
        )

    def _step(self, name: str, argv: Sequence[str]) -> Service:
        return Service(name=name, argv=argv, env=self.env, stage=PRODUCT)

    def _worker(self) -> Service:
        return Service(
            name="worker",
            argv=self._programs.worker,
            env=self.env,
            stage=PRODUCT,
            ready=partial(listens, self.ports["worker_metrics"]),
        )

    def _api(self) -> Service:
        return Service(
            name="api",
            argv=self._programs.api,
            env=self.env,
            stage=PRODUCT,
            ready=partial(says_ok, f"{self.api_url}/readyz"),
        )
