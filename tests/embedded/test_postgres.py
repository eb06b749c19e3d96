"""The embedded PostgreSQL: durable, private, and not to be stopped by what a killed server left."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg
import pytest

from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.embedded.processes import launch_argv, survivors

pytestmark = pytest.mark.rule("P2")


def postmaster(server: EmbeddedPostgres) -> psutil.Process:
    return psutil.Process(int((server.cluster / "postmaster.pid").read_text().split("\n", 1)[0]))


def test_committed_rows_survive_kill_9(tmp_path: Path) -> None:
    """With the durable settings, and with a new server on another port."""
    with EmbeddedPostgres(tmp_path).running() as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("CREATE TABLE kept (n int)")
            connection.execute("INSERT INTO kept VALUES (42)")
        with psycopg.connect(server.url) as connection:
            setting = connection.execute("SHOW fsync").fetchone()
            assert setting == ("on",)
        postmaster(server).kill()
    with EmbeddedPostgres(tmp_path).running() as server, psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (42,)


def test_tcp_needs_the_generated_password(tmp_path: Path) -> None:
    """No trust on a port every local user reaches."""
    with EmbeddedPostgres(tmp_path, fsync=False).running() as server:
        wrong = server.url.replace(server.password, "guess")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)


def test_a_stale_pid_file_whose_number_is_reused_does_not_block(tmp_path: Path) -> None:
    """The innocent process that has the number now is left alone."""
    server = EmbeddedPostgres(tmp_path, fsync=False)
    with server.running():
        stale = (server.cluster / "postmaster.pid").read_text()
    with subprocess.Popen(launch_argv(["/bin/sleep", "60"], account=server.account)) as innocent:
        rest = stale.split("\n", 1)[1]
        (server.cluster / "postmaster.pid").write_text(f"{innocent.pid}\n{rest}")
        with EmbeddedPostgres(tmp_path, fsync=False).running() as again:
            assert again.answers()
            assert innocent.poll() is None
        innocent.kill()


def test_a_backend_that_outlives_its_postmaster_is_ended_first(tmp_path: Path) -> None:
    """A stopped backend would hold the shared memory for ever and PostgreSQL would refuse to start."""
    with EmbeddedPostgres(tmp_path, fsync=False).running() as server:
        connection = psycopg.connect(server.url)
        backend = psutil.Process(connection.info.backend_pid)
        backend.send_signal(signal.SIGSTOP)
        postmaster(server).kill()
    assert backend.is_running()
    with EmbeddedPostgres(tmp_path, fsync=False).running() as again:
        assert again.answers()
        assert survivors([backend], 0) == []
    connection.close()


def test_a_server_left_running_is_stopped_before_a_new_start(tmp_path: Path) -> None:
    """A killed supervisor may leave a live server on the cluster; two must never share it."""
    with EmbeddedPostgres(tmp_path, fsync=False).running() as server:
        old = postmaster(server)
        with EmbeddedPostgres(tmp_path, fsync=False).running() as again:
            assert postmaster(again).pid != old.pid
            assert survivors([old], 0) == []


def test_an_interrupted_first_start_leaves_no_half_cluster(tmp_path: Path) -> None:
    draft = tmp_path / "postgres" / "draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(tmp_path, fsync=False).running() as server:
        assert server.answers()


def test_a_long_path_works(tmp_path: Path) -> None:
    """Longer than the 107 bytes a Unix socket may have."""
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    with EmbeddedPostgres(deep, fsync=False).running() as server:
        assert server.answers()


@pytest.mark.skipif(os.geteuid() != 0, reason="root only")
def test_folders_on_the_way_are_opened_for_passing_not_for_listing(tmp_path: Path) -> None:
    private = tmp_path / "home"
    private.mkdir(mode=0o700)
    with EmbeddedPostgres(private / "data", fsync=False).running():
        assert private.stat().st_mode & 0o777 == 0o701
