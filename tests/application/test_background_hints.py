"""Hints in the background: whatever goes wrong with one, the next ones are told and noted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from mallcare.application.hints import BackgroundHints
from mallcare.contracts.names import Signal
from mallcare.domain.vocabulary import State
from mallcare.ports import EngineUnavailable, StorageUnavailable
from tests.application.engines import ScriptedEngine, snapshot

pytestmark = pytest.mark.rule("P2")
OFTEN = timedelta(milliseconds=5)
TELLERS = 2


@dataclass
class Notes:
    """Units of work that only know what was told; one failure is raised for each commit that has one."""

    noted: dict[str, int] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    commits: int = 0
    _open: Mapping[str, int] = field(default_factory=dict)

    def __call__(self) -> Any:
        return self

    @property
    def cases(self) -> Notes:
        return self

    async def __aenter__(self) -> Notes:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    async def mark_told(self, told: Mapping[str, int]) -> None:
        self._open = dict(told)

    async def commit(self) -> None:
        self.commits += 1
        if self.failures:
            raise self.failures.pop(0)
        self.noted |= self._open


async def until(true: Callable[[], bool]) -> None:
    """Wait for what the background does, two seconds at most."""
    async with asyncio.timeout(2):
        while not true():  # noqa: ASYNC110 - tasks of the product do it
            await asyncio.sleep(0.002)


def hints_of(engine: ScriptedEngine, notes: Notes, **options: Any) -> BackgroundHints:
    return BackgroundHints(engine, notes, **{"tellers": TELLERS, "note_every": OFTEN, **options})


async def test_what_was_told_is_noted_with_its_newest_version() -> None:
    """A start, a signal and the end of a case; an older version told later changes no note."""
    engine, notes = ScriptedEngine(), Notes()
    async with hints_of(engine, notes, tellers=1, note_every=timedelta(hours=1)) as hints:
        hints.offer(snapshot("AS1"), None)
        hints.offer(snapshot("AS1", 3), Signal.APPROVE)
        hints.offer(snapshot("AS1", 2), Signal.EXTEND_DEADLINE)
        hints.offer(snapshot("AS2", 2, State.CANCELLED), None)
    assert engine.told == [
        ("AS1", None),
        ("AS1", Signal.APPROVE),
        ("AS1", Signal.EXTEND_DEADLINE),
        ("AS2", Signal.RESYNC),
    ]
    assert notes.noted == {"AS1": 3, "AS2": 2}


@pytest.mark.parametrize(
    "failure",
    [EngineUnavailable("away"), RuntimeError("not connected"), TypeError("a mistake"), KeyError("x")],
    ids=lambda failure: type(failure).__name__,
)
async def test_tellers_outlive_whatever_the_engine_raises(failure: Exception) -> None:
    """More failures than there are tellers: the hint after them is told and noted, they are not."""
    engine = ScriptedEngine(fails=lambda number: failure if number.startswith("BAD") else None)
    notes = Notes()
    async with hints_of(engine, notes) as hints:
        for number in range(3 * TELLERS):
            hints.offer(snapshot(f"BAD{number}"), None)
        hints.offer(snapshot("AS1"), None)
        await until(lambda: "AS1" in notes.noted)
    assert notes.noted == {"AS1": 1}


@pytest.mark.parametrize(
    "failure", [StorageUnavailable("away"), RuntimeError("a mistake")], ids=["away", "mistake"]
)
async def test_the_writer_outlives_whatever_the_database_raises(failure: Exception) -> None:
    """A note that failed is left to the sweeper, the next one is written."""
    engine, notes = ScriptedEngine(), Notes(failures=[failure])
    async with hints_of(engine, notes) as hints:
        hints.offer(snapshot("AS1"), None)
        await until(lambda: notes.commits == 1)
        hints.offer(snapshot("AS2"), None)
        await until(lambda: "AS2" in notes.noted)
    assert notes.noted == {"AS2": 1}


async def test_a_full_queue_drops_and_counts() -> None:
    """What finds no room is counted and never blocks; what waited is told."""
    engine, notes = ScriptedEngine(), Notes()
    hints = hints_of(engine, notes, capacity=3)
    for number in range(5):
        hints.offer(snapshot(f"AS{number}"), None)
    assert hints.dropped == 2
    async with hints:
        pass
    assert sorted(engine.numbers) == ["AS0", "AS1", "AS2"]
    assert notes.noted == {"AS0": 1, "AS1": 1, "AS2": 1}


async def test_what_waits_to_be_noted_is_bounded() -> None:
    """While nothing can be noted for long, no more than the capacity is remembered; newer versions are."""
    engine, notes = ScriptedEngine(), Notes()
    async with hints_of(engine, notes, tellers=1, capacity=2, note_every=timedelta(hours=1)) as hints:
        for number in ("AS1", "AS2", "AS3"):
            hints.offer(snapshot(number), None)
            await until(lambda wanted=number: wanted in engine.numbers)
        hints.offer(snapshot("AS1", 2), Signal.APPROVE)
    assert notes.noted == {"AS1": 2, "AS2": 1}


async def test_the_end_tells_and_notes_what_waits() -> None:
    """Everything offered before the end of the process is told and noted in it."""
    engine, notes = ScriptedEngine(), Notes()
    async with hints_of(engine, notes, note_every=timedelta(hours=1)) as hints:
        for number in range(50):
            hints.offer(snapshot(f"AS{number}"), None)
    assert len(engine.told) == 50
    assert len(notes.noted) == 50


async def test_the_end_waits_for_a_silent_engine_only_so_long() -> None:
    """An engine that never answers does not hold up the end; what it was told before is noted."""
    notes = Notes()
    silence = asyncio.Event()

    class Silent(ScriptedEngine):
        async def tell(self, snapshot: Any, signal: Signal) -> None:
            await silence.wait()

    engine = Silent()
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with hints_of(engine, notes, patience=timedelta(milliseconds=50)) as hints:
        hints.offer(snapshot("AS1"), None)
        for _ in range(TELLERS):
            hints.offer(snapshot("AS2"), Signal.APPROVE)
    assert loop.time() - begun < 1.5
    assert notes.noted == {"AS1": 1}
