"""`python -m benchmarks`: measure everything, print it, write `benchmarks/results.md`."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import deadlines, events, lifecycle
from benchmarks.machine import describe_machine
from benchmarks.report import Findings, write_tables
from benchmarks.stack import running_arena
from mallcare.embedded.exit import leave

RESULTS: Final = Path(__file__).with_name("results.md")


@dataclass(frozen=True)
class Scale:
    """How much is measured. `levels`: clients, and lifecycles of one round."""

    levels: tuple[tuple[int, int], ...]
    rounds: int
    repeats: int
    spread: int
    burst: int
    within: timedelta


FULL: Final = Scale(((1, 40), (8, 120), (50, 150)), 2, 5, 2_000, 1_000, timedelta(minutes=1))
QUICK: Final = Scale(((1, 5), (8, 16)), 1, 1, 40, 40, timedelta(seconds=3))
PARTS: Final = ("lifecycle", "events", "deadlines")


async def measure(scale: Scale, parts: list[str], console: Console) -> Findings:
    """Run the parts on one fresh stack, one after another."""
    findings = Findings(machine=describe_machine())
    async with running_arena() as arena:
        console.print("the stack is up")
        await lifecycle.measure(arena, 4, 12, 1)  # warm: caches, pools, plans
        if "lifecycle" in parts:
            for clients, count in scale.levels:
                console.print(f"lifecycles, {clients} clients ...")
                findings.levels.append(await lifecycle.measure(arena, clients, count, scale.rounds))
        if "events" in parts:
            console.print("histories ...")
            findings.shapes = await events.measure(arena, scale.repeats)
        if "deadlines" in parts:
            console.print("deadlines ...")
            findings.deadlines = await deadlines.measure(arena, scale.spread, scale.burst, scale.within)
    return findings


def main() -> None:
    """Only a full run is written down."""
    options = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    options.add_argument("--quick", action="store_true", help="tiny counts, to see that it works")
    options.add_argument("--only", choices=PARTS, action="append", help="this part; repeat for several")
    given = options.parse_args()
    console = Console()
    findings = asyncio.run(measure(QUICK if given.quick else FULL, given.only or list(PARTS), console))
    tables = write_tables(findings, console)
    if not given.quick and not given.only:
        reading = RESULTS.read_text(encoding="utf-8").partition(READING)[2] if RESULTS.exists() else "\n"
        RESULTS.write_text(tables + READING + reading, encoding="utf-8")
        console.print(f"written to {RESULTS}")


READING: Final = "## Reading\n"
"""What follows this heading is written by people and stays."""


if __name__ == "__main__":
    main()
    leave(0)
