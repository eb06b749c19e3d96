"""A soak without memory: every workflow task replays its case from the first event."""

from __future__ import annotations

import asyncio

import pytest

from tests.replay import paths
from tests.replay.record import histories_of
from tests.replay.stage import Stage
from tests.replay.walking import Path

pytestmark = pytest.mark.rule("P2")

ALONE = (
    "refund-only.hint-lost-and-resynced",
    "refund-only.start-lost-and-swept",
    "sweep.healed",
    "sweep.failed",
)
"""Paths with a sweep, which would heal what others lost on purpose."""


AT_ONCE = 12
"""Each task replays its case: more of them only wait for each other, and for the processor."""


async def test_all_paths_end_right_without_a_cache(forgetful_stage: Stage) -> None:
    """Each path ends as with a cache, each leg paid once: no state lives outside of history."""
    ways = [way for name, way in paths.ALL.items() if name not in ALONE]
    assert len(ways) >= 50
    room = asyncio.Semaphore(AT_ONCE)

    async def walk(way: Path) -> None:
        async with room:
            await histories_of(way, forgetful_stage)

    async with asyncio.TaskGroup() as walking:
        for way in ways:
            walking.create_task(walk(way), name=way.name)


@pytest.mark.parametrize("path", ALONE)
async def test_paths_with_a_sweep_end_right_without_a_cache(forgetful_stage: Stage, path: str) -> None:
    """What was lost is healed by workers without memory too."""
    assert await histories_of(paths.ALL[path], forgetful_stage)
