"""The README's first case with curl works, word for word, against `mallcare up`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks
from tests.e2e.running import DataFolder

ADDRESS = "http://127.0.0.1:8000"


@pytest.mark.skipif(shutil.which("curl") is None, reason="the README's example needs curl")
def test_the_first_case_completes(tmp_path: Path) -> None:
    """From an order to a refund over both tenders; only address and data folder are ours."""
    (script,) = [block for block in blocks("README.md", "sh") if "curl" in block]
    assert ADDRESS in script
    folder = DataFolder(tmp_path / "data")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLCARE_")}
    with folder.up():
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", as_here(script, folder.api_url)],
            cwd=ROOT,
            env=environment | {"MALLCARE_DATA_DIR": str(folder.path), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert '"state":"COMPLETED"' in ended.stdout
    for amount in ("¥27.91", "¥2.04", "refund succeeded"):
        assert amount in ended.stdout


def as_here(script: str, address: str) -> str:
    """The script against this stack, with the `mallcare` and the Python of the tests."""
    return script.replace(ADDRESS, address).replace(".venv/bin/mallcare", f"{sys.executable} -m mallcare.cli")
