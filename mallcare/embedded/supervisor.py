"""Keeps a list of processes alive on one machine, and leaves nothing behind.

The supervisor may be killed at any moment itself: what it started is recorded before it is relied on,
and the next supervisor of the folder ends what is left before it starts anything.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, cast

from mallcare.embedded.account import Account
from mallcare.embedded.data_folder import hold, read_object, write_private
from mallcare.embedded.errors import ServiceFailed, StopRequested
from mallcare.embedded.processes import (
    ProcessIdentity,
    end_group,
    launch_argv,
    leftovers,
    marked,
    open_log,
    tail,
    terminate,
)

FIRST_PAUSE_SECONDS: Final = 0.2
LONGEST_PAUSE_SECONDS: Final = 5.0
SETTLED_SECONDS: Final = 10.0
"""After this long alive, the next death counts as the first again."""
READY_POLL_SECONDS: Final = 0.05


async def _always_ready() -> bool:
    return True


def _nothing_to_prepare() -> None: ...


def _ignore(_: ServiceEvent) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Service:
    """A process to keep alive.

    Args:
        stage: services stop in falling order of stages, those of one stage together.
        prepare: run in a thread before every start, the first and each restart.
        ready: asked until it says yes; a service that never does counts as failed.
        stop_signals: sent one after another, each with `stop_seconds` of patience; then SIGKILL.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    stage: int = 0
    account: Account | None = None
    prepare: Callable[[], None] = _nothing_to_prepare
    ready: Callable[[], Awaitable[bool]] = _always_ready
    ready_seconds: float = 60.0
    stop_signals: tuple[signal.Signals, ...] = (signal.SIGTERM,)
    stop_seconds: float = 10.0


class Happening(StrEnum):
    """What the supervisor tells of a service."""

    READY = "ready"
    DIED = "died"
    RESTARTED = "restarted"


@dataclass(frozen=True, slots=True)
class ServiceEvent:
    """One thing that happened; `restarts` counts this supervisor's restarts of the service."""

    name: str
    happening: Happening
    detail: str
    restarts: int


@dataclass(eq=False)
class _Child:
    service: Service
    process: asyncio.subprocess.Process | None = None
    identity: ProcessIdentity | None = None
    restarts: int = 0
    keeper: asyncio.Task[None] | None = None


class Supervisor:
    """Starts, watches and stops services of one data folder.

        async with supervisor.session():
            await supervisor.start(postgres, temporal)
            await supervisor.run_once(migrate)
            await supervisor.start(worker, api)
            await supervisor.stop_requested.wait()

    Args:
        data_dir: absolute; locked during the session.
        on_event: called on the loop for each event; must not block.
    """

    def __init__(self, data_dir: Path, on_event: Callable[[ServiceEvent], None] | None = None) -> None:
        self.data_dir = data_dir
        self.stop_requested = asyncio.Event()
        self._on_event = on_event or _ignore
        self._children: dict[str, _Child] = {}
        self._stopping = False

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Supervisor]:
        """Hold the folder, end what a killed supervisor left, and stop everything at the end.

        Raises:
            AlreadyRunning: another supervisor holds the folder.
        """
        with hold(self.data_dir):
            await asyncio.to_thread(self._end_leftovers)
            try:
                yield self
            finally:
                await self.stop()

    def stop_on_signals(self) -> None:
        """Let Ctrl-C, SIGTERM and a closed terminal request the stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stop_requested.set)

    def pid(self, name: str) -> int:
        """Process number of a service that was started."""
        process = self._children[name].process
        assert process is not None, f"{name} was never started"
        return process.pid

    def restarts(self, name: str) -> int:
        """How often a service was restarted in this session."""
        return self._children[name].restarts

    def log_of(self, name: str) -> Path:
        """Where a service writes."""
        return self.data_dir / "logs" / f"{name}.log"

    async def start(self, *services: Service) -> None:
        """Start all of them at once; returns when every one is ready. From then on they are kept alive.

        Raises:
            ServiceFailed: one ended or did not answer in time; the others are stopped by the session.
            StopRequested: `stop_requested` was set meanwhile.
        """
        children = [_Child(service) for service in services]
        self._children |= {child.service.name: child for child in children}
        await self._unless_stopped([self._bring_up(child) for child in children])

    async def run_once(self, service: Service) -> None:
        """Run a step to its end.

        Raises:
            ServiceFailed: its exit status is not 0.
            StopRequested: `stop_requested` was set meanwhile.
        """
        child = _Child(service)
        self._children[service.name] = child
        await self._unless_stopped([self._run_to_end(child)])

    async def stop(self) -> None:
        """Stop everything, latest stage first. Bounded: whoever does not end in time is killed."""
        self._stopping = True
        keepers = [child.keeper for child in self._children.values() if child.keeper]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for stage in sorted({child.service.stage for child in self._children.values()}, reverse=True):
            of_stage = [child for child in self._children.values() if child.service.stage == stage]
            await asyncio.gather(*(self._end(child) for child in of_stage))
        self._children.clear()
        self._record()

    # --- starting ------------------------------------------------------------------------------

    async def _unless_stopped(self, steps: Sequence[Coroutine[None, None, None]]) -> None:
        """Await all steps; the first failure, or a requested stop, cancels the rest."""
        tasks = [asyncio.create_task(step) for step in steps]
        everything = asyncio.gather(*tasks)
        stop = asyncio.create_task(self.stop_requested.wait())
        try:
            await asyncio.wait((everything, stop), return_when=asyncio.FIRST_COMPLETED)
            if not everything.done():
                raise StopRequested
            everything.result()
        finally:
            for task in (*tasks, stop):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring_up(self, child: _Child) -> None:
        await self._launch(child)
        self._tell(child, Happening.READY, "")
        child.keeper = asyncio.create_task(self._keep(child), name=f"keep {child.service.name}")

    async def _run_to_end(self, child: _Child) -> None:
        name = child.service.name
        await asyncio.to_thread(child.service.prepare)
        process = await self._spawn(child)
        status = await process.wait()
        if status != 0:
            raise ServiceFailed(name, f"failed: {_ending(status)}", tail(self.log_of(name)))

    async def _launch(self, child: _Child) -> None:
        """Spawn, and wait until ready.

        Raises:
            ServiceFailed: it ended first, or took too long (it is killed then).
        """
        service = child.service
        await asyncio.to_thread(service.prepare)
        process = await self._spawn(child)
        deadline = asyncio.get_running_loop().time() + service.ready_seconds
        while not await service.ready():
            if process.returncode is not None:
                break
            if asyncio.get_running_loop().time() > deadline:
                await self._end(child)
                reason = f"not ready within {service.ready_seconds:.0f} s"
                raise ServiceFailed(service.name, reason, tail(self.log_of(service.name)))
            await asyncio.sleep(READY_POLL_SECONDS)
        if process.returncode is not None:  # also when somebody else answered in its place
            reason = f"did not start: {_ending(process.returncode)}"
            raise ServiceFailed(service.name, reason, tail(self.log_of(service.name)))

    async def _spawn(self, child: _Child) -> asyncio.subprocess.Process:
        service = child.service
        log = open_log(self.log_of(service.name))
        try:
            child.process = await asyncio.create_subprocess_exec(
                *launch_argv(service.argv, account=service.account, death_signal=service.stop_signals[0]),
                env=marked(service.env, self.data_dir),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
        child.identity = ProcessIdentity.of(child.process.pid)
        self._record()
        return child.process

    # --- keeping -------------------------------------------------------------------------------

    async def _keep(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE_SECONDS
        while True:
            since = loop.time()
            assert child.process is not None
            status = await child.process.wait()
            end_group(child.process.pid)
            if loop.time() - since > SETTLED_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            self._tell(child, Happening.DIED, _ending(status))
            while True:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                child.restarts += 1
                try:
                    await self._launch(child)
                except ServiceFailed as failure:
                    self._tell(child, Happening.DIED, failure.reason)
                else:
                    break
            self._tell(child, Happening.RESTARTED, "")

    async def _end(self, child: _Child) -> None:
        """End one process: its stop signals in turn, then SIGKILL to its whole session."""
        process = child.process
        if process is None:
            return
        for number in child.service.stop_signals:
            if process.returncode is not None:
                break
            with suppress(ProcessLookupError):
                process.send_signal(number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), child.service.stop_seconds)
        end_group(process.pid)
        await process.wait()

    def _tell(self, child: _Child, happening: Happening, detail: str) -> None:
        if not self._stopping:
            self._on_event(ServiceEvent(child.service.name, happening, detail, child.restarts))

    # --- remembering ---------------------------------------------------------------------------

    def _record(self) -> None:
        services = {
            name: {
                "pid": child.identity.pid,
                "created": child.identity.created,
                "argv": list(child.service.argv),
            }
            for name, child in self._children.items()
            if child.identity is not None
        }
        record = {"supervisor": os.getpid(), "python": sys.executable, "services": services}
        write_private(self.data_dir / "run.json", json.dumps(record, indent=2) + "\n")

    def _end_leftovers(self) -> None:
        terminate(leftovers(self.data_dir, recorded_processes(self.data_dir)))


def recorded_processes(data_dir: Path) -> list[ProcessIdentity]:
    """The processes the last supervisor of `data_dir` wrote down; they may be gone, or be others by now."""
    services = read_object(data_dir / "run.json").get("services")
    if not isinstance(services, dict):
        return []
    found: list[ProcessIdentity] = []
    for entry in cast("dict[str, dict[str, object]]", services).values():
        pid, created = entry.get("pid"), entry.get("created")
        if isinstance(pid, int) and isinstance(created, float):
            found.append(ProcessIdentity(pid, created))
    return found


def _ending(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
