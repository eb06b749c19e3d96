"""Every entry point leaves through one door, with its status and its output."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.rule("P2")


@pytest.mark.parametrize("status", [0, 1, 130])
def test_the_status_and_everything_written_arrive(status: int) -> None:
    """Also after the Temporal SDK started its threads, and without handlers of `atexit`."""
    text = (
        "import atexit, sys\n"
        "from temporalio.runtime import Runtime\n"
        "from mallcare.embedded.exit import leave\n"
        "Runtime.default()\n"
        "atexit.register(print, 'torn down')\n"
        "sys.stdout.write('said'); sys.stderr.write('complained')\n"
        f"leave({status})"
    )
    result = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (status, "said", "complained")
