"""`mallcare up`, and every command a person may use beside it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from mallcare.cli.demo.sample_orders import sample_orders
from tests.e2e.running import DataFolder

pytestmark = pytest.mark.rule("P2")


def test_a_case_from_import_to_replay(tmp_path: Path) -> None:
    """Orders imported, a refund asked for with a minted token, the case shown, replayed and swept."""
    folder = DataFolder(tmp_path / "data")
    sample = sample_orders("1", datetime.now(UTC))
    orders = tmp_path / "orders.jsonl"
    orders.write_text("".join(f"{json.dumps(line)}\n" for line in sample.lines))
    with folder.up() as process:
        imported = folder.run("orders", "import", str(orders))
        assert "30 orders (30 new)" in imported.stdout, imported.stderr
        number = ask_for_everything(folder, sample.scenes["cooling_off"])
        shown = folder.run("case", "show", number)
        assert (shown.returncode, "approved · by the system" in shown.stdout) == (0, True), shown.stderr
        assert f"/namespaces/mallcare/workflows/after-sales%2F{number}" in shown.stdout
        case = json.loads(folder.run("case", "show", number, "--json").stdout)
        assert [event["name"] for event in case["events"]][:2] == ["submitted", "approved"]
        assert folder.run("case", "show", "AS-unknown").returncode == 1
        replayed = folder.run("replay", number)
        assert (replayed.returncode, "fits its history" in replayed.stdout) == (0, True), replayed.stderr
        assert folder.run("replay", "AS-unknown").returncode == 1
        swept = folder.run("sweep")
        assert swept.returncode == 0, swept.stderr
        second = folder.run("up")
        assert (second.returncode, "already runs" in second.stderr) == (1, True)
    assert process.returncode == 0
    assert folder.services == {}


def ask_for_everything(folder: DataFolder, order: dict[str, str]) -> str:
    """Submit a whole-order refund as the mall; the number of the case once it is known to be approved."""
    token = folder.run("token", "mall").stdout.strip()
    answer = httpx.post(
        f"{folder.api_url}/v1/after-sales",
        json={
            "order_no": order["order_no"],
            "kind": "refund_only",
            "whole_order": True,
            "reason_code": "changed_mind",
        },
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": "once"},
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["cooling_off"]
    return answer.json()["after_sales_no"]
