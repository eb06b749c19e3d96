"""Every check but the tests, `make check`: one line each, all of them run, status 1 if any failed.

Types take as long as everything else together, so they are checked beside it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
MOST_LINES = 60

Check = Callable[[], str | None]
"""Answers what is wrong, None if nothing is."""


@dataclass(frozen=True, slots=True)
class Step:
    """One check and what it is called."""

    name: str
    check: Check


def command(*words: str) -> Check:
    """A program of the virtual environment that says what is wrong by its status and its output."""

    def run() -> str | None:
        ended = subprocess.run(  # noqa: S603 - our own tools, with arguments from this file
            [str(BIN / words[0]), *words[1:]],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return None if ended.returncode == 0 else ended.stdout

    return run


def migrations() -> str | None:
    """On an empty PostgreSQL: up, down to nothing, up again, and no difference to the tables in code."""
    from mallcare.embedded.postgres import EmbeddedPostgres
    from mallcare.logging import set_up_logging
    from mallcare.persistence.migrate import SchemaMismatch, check, downgrade, upgrade

    set_up_logging("console", "ERROR")
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder), fsync=False).running() as server,
    ):
        try:
            upgrade(server.url)
            downgrade(server.url, "base")
            upgrade(server.url)
            check(server.url)
        except SchemaMismatch as mismatch:
            return f"the migrations do not lead to mallcare/persistence/tables.py:\n{mismatch}"
    return None


def openapi() -> str | None:
    """The committed document is the one this code makes."""
    from api.openapi import openapi_document

    made = json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
    if (ROOT / "docs/openapi.json").read_text(encoding="utf-8") == made:
        return None
    return "docs/openapi.json is not what the code makes: run `make openapi` and look at the difference"


TYPES = (Step("types", command("basedpyright")),)
OTHERS = (
    Step("lint", command("ruff", "check", ".")),
    Step("format", command("ruff", "format", "--check", ".")),
    Step("imports", command("lint-imports", "--no-cache")),
    Step("migrations", migrations),
    Step("openapi", openapi),
    Step(
        "domain covered",
        command(
            *("python", "-m", "pytest", "tests/domain", "-q", "-n", "auto", "--dist", "worksteal"),
            *("--cov=mallcare.domain", "--cov-branch", "--cov-fail-under=100", "--cov-report=term-missing"),
        ),
    ),
)


def run(step: Step) -> bool:
    """Run one step and tell of it; False if something is wrong."""
    begun = time.perf_counter()
    try:
        wrong = step.check()
    except Exception as error:  # noqa: BLE001 - a check that cannot run has failed, and the others go on
        wrong = f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - begun
    lines = [f"{'FAIL' if wrong is not None else 'ok  '}  {step.name:16}{seconds:6.1f} s"]
    if wrong is not None:
        lines += [f"      {line}" for line in wrong.rstrip().splitlines()[-MOST_LINES:]]
    print("\n".join(lines), flush=True)
    return wrong is None


def run_in_turn(steps: Sequence[Step]) -> int:
    """Run steps one after the other; how many failed."""
    return sum(not run(step) for step in steps)


def main() -> int:
    """All checks; the status of the process."""
    with ThreadPoolExecutor(2) as lanes:
        failed = sum(lanes.map(run_in_turn, (TYPES, OTHERS)))
    print(f"{failed} of {len(TYPES) + len(OTHERS)} checks failed" if failed else "all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    from mallcare.embedded.exit import leave

    leave(main())
