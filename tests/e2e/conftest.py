"""One platform for all tests of this folder that a process of the run is given."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.e2e.live import LivePlatform, live_platform


@pytest.fixture(scope="session")
async def running_platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[LivePlatform]:
    """All processes of a deployment; no test leaves one of them dead."""
    async with live_platform(tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest.fixture
async def platform(running_platform: LivePlatform) -> AsyncGenerator[LivePlatform]:
    """The running platform, everything up, its vendors without faults before and after."""
    await running_platform.all_up()
    yield running_platform
    await running_platform.all_up()
    await running_platform.vendors.heal()
