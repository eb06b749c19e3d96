"""The app's fixtures, for tests of the board's numbers over HTTP."""

from tests.api.conftest import api

__all__ = ["api"]
