"""`mallcare` as a person runs it: commands on a data folder of the test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from mallcare.embedded.data_folder import DEFAULT_PORTS, free_port

PATIENCE_SECONDS = 60


class DataFolder:
    """A fresh data folder whose ports nobody else on this machine wishes for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        (path / "ports.json").write_text(json.dumps({name: free_port() for name in DEFAULT_PORTS}))

    @property
    def api_url(self) -> str:
        """Where its API listens once it is up."""
        return f"http://127.0.0.1:{json.loads((self.path / 'ports.json').read_text())['api']}"

    @property
    def services(self) -> dict[str, object]:
        """What its supervisor says is running."""
        return json.loads((self.path / "run.json").read_text())["services"]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._argv(arguments),
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS * 2,
        )

    @contextmanager
    def up(self) -> Generator[subprocess.Popen[str]]:
        """`mallcare up`, from its welcome to Ctrl-C."""
        output = self.path / "up.txt"
        with (
            output.open("w") as written,
            subprocess.Popen(
                self._argv(("up",)), env=self._environment(), stdout=written, stderr=written, text=True
            ) as process,
        ):
            try:
                deadline = time.monotonic() + PATIENCE_SECONDS
                while "Ctrl-C stops everything" not in output.read_text():
                    assert process.poll() is None, output.read_text()
                    assert time.monotonic() < deadline, output.read_text()
                    time.sleep(0.1)
                yield process
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE_SECONDS)
            finally:
                if process.poll() is None:
                    process.kill()

    @staticmethod
    def _argv(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "mallcare.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLCARE_")}
        return clean | {"MALLCARE_DATA_DIR": str(self.path), "NO_COLOR": "1"}
