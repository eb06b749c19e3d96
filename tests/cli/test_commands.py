"""The command line as a person meets it: help, messages, exit statuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mallcare.cli.reaching import ReachedApi
from mallcare.domain.vocabulary import Role
from tests.cli.shop import KEY, VERIFIER, Shop, order_line
from tests.gateways.serving import unused_url


def mallcare(*arguments: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a data folder, without any settings of whoever runs the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLCARE_")}
    return subprocess.run(
        [sys.executable, "-m", "mallcare.cli", *arguments],
        env=clean | {"MALLCARE_DATA_DIR": str(folder), "NO_COLOR": "1", "COLUMNS": "120"} | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_help_lists_everything(tmp_path: Path) -> None:
    """Every command is found without a guide."""
    shown = mallcare("--help", folder=tmp_path)
    assert shown.returncode == 0
    for command in (
        *("up", "demo", "token", "orders", "case", "calendars", "reconcile", "replay", "sweep"),
        *("bootstrap", "migrate", "api", "worker", "openapi"),
    ):
        assert f" {command} " in shown.stdout
    assert " import " in mallcare("orders", "--help", folder=tmp_path).stdout
    assert " seed " in mallcare("calendars", "--help", folder=tmp_path).stdout
    assert " show " in mallcare("case", "--help", folder=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("token", "mall"), 1, "mallcare up"),
        (("token", "supplier"), 1, "--supplier"),
        (("token", "nobody"), 2, "nobody"),
        (("case", "show", "AS1"), 1, "mallcare up"),
        (("replay", "AS1"), 1, "mallcare up"),
        (("sweep",), 1, "mallcare up"),
        (("calendars", "seed"), 1, "mallcare up"),
        (("calendars", "import", "/nowhere.json"), 2, "/nowhere.json"),
        (("orders", "import", "/nowhere.jsonl"), 2, "/nowhere.jsonl"),
        (("migrate",), 1, "MALLCARE_DATABASE_URL"),
        (("eat",), 2, "eat"),
    ],
)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, arguments: tuple[str, ...], status: int, said: str
) -> None:
    """On stderr, with what to do about it, and never as a traceback."""
    ended = mallcare(*arguments, folder=tmp_path)
    assert ended.returncode == status, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_setting_that_cannot_be_read_is_named_without_its_value(tmp_path: Path) -> None:
    """The value may be a secret."""
    ended = mallcare("token", "mall", folder=tmp_path, MALLCARE_API_PORT="hunter2")
    assert ended.returncode == 1
    assert "MALLCARE_API_PORT" in ended.stderr
    assert "hunter2" not in ended.stderr


def test_the_demo_keeps_off_engines_and_vendors_of_others(tmp_path: Path) -> None:
    """It plays tricks on time and on vendors."""
    ended = mallcare("demo", "--exit", folder=tmp_path, MALLCARE_WECHAT_PAY_URL="https://pay.example.com")
    assert ended.returncode == 1
    assert "MALLCARE_WECHAT_PAY_URL" in ended.stderr


def test_a_token_is_printed(tmp_path: Path) -> None:
    """Alone on stdout, so that a shell can take it."""
    (tmp_path / "secrets.json").write_text(json.dumps({"jwt": {"MALLCARE_JWT_KEY": KEY}}))
    ended = mallcare("token", "supplier", "--supplier", "s-1", folder=tmp_path)
    assert ended.returncode == 0
    caller = VERIFIER.caller_of(f"Bearer {ended.stdout.strip()}")
    assert (caller.role, caller.supplier_id) == (Role.SUPPLIER, "s-1")


def test_an_import_ends_with_what_came_of_it(shop: Shop, reached: ReachedApi, tmp_path: Path) -> None:
    """Status 0 when all is in; 1 with the bad lines' numbers and reasons, all others being in."""
    path = tmp_path / "orders.jsonl"
    given = {"MALLCARE_URL": reached.url, "MALLCARE_TOKEN": reached.token}
    path.write_text(json.dumps(order_line(1)) + "\n")
    ended = mallcare("orders", "import", str(path), folder=tmp_path, **given)
    assert (ended.returncode, ended.stdout) == (0, "1 orders (1 new) and 2 events (2 new) are in.\n")
    path.write_text(json.dumps(order_line(1)) + "\n[half\n" + json.dumps(order_line(3)) + "\n")
    ended = mallcare("orders", "import", str(path), folder=tmp_path, **given)
    assert ended.returncode == 1
    assert "2 orders (1 new) and 4 events (2 new) are in." in ended.stdout
    assert "not JSON" in ended.stderr
    assert set(shop.orders) == {"MO-1", "MO-3"}


def test_an_api_that_is_away_is_told(tmp_path: Path) -> None:
    """With its address."""
    url = unused_url()
    ended = mallcare("case", "show", "AS1", "--url", url, "--token", "t", folder=tmp_path)
    assert ended.returncode == 1
    assert url in ended.stderr


def test_the_manual_is_written(tmp_path: Path) -> None:
    """The same bytes each time, folders made on the way."""
    files = [tmp_path / "a" / "openapi.json", tmp_path / "b.json"]
    for file in files:
        assert mallcare("openapi", str(file), folder=tmp_path).returncode == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text())["info"]["title"] == "mallcare"
