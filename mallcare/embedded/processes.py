"""Starting a process so that it can be found again, and ending one so that nothing of it stays.

A child carries a mark of its data folder in its environment, belongs to a session of its own (the
terminal's Ctrl-C reaches the supervisor alone) and, on Linux, is signalled by the kernel when the
thread that started it dies.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from mallcare.embedded.account import Account
from mallcare.embedded.errors import ServiceFailed

MARK: Final = "MALLCARE_STACK"
"""Environment variable of every child: the data folder it belongs to."""
POLL_SECONDS: Final = 0.02
LOG_LIMIT_BYTES: Final = 20_000_000
SAME_START_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for as long as it lives: its number alone may be somebody else's tomorrow."""

    pid: int
    created: float

    @staticmethod
    def of(pid: int) -> ProcessIdentity | None:
        """Who has this number now; None: nobody."""
        try:
            return ProcessIdentity(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def find(self) -> psutil.Process | None:
        """The process, if it still lives."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.created) < SAME_START_SECONDS
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def launch_argv(
    argv: Sequence[str], *, account: Account | None = None, death_signal: signal.Signals = signal.SIGTERM
) -> list[str]:
    """`argv`, wrapped to run as `account` and to get `death_signal` when this process dies."""
    launcher = str(Path(__file__).with_name("launch.py"))
    uid, gid = (account.uid, account.gid) if account else (-1, -1)
    first = [sys.executable, "-I", "-S", launcher, str(int(death_signal)), str(os.getpid())]
    return [*first, str(uid), str(gid), "--", *argv]


def marked(env: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The environment of a child of `folder`: ours, then `env`, then the mark."""
    return {**os.environ, **env, MARK: str(folder)}


def open_log(path: Path) -> int:
    """A descriptor that appends to `path`; a long log is set aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".1.log"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8_000))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def end_group(leader: int) -> None:
    """Kill what is left of the session a child led, so that no grandchild keeps its port."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def leftovers(folder: Path, recorded: Sequence[ProcessIdentity]) -> list[psutil.Process]:
    """Living processes of an earlier supervisor of `folder`.

    Found by the record it kept, and by their mark: the record may miss the last child, and clocks may
    have been set since. Unrecorded PostgreSQL processes are left to `EmbeddedPostgres.prepare`, which
    tells the server from its helpers (some take signals as orders).
    """
    found = {process.pid: process for identity in recorded if (process := identity.find()) is not None}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            ours = process.pid != os.getpid() and process.name() != "postgres"
            if ours and process.environ().get(MARK) == str(folder):
                found[process.pid] = process
    return list(found.values())


def survivors(processes: Sequence[psutil.Process], patience_seconds: float) -> list[psutil.Process]:
    """Those still at work after at most `patience_seconds`. A zombie that nobody reaps is at rest."""
    deadline = time.monotonic() + patience_seconds
    alive = [process for process in processes if _works(process)]
    while alive and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        alive = [process for process in alive if _works(process)]
    return alive


def kill(processes: Sequence[psutil.Process]) -> None:
    """End them by force, and wait until they are gone."""
    for process in processes:
        with suppress(psutil.Error):
            process.kill()
    survivors(processes, patience_seconds=5.0)


def terminate(processes: Sequence[psutil.Process], *, patience_seconds: float = 10.0) -> None:
    """End all of them: politely, then by force. PostgreSQL is polite to SIGINT (fast shutdown)."""
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
    kill(survivors(processes, patience_seconds))


def _works(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@contextmanager
def running_process(
    argv: Sequence[str],
    *,
    name: str,
    folder: Path,
    ready: Callable[[], bool],
    account: Account | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    ready_seconds: float = 30.0,
) -> Generator[subprocess.Popen[bytes]]:
    """One process, from its readiness to its end, without a supervisor: what tests need.

    It must be entered in a thread that outlives it (see the module's docstring).

    Raises:
        ServiceFailed: it ended or was not ready within `ready_seconds`.
    """
    log = folder / "logs" / f"{name}.log"
    descriptor = open_log(log)
    try:
        process = subprocess.Popen(  # noqa: S603 - our own engines
            launch_argv(argv, account=account, death_signal=stop_signal),
            env=marked({}, folder),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    try:
        deadline = time.monotonic() + ready_seconds
        while not ready():
            if (status := process.poll()) is not None:
                raise ServiceFailed(name, f"ended with status {status} before it was ready", tail(log))
            if time.monotonic() > deadline:
                raise ServiceFailed(name, f"not ready within {ready_seconds:.0f} s", tail(log))
            time.sleep(POLL_SECONDS)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(stop_signal)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
        end_group(process.pid)
        process.wait(5)
