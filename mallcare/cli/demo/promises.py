"""What a scene promises, and the end of the tour where it does not hold."""

from __future__ import annotations


class DemoFailed(Exception):
    """The tour saw something else than it promised; the message says what."""


def expect(holds: bool, promise: str) -> None:
    """Go on only if the promise holds.

    Raises:
        DemoFailed
    """
    if not holds:
        raise DemoFailed(promise)
