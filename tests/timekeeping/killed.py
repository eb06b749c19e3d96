"""A worker that stops in the middle of a look, to be killed there.

`python -m tests.timekeeping.killed URL NOW STOP`: looks in pages of two, and stops before its commit number
STOP with all its locks, once it has said so.
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.keeping import KeepTime
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.engine import create_engine
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWork
from tests.timekeeping.promises import SHARD

NAME = "killed"
"""What its connections are called."""
STOPS = "stops here"


class StoppingUnitOfWork(SqlUnitOfWork):
    """Stops, or fails, before a commit of its factory's choice."""

    def __init__(self, *arguments: Any, factory: StoppingFactory) -> None:
        super().__init__(*arguments)
        self._factory = factory

    async def commit(self) -> None:
        await self._factory.before_commit()
        await super().commit()


class StoppingFactory:
    """Units of work of which one stops for ever, or with a failure, before the commit number `stop`."""

    def __init__(self, engine: AsyncEngine, stop: int, failure: Exception | None = None) -> None:
        self._engine = engine
        self._left = stop
        self._failure = failure

    def __call__(self) -> StoppingUnitOfWork:
        return StoppingUnitOfWork(self._engine, PolicyCache(), TimelinessCache(), factory=self)

    async def before_commit(self) -> None:
        """Count."""
        self._left -= 1
        if self._left == 0:
            if self._failure is not None:
                raise self._failure
            print(STOPS, flush=True)
            await asyncio.Event().wait()


async def _main(url: str, now: str, stop: str) -> None:
    factory = StoppingFactory(create_engine(url, application_name=NAME), int(stop))
    await KeepTime(factory, TimeOrderedIds(), page=2)(SHARD, datetime.fromisoformat(now))


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
