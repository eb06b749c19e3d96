"""What one data folder remembers between starts: its lock, its ports, its secrets.

.mallcare/
  lock            held by the running supervisor          run.json      its processes
  ports.json      ports chosen on the first start         secrets.json  0600
  postgres/       cluster/ and password (0600)            temporal/     temporal.db
  logs/           one file per service
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, cast

from mallcare.embedded.errors import AlreadyRunning

HOST: Final = "127.0.0.1"
DEFAULT_PORTS: Final[Mapping[str, int]] = {
    "api": 8000,
    "temporal": 7233,
    "temporal_ui": 8233,
    "postgres": 5433,
    "payment_simulator": 8101,
    "mall_simulator": 8102,
    "wecom_simulator": 8103,
    "dingtalk_simulator": 8104,
    "sms_simulator": 8105,
    "worker_metrics": 9101,
}
NEIGHBOURS_TRIED: Final = 20
"""How many ports above a taken one are tried before any free port will do."""


@contextmanager
def hold(folder: Path) -> Generator[None]:
    """Be the only supervisor of `folder`; the kernel lets go when the holder dies, however it dies.

    Raises:
        AlreadyRunning: somebody else is; the message names the process and the ways out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(
                f"mallcare already runs on {folder} (process {holder}). "
                f"Stop it with Ctrl-C in its terminal or with `kill {holder}`, "
                "or start this one on another folder: MALLCARE_DATA_DIR=/path/to/folder."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def write_private(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_object(path: Path) -> dict[str, object]:
    """The JSON object in `path`; empty where there is none, or none that can be read."""
    try:
        value: object = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


# --- ports -------------------------------------------------------------------------------------


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of this machine's loopback address now."""
    with socket.socket() as caller:
        caller.settimeout(0.2)
        if caller.connect_ex((HOST, port)) == 0:
            return False
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Any port nobody listens on, below those the system lends to outgoing connections."""
    return next(port for port in iter(lambda: 20_000 + secrets.randbelow(12_000), None) if is_free(port))


def choose_ports(
    folder: Path, wishes: Mapping[str, int] = DEFAULT_PORTS, *, firm: Collection[str] = ()
) -> dict[str, int]:
    """A port per name of `wishes`: last time's if still free, else the wish, else one near it, else any.

    The choice is remembered, so that addresses survive a restart; for names in `firm` the wish comes
    before the memory. No two names share a port.
    """
    path = folder / "ports.json"
    remembered = read_object(path)
    chosen: dict[str, int] = {}
    for name, wish in wishes.items():
        last = remembered.get(name)
        candidates = [last] if isinstance(last, int) and name not in firm else []
        candidates += range(wish, min(wish + NEIGHBOURS_TRIED, 65_535) + 1)
        others = {port for other, port in wishes.items() if other != name} | set(chosen.values())
        free = (port for port in candidates if port not in others and is_free(port))
        chosen[name] = next(free, None) or _any_port_but(others)
    write_private(path, json.dumps(chosen, indent=2) + "\n")
    return chosen


def _any_port_but(others: set[int]) -> int:
    while (port := free_port()) in others:
        continue
    return port


# --- secrets -----------------------------------------------------------------------------------

Secrets = dict[str, str]


def standard_webhooks_secret() -> str:
    """A new signing secret in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def keep_secrets(folder: Path, makers: Mapping[str, Callable[[], Mapping[str, str]]]) -> Secrets:
    """The folder's secrets, made once each.

    A maker of `makers` is asked the first time its name is seen and gives one or more values (a key pair
    belongs together); later starts read them, so tokens and signatures of yesterday stay good.
    """
    path = folder / "secrets.json"
    groups = read_object(path)
    missing = [name for name in makers if not isinstance(groups.get(name), dict)]
    for name in missing:
        groups[name] = dict(makers[name]())
    if missing:
        write_private(path, json.dumps(groups, indent=2) + "\n")
    return {key: value for name in makers for key, value in cast("Mapping[str, str]", groups[name]).items()}
