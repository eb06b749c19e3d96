"""Writes docs/settings.md from `mallcare/settings.py`: `python -m scripts.settings_table`."""

from __future__ import annotations

import types
import typing
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from mallcare.settings import Settings

DOCUMENT = Path(__file__).parent.parent / "docs/settings.md"
BEGINNING = """# Settings

Everything is configured by environment variables; there is no configuration file. The embedded stack
(`mallcare up`) sets what it starts itself, and a variable that is set wins over it: set
`MALLCARE_DATABASE_URL` and it starts no PostgreSQL. A process reads its variables once, when it starts.

Durations are ISO 8601 (`PT30S`, `P30D`) or `HH:MM:SS`. *Secret* values are never logged; none has
a default. `.env.example` lists what a deployment sets.

This table is generated: `python -m scripts.settings_table` writes it from `mallcare/settings.py`, and a test
fails when they differ.

| variable | type | default | meaning |
|---|---|---|---|
"""
END = """
Commands that talk to a running platform also know `MALLCARE_URL` and `MALLCARE_TOKEN`, in place of `--url`
and `--token`. The simulated vendors have their own (`MALLCARE_SIM_*`); the embedded stack sets them.
"""


def document() -> str:
    """The whole document."""
    rows = [row(name, field) for name, field in Settings.model_fields.items()]
    return BEGINNING + "\n".join(rows) + "\n" + END


def row(name: str, field: FieldInfo) -> str:
    """A setting's line of the table."""
    default = "" if field.default is None else f"`{told(field.default)}`"
    return f"| `MALLCARE_{name.upper()}` | {kind(field.annotation)} | {default} | {field.description} |"


def told(value: object) -> str:
    """A default as one would write it in the environment."""
    if isinstance(value, timedelta):
        days, seconds = divmod(int(value.total_seconds()), 86_400)
        return f"P{days}D" if not seconds else f"PT{days * 86_400 + seconds}S"
    return str(value).lower() if isinstance(value, bool) else str(value)


def kind(annotation: object) -> str:
    """A type in a reader's words."""
    members = [each for each in typing.get_args(annotation) if each is not types.NoneType]
    if typing.get_origin(annotation) is typing.Literal:
        return "one of " + ", ".join(f"`{each}`" for each in members)
    if members:
        return kind(members[0])
    words = {str: "text", int: "integer", float: "number", bool: "`true` or `false`", Path: "path"}
    words |= {timedelta: "duration", SecretStr: "secret"}
    return words[typing.cast("type", annotation)]


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
