"""Temporary folders of one run of the tests: a root of its own, gone when the run ends.

pytest's usual root is shared by all runs of a user, and each new run closes it to everybody else. An
embedded PostgreSQL of another run, which works as an account of its own when root tests, would lose its
data folder under its feet.
"""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

VARIABLE = "PYTEST_DEBUG_TEMPROOT"
"""Set it, or use `--basetemp`, to keep the folders and look at them."""


def pytest_configure(config: pytest.Config) -> None:
    """Give the run its root, unless somebody chose one; workers of a parallel run live in their run's."""
    if hasattr(config, "workerinput") or config.getoption("basetemp") or VARIABLE in os.environ:
        return
    folder = tempfile.mkdtemp(prefix="mallcare-tests-")
    os.environ[VARIABLE] = folder

    def remove() -> None:
        del os.environ[VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(remove)
