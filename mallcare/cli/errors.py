"""What a command says when it cannot go on."""

from __future__ import annotations


class CommandFailed(Exception):
    """A command cannot go on. The message says what to do; it is printed unchanged and the status is 1."""
