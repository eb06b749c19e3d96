"""The guided tour, whole: a fresh data folder, real engines, the public API, and its own verdict."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.running import DataFolder

pytestmark = [pytest.mark.rule(number) for number in ("A1", "A2", "A3", "A4", "T2", "T3", "T4", "P2")]

PROMISES = (
    "30 sample orders with",
    "approved · by the system",
    "cancel refused: illegal_transition",
    "is UNKNOWN",
    "refund unclear",
    "escalated · ",
    "inspected · 2 good, 1 missing, 2 accepted, 2 restock",
    "reshipment delivered · JD",
    "refund chosen",
    "expired",
    "12 h before the deadline, WeCom shows lanting-desk",
    "at the deadline, WeCom shows lanting-principal",
    '"figure": "unshipped"',
    "SMS to the principal",
    "All 11 scenes held what they promise",
    "/docs",
    "/namespaces/mallcare/workflows/after-sales%2FAS",
)


def test_the_tour_holds_what_it_promises(tmp_path: Path) -> None:
    """Status 0, every scene told, no refund paid twice, and nothing left running."""
    folder = DataFolder(tmp_path / "data")
    ended = folder.run("demo", "--exit")
    assert ended.returncode == 0, ended.stdout[-3_000:] + ended.stderr[-3_000:]
    for promise in PROMISES:
        assert promise in ended.stdout
    paid = re.findall(r"vendor's ledger: (\w+) .* paid (.*)", ended.stdout)
    assert len(paid) == len({number for number, _ in paid}) == 13
    assert {times.strip() for _, times in paid} == {"once"}
    assert folder.services == {}
