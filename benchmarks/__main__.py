"""`python -m benchmarks`: measure everything, print it, write `benchmarks/results.md`."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import board, deadlines, events, growth, intake, lifecycle, timekeeping
from benchmarks.machine import describe_machine
from benchmarks.report import Findings, write_tables
from benchmarks.stack import running_arena
from mallcare.embedded.exit import leave

RESULTS: Final = Path(__file__).with_name("results.md")


@dataclass(frozen=True)
class Scale:
    """How much is measured. `levels`: clients, and lifecycles of one round. `growth`: requests open at first
    and in the end, and creations measured at each. `intake`: batches, orders in each, clients. `clocks`: live
    ones at first and in the end, and due at once."""

    levels: tuple[tuple[int, int], ...]
    rounds: int
    repeats: int
    spread: int
    burst: int
    within: timedelta
    growth: tuple[int, int, int]
    intake: tuple[int, int, int]
    clocks: tuple[int, int, int]
    board: board.BoardScale


FULL: Final = Scale(
    levels=((1, 40), (8, 120), (50, 150)),
    rounds=2,
    repeats=5,
    spread=2_000,
    burst=1_000,
    within=timedelta(minutes=1),
    growth=(1_000, 20_000, 200),
    intake=(40, 500, 4),
    clocks=(1_000, 1_000_000, 100_000),
    board=board.FULL,
)
QUICK: Final = Scale(
    levels=((1, 5), (8, 16)),
    rounds=1,
    repeats=1,
    spread=40,
    burst=40,
    within=timedelta(seconds=3),
    growth=(20, 60, 10),
    intake=(4, 100, 2),
    clocks=(1_000, 20_000, 2_000),
    board=board.QUICK,
)
PARTS: Final = ("lifecycle", "events", "deadlines", "intake", "timekeeping", "growth", "board")


async def measure(scale: Scale, parts: list[str], console: Console) -> Findings:
    """Run the parts one after another: on one fresh stack, but for the board, which has malls of its own."""
    findings = Findings(machine=describe_machine())
    if set(parts) - {"board"}:
        await _on_a_stack(findings, scale, parts, console)
    if "board" in parts:
        console.print("the board ...")
        findings.parts.append(await asyncio.to_thread(board.measure, scale.board, console))
    return findings


async def _on_a_stack(findings: Findings, scale: Scale, parts: list[str], console: Console) -> None:
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
        if "intake" in parts:
            console.print("order intake ...")
            findings.parts.append(await intake.measure(arena, *scale.intake))
        if "timekeeping" in parts:
            console.print("timekeepers ...")
            findings.parts.append(await timekeeping.measure(arena, *scale.clocks))
        if "growth" in parts:
            console.print("open requests ...")
            findings.parts.append(await growth.measure(arena, *scale.growth))


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
