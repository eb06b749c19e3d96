"""The guided tour, whole: a fresh data folder, real engines, the public API, and its own verdict."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.rule(number) for number in ("A1", "A2", "A4", "P2")]

PROMISES = (
    "30 sample orders with",
    "approved · by the system",
    "cancel refused: illegal_transition",
    "is UNKNOWN",
    "refund unclear",
    "escalated · ",
    "All six scenes held what they promise",
    "/docs",
    "/namespaces/mallcare/workflows/after-sales%2FAS",
)


def own_ports(folder: Path) -> None:
    """Let the stack remember ports nobody else wishes for, so that it disturbs no other on this machine."""
    from mallcare.embedded.data_folder import DEFAULT_PORTS, free_port

    folder.mkdir()
    (folder / "ports.json").write_text(json.dumps({name: free_port() for name in DEFAULT_PORTS}))


def test_the_tour_holds_what_it_promises(tmp_path: Path) -> None:
    """Status 0, every scene told, no refund paid twice, and nothing left running."""
    folder = tmp_path / "data"
    own_ports(folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLCARE_")}
    ended = subprocess.run(
        [sys.executable, "-m", "mallcare.cli", "demo", "--exit"],
        env=clean | {"MALLCARE_DATA_DIR": str(folder), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stdout[-3_000:] + ended.stderr[-3_000:]
    for promise in PROMISES:
        assert promise in ended.stdout
    paid = re.findall(r"vendor's ledger: (\w+) .* paid (.*)", ended.stdout)
    assert len(paid) == len({number for number, _ in paid}) == 9
    assert {times.strip() for _, times in paid} == {"once"}
    left = json.loads((folder / "run.json").read_text())
    assert left["services"] == {}
