"""`mallcare up` on a data folder, killed whole and started again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from temporalio.client import WorkflowExecutionStatus

from mallcare.bootstrap import connect_temporal
from mallcare.cli.reaching import kept_jwt_key, reach_temporal
from mallcare.contracts.names import after_sales_workflow_id
from mallcare.embedded.stack import MESSENGERS
from mallcare.embedded.supervisor import recorded_processes
from mallcare.settings import Settings
from tests.e2e.books import Vendors
from tests.e2e.callers import Api, eventually
from tests.e2e.live import BUSY_VENDOR, SERVICES
from tests.e2e.orders import Json


@dataclass(frozen=True, slots=True)
class Up:
    """A running `mallcare up`."""

    process: asyncio.subprocess.Process
    seconds: float
    """From the command to the readiness of the platform."""


@dataclass(frozen=True, slots=True)
class KillableFolder:
    """A data folder on which `mallcare up` is started and killed."""

    path: Path

    @property
    def settings(self) -> Settings:
        """What a command beside the running stack would see."""
        return Settings.model_validate({"data_dir": self.path})

    @property
    def ports(self) -> dict[str, int]:
        """Where its services listen."""
        return json.loads((self.path / "ports.json").read_text())

    @property
    def url(self) -> str:
        """Where its API listens."""
        return f"http://127.0.0.1:{self.ports['api']}"

    def api(self) -> Api:
        """Callers of its API."""
        return Api(self.url, self.settings, kept_jwt_key(self.settings))

    def vendors(self) -> Vendors:
        """The books of its vendors."""
        ports = self.ports
        return Vendors(
            f"http://127.0.0.1:{ports['payment_simulator']}", f"http://127.0.0.1:{ports['mall_simulator']}"
        )

    @asynccontextmanager
    async def up(self) -> AsyncGenerator[Up]:
        """`mallcare up` in a session of its own, from its readiness to a SIGTERM, unless it is dead then."""
        begun = time.monotonic()
        process = await self._start()
        try:
            await eventually(self._ready, lambda ready: ready or process.returncode is not None)
            assert process.returncode is None, (self.path / "up.txt").read_text()
            yield Up(process, time.monotonic() - begun)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()

    def kill_everything(self, up: Up) -> None:
        """kill -9 of every process in the record, and of the supervisor before it can restart one."""
        identities = recorded_processes(self.path)
        running = [process for identity in identities if (process := identity.find()) is not None]
        assert len(running) == len(SERVICES) + len(MESSENGERS)
        for process in running:
            process.kill()
        up.process.kill()

    async def _start(self) -> asyncio.subprocess.Process:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLCARE_")}
        ours = {"MALLCARE_DATA_DIR": str(self.path), "MALLCARE_SWEEP_INTERVAL": "PT2S", **BUSY_VENDOR}
        with (self.path / "up.txt").open("w") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "mallcare.cli", "up"),
                env=clean | ours,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def _ready(self) -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            try:
                return (await client.get(f"{self.url}/readyz")).is_success
            except httpx.TransportError:
                return False


async def runs(folder: KillableFolder, cases: Sequence[Json]) -> list[WorkflowExecutionStatus | None]:
    """What Temporal says of the cases' workflows."""
    client = await connect_temporal(reach_temporal(folder.settings))
    handles = [client.get_workflow_handle(after_sales_workflow_id(case["after_sales_no"])) for case in cases]
    return [description.status for description in await asyncio.gather(*(h.describe() for h in handles))]
