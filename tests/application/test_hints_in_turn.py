"""Hints of one case never overtake each other, however many tellers there are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from mallcare.application.hints import BackgroundHints
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.vocabulary import State
from tests.application.engines import ScriptedEngine, snapshot
from tests.application.test_background_hints import Notes

pytestmark = pytest.mark.rule("P2")


@dataclass
class SlowToStart(ScriptedEngine):
    """An engine whose starts take long, and that has never heard of a case before its start is over."""

    ended: list[str] = field(default_factory=list)

    async def start(self, snapshot: CaseSnapshot) -> bool:
        await asyncio.sleep(0.02)
        return await super().start(snapshot)

    async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
        await super().tell(snapshot, signal)
        if snapshot.after_sales_no in self.running and snapshot.final:
            self.ended.append(snapshot.after_sales_no)


async def test_a_case_cancelled_at_once_does_not_leave_its_workflow_waiting() -> None:
    """The end is told when the start is over: no workflow waits for a deadline that will never come."""
    engine = SlowToStart()
    numbers = [f"AS{number}" for number in range(10)]
    async with BackgroundHints(engine, Notes()) as hints:
        for number in numbers:
            hints.offer(snapshot(number), None)
            hints.offer(snapshot(number, 2, State.CANCELLED), Signal.CANCEL)
    assert sorted(engine.ended) == sorted(numbers)


async def test_a_slow_case_does_not_hold_up_another() -> None:
    """Only hints of the same case wait for each other."""
    engine = ScriptedEngine()
    async with BackgroundHints(engine, Notes(), tellers=4) as hints:
        for number in range(8):
            hints.offer(snapshot(f"AS{number}"), None)
    assert engine.most_at_once == 4
