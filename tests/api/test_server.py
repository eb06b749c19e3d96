"""The API as a process of its own, wired by settings alone, with Temporal away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.api.calls import KEY, ask_body, order_body, problem_of, token

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def start(database_url: str, port: int, **variables: str) -> subprocess.Popen[str]:
    """The command `mallcare api` with only these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MALLCARE_")}
    given = {
        "MALLCARE_DATABASE_URL": database_url,
        "MALLCARE_TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "MALLCARE_API_PORT": str(port),
        "MALLCARE_JWT_KEY": KEY,
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "mallcare.cli", "api"],
        env={**kept, **given},
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def process(empty_database: str) -> Generator[tuple[subprocess.Popen[str], str]]:
    """The running API and its address."""
    port = free_port()
    running = start(empty_database, port)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and running.poll() is None:
        try:
            if httpx.get(f"{url}/healthz").is_success:
                break
        except httpx.TransportError:
            time.sleep(0.05)
    yield running, url
    running.kill()
    running.communicate()


@pytest.mark.rule("P1")
@pytest.mark.rule("P2")
def test_cases_are_accepted_while_temporal_is_away(process: tuple[subprocess.Popen[str], str]) -> None:
    """PostgreSQL decides: an order and a request are answered, readiness names what is missing."""
    running, url = process
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token('mall')}"}) as mall:
        facts = problem_of(mall.get("/readyz"), 503, "engine_unavailable")
        assert facts["missing"] == ["temporal", "worker"]
        assert mall.put("/v1/orders/O-1", json=order_body()).status_code == 200
        asked = mall.post("/v1/after-sales", json=ask_body(), headers={"Idempotency-Key": "k"})
        assert asked.status_code == 201
        assert "server" not in asked.headers
        no = asked.json()["after_sales_no"]
        approved = mall.post(f"/v1/after-sales/{no}/approve", json={"command_id": "c"})
        assert approved.json()["state"] == "REFUNDING"
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0


def test_without_a_key_it_does_not_start(empty_database: str) -> None:
    """One line that names the variable, and status 1."""
    running = start(empty_database, free_port(), MALLCARE_JWT_KEY="too short")
    _, said = running.communicate(timeout=30)
    assert running.returncode == 1
    assert "MALLCARE_JWT_KEY" in said
    assert "too short" not in said
    assert "Traceback" not in said
