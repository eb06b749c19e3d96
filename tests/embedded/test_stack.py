"""The stack as a process: it starts, survives every kill, and stops without leaving anything (P2)."""

from __future__ import annotations

import json
import os
import pwd
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from pydantic import SecretStr

from mallcare.gateways.mall_tenders import HttpMallTenderGateway
from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials
from mallcare.gateways.wechat_pay.refunds import HttpWechatPayGateway
from mallcare.ports import RefundRequest, RefundStanding
from tests.embedded.serve import SERVICES, stand_in_stack

pytestmark = pytest.mark.rule("P2")
ROOT = Path(__file__).parents[2]


class Up:
    """A stack in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], told: dict[str, dict[str, str]]) -> None:
        self.process = process
        self.pids = {name: int(pid) for name, pid in told["pids"].items()}
        self.env = told["env"]

    def boots(self) -> int:
        """How often the bootstrap step ran on this data folder."""
        with psycopg.connect(self.env["MALLCARE_DATABASE_URL"]) as connection:
            row = connection.execute("SELECT count(*) FROM boots").fetchone()
        assert row is not None
        return int(row[0])

    def kill_all(self) -> None:
        """kill -9 of everything at once, the supervisor first."""
        for pid in (self.process.pid, *self.pids.values()):
            with suppress(ProcessLookupError):  # the kernel told it of its supervisor's death: it was faster
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)


@contextmanager
def up(folder: Path, *, uid: int | None = None, python: str = sys.executable) -> Generator[Up]:
    process = subprocess.Popen(
        [python, "-m", "tests.embedded.serve", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": site.getsitepackages()[0]},
        user=uid,
        group=None if uid is None else pwd.getpwuid(uid).pw_gid,
        extra_groups=None if uid is None else [],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        told = next((line for line in process.stdout if line.startswith("{")), None)
        assert told is not None, process.stderr.read()
        yield Up(process, json.loads(told))
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()
        process.stderr.close()


def python_of_everybody(uid: int) -> str:
    """An interpreter like ours that an ordinary user may run: ours may live in root's home."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}"):
        with suppress(OSError):
            subprocess.run([candidate, "--version"], user=uid, capture_output=True, check=True)
            return candidate
    pytest.skip("no interpreter that an ordinary user may run")


def alive(pids: dict[str, int]) -> set[str]:
    return {
        name
        for name, pid in pids.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }


def test_everything_killed_at_once_comes_back_with_its_data_and_addresses(tmp_path: Path) -> None:
    """kill -9 of all processes, then up: committed rows, keys and ports are the same."""
    with up(tmp_path) as first:
        assert first.boots() == 1
        before = first.env
        first.kill_all()
    with up(tmp_path) as second:
        assert second.boots() == 2
        assert second.env == before
        assert second.process.poll() is None


def test_the_supervisor_killed_alone_leaves_nothing_that_blocks_the_next_start(tmp_path: Path) -> None:
    """Its children end with it or are ended by the next supervisor, whose processes are new."""
    with up(tmp_path) as first:
        first.process.kill()
        first.process.wait(10)
    with up(tmp_path) as second:
        assert second.boots() == 2
        assert not set(first.pids.values()) & set(second.pids.values())
        assert alive(first.pids) == set()
        assert alive(second.pids) == set(SERVICES)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_every_process_and_the_status_is_0(tmp_path: Path, number: signal.Signals) -> None:
    with up(tmp_path) as stack:
        stack.process.send_signal(number)
        assert stack.process.wait(20) == 0
        assert alive(stack.pids) == set()


def test_a_second_stack_on_the_folder_is_refused_with_advice(tmp_path: Path) -> None:
    """The first one is not disturbed."""
    with up(tmp_path) as stack:
        second = subprocess.run(
            [sys.executable, "-m", "tests.embedded.serve", str(tmp_path)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert f"kill {stack.process.pid}" in second.stderr
        assert "MALLCARE_DATA_DIR" in second.stderr
        assert alive(stack.pids) == set(SERVICES)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_runs_the_whole_stack() -> None:
    """No account is created and nothing runs as anybody else."""
    nobody = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        with up(folder, uid=nobody.pw_uid, python=python_of_everybody(nobody.pw_uid)) as stack:
            assert stack.boots() == 1
            assert {psutil.Process(pid).uids().effective for pid in stack.pids.values()} == {nobody.pw_uid}


@pytest.mark.skipif(os.geteuid() != 0, reason="root only")
async def test_root_lends_postgres_another_account_and_keys_stay_private(tmp_path: Path) -> None:
    async with stand_in_stack(tmp_path).running() as stack:
        assert psutil.Process(stack.pid("postgres")).uids().effective != 0
        assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "postgres" / "password").stat().st_mode & 0o777 == 0o600
        settings = stack.settings
        assert settings.database_url is not None
        assert settings.api_port == stack.ports["api"]
        assert not any(name.startswith("MALLCARE_SIM_") for name in stack.env)


def revealed(secret: SecretStr | None) -> str:
    assert secret is not None
    return secret.get_secret_value()


async def test_the_simulated_vendors_know_our_keys(tmp_path: Path) -> None:
    """A signed call to each is accepted: both sides of every secret were handed out."""
    async with stand_in_stack(tmp_path, real_vendors=True).running() as stack, httpx.AsyncClient() as client:
        settings = stack.settings
        mall = HttpMallTenderGateway(
            client,
            base_url=str(settings.mall_tender_url),
            secret=revealed(settings.mall_tender_secret),
            clock=WallClock(),
        )
        wechat_pay = HttpWechatPayGateway(
            client,
            WechatPayCredentials(
                mchid=str(settings.wechat_pay_mchid),
                serial_no=str(settings.wechat_pay_serial_no),
                private_key_pem=revealed(settings.wechat_pay_private_key),
                api_v3_key=revealed(settings.wechat_pay_api_v3_key),
                platform_key_id=str(settings.wechat_pay_platform_key_id),
                platform_public_key_pem=revealed(settings.wechat_pay_platform_public_key),
            ),
            base_url=str(settings.wechat_pay_url),
            notify_url=None,
            clock=WallClock(),
        )
        request = RefundRequest("R1", "O1", "wechat_pay", "T1", 100, 100, "test")
        for gateway in (mall, wechat_pay):
            assert (await gateway.submit(request)).standing is RefundStanding.SUCCEEDED
