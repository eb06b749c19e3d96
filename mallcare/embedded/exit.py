"""The one way out of a process that used the Temporal SDK."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn


def leave(status: int) -> NoReturn:
    """End the process with `status` (0..255), output flushed, without tearing the interpreter down.

    The SDK's native threads can abort while the interpreter finalises (status 134 after all work was
    done, temporalio/sdk-python#300), so every entry point leaves through here. Handlers of `atexit` do
    not run: whatever must be closed is closed before.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):  # a closed pipe must not change the status
            continue
    os._exit(status)
