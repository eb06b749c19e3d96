"""Which tests of a parallel run stay together: those that run the whole platform, on one worker.

Two platforms side by side would need twice the time each, and a killed one would be slow to come back.
The groups of `--dist loadgroup` are not seen by pytest 9.2 (pytest-xdist issue 1386), so the folder decides.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

WHOLE_PLATFORM = "tests/e2e/"


class WholePlatformTogether(LoadScopeScheduling):
    """One worker for all tests of the whole platform, begun first; any other test goes where room is."""

    def _split_scope(self, nodeid: str) -> str:
        return WHOLE_PLATFORM if nodeid.startswith(WHOLE_PLATFORM) else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """Ours for `--dist loadgroup`; any other wish is left to xdist."""
    return WholePlatformTogether(config, log) if config.getoption("dist") == "loadgroup" else None
