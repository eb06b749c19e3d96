"""`mallcare`, and `python -m mallcare.cli`."""

from __future__ import annotations

import sys
from io import TextIOWrapper

from mallcare.cli.app import app
from mallcare.cli.errors import CommandFailed
from mallcare.embedded.errors import EmbeddedError
from mallcare.embedded.exit import leave
from mallcare.settings import NotConfigured


def main() -> None:
    """Run a command and leave with its status; every way out goes through `leave`."""
    _write_what_can_be_written()
    try:
        app(standalone_mode=True)
    except (CommandFailed, EmbeddedError, NotConfigured) as error:
        sys.stderr.write(f"{error}\n")
        leave(1)
    except KeyboardInterrupt:
        leave(130)
    except SystemExit as ended:
        leave(ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1)
    leave(0)


def _write_what_can_be_written() -> None:
    """A terminal that knows no Chinese shows question marks, and no command fails for it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    main()
