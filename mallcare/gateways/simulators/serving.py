"""How a simulator runs as a process of its own: `--port`, and everything else from the environment."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping

import uvicorn
from fastapi import FastAPI


def serve(name: str, app_of: Callable[[Mapping[str, str]], FastAPI]) -> int:
    """Serve until stopped, on loopback unless told otherwise; 2 when the configuration cannot be read."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    try:
        app = app_of(os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    uvicorn.run(
        app, host=arguments.host, port=arguments.port, log_level="warning", timeout_graceful_shutdown=2
    )
    return 0
