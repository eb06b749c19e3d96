"""The supervisor: restarts what dies, tells why, stops what does not want to, and finds leftovers."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mallcare.embedded.errors import AlreadyRunning, ServiceFailed, StopRequested
from mallcare.embedded.processes import MARK, tail
from mallcare.embedded.supervisor import Happening, Service, ServiceEvent, Supervisor

pytestmark = pytest.mark.rule("P2")

DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('up', flush=True)
time.sleep(60)
"""


def program(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


async def never() -> bool:
    return False


@pytest.fixture
def bystander() -> Generator[Callable[[Mapping[str, str]], psutil.Popen]]:
    """Starts processes that no supervisor knows of; ends them."""
    started: list[psutil.Popen] = []

    def start(environment: Mapping[str, str]) -> psutil.Popen:
        started.append(psutil.Popen(["/bin/sleep", "60"], env={**os.environ, **environment}))
        return started[-1]

    yield start
    for process in started:
        with suppress(psutil.NoSuchProcess):
            process.kill()
        process.wait()


async def test_a_service_that_dies_is_restarted_and_told_of(tmp_path: Path) -> None:
    events: list[ServiceEvent] = []
    again = asyncio.Event()

    def note(event: ServiceEvent) -> None:
        events.append(event)
        if event.happening is Happening.RESTARTED:
            again.set()

    supervisor = Supervisor(tmp_path, note)
    async with supervisor.session():
        await supervisor.start(Service(name="sleeper", argv=["/bin/sleep", "60"]))
        first = supervisor.pid("sleeper")
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(again.wait(), 10)
        assert supervisor.pid("sleeper") != first
        assert supervisor.restarts("sleeper") == 1
    assert [event.happening for event in events] == [Happening.READY, Happening.DIED, Happening.RESTARTED]
    assert events[1].detail == "killed by SIGKILL"


async def test_a_service_that_cannot_start_fails_with_its_last_words(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    broken = Service(name="broken", argv=program("raise SystemExit('no such table')"), ready=never)
    with pytest.raises(ServiceFailed, match="exit status 1") as caught:
        async with supervisor.session():
            await supervisor.start(Service(name="fine", argv=["/bin/sleep", "60"]), broken)
    assert "no such table" in caught.value.log_tail
    assert json.loads((tmp_path / "run.json").read_text())["services"] == {}


async def test_a_failing_step_stops_the_start(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)
    with pytest.raises(ServiceFailed, match="migrate: failed: exit status 3"):
        async with supervisor.session():
            await supervisor.run_once(Service(name="migrate", argv=program("raise SystemExit(3)")))


async def test_a_stop_request_interrupts_a_start_that_never_ends(tmp_path: Path) -> None:
    """Ctrl-C works before everything is up."""
    supervisor = Supervisor(tmp_path)
    asyncio.get_running_loop().call_later(0.2, supervisor.stop_requested.set)
    with pytest.raises(StopRequested):
        async with supervisor.session():
            await supervisor.start(Service(name="slow", argv=["/bin/sleep", "60"], ready=never))


async def test_a_service_deaf_to_its_signal_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path)

    async def written() -> bool:
        return tail(supervisor.log_of("deaf")) == "up"

    service = Service(
        name="deaf",
        argv=program(DEAF),
        ready=written,
        stop_seconds=0.2,
    )
    async with supervisor.session():
        await supervisor.start(service)
        pid = supervisor.pid("deaf")
    assert not psutil.pid_exists(pid)


async def test_one_supervisor_per_folder(tmp_path: Path) -> None:
    async with Supervisor(tmp_path).session():
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
            async with Supervisor(tmp_path).session():
                pass
    async with Supervisor(tmp_path).session():
        pass


async def test_leftovers_are_found_by_their_mark_even_if_unrecorded(
    tmp_path: Path, bystander: Callable[[Mapping[str, str]], psutil.Popen]
) -> None:
    """The record may miss a child spawned in the last moment."""
    leftover = bystander({MARK: str(tmp_path)})
    async with Supervisor(tmp_path).session():
        assert leftover.poll() is not None


async def test_a_recorded_number_that_is_somebody_elses_now_is_left_alone(
    tmp_path: Path, bystander: Callable[[Mapping[str, str]], psutil.Popen]
) -> None:
    innocent = bystander({})
    record = {"services": {"api": {"pid": innocent.pid, "created": innocent.create_time() - 3600}}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    async with Supervisor(tmp_path).session():
        assert innocent.poll() is None
