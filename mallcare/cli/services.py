"""Commands that run the platform: all of it on one machine, or one process of a deployment."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from mallcare.cli.process import settings_of_process
from mallcare.contracts.names import Queue


def up() -> None:
    """Start the whole stack on this machine: engines, simulated vendors, worker, API. Ctrl-C ends it."""
    from mallcare.cli.stack import serve

    serve(settings_of_process())


def demo(
    leave_at_once: Annotated[
        bool, typer.Option("--exit", help="Stop by itself after the tour, with status 0 or the failure.")
    ] = False,
) -> None:
    """Start the whole stack, import sample orders and walk through ten cases. Ctrl-C ends it."""
    from mallcare.cli.demo.tour import run_demo

    run_demo(settings_of_process(), leave_at_once=leave_at_once)


def bootstrap() -> None:
    """Migrate the database and prepare Temporal: namespace, retention, search attributes, schedules."""
    from mallcare.cli.deployment import bootstrap_deployment

    asyncio.run(bootstrap_deployment(settings_of_process()))


def migrate() -> None:
    """Bring the database's schema to the newest version."""
    from mallcare.cli.deployment import migrate_database

    migrate_database(settings_of_process())


def api() -> None:
    """Serve the HTTP API until SIGTERM."""
    from api.server import serve

    serve(settings_of_process())


def worker(
    queue: Annotated[
        list[Queue] | None, typer.Option(help="Task queue to work on; repeat for several. Default: all.")
    ] = None,
) -> None:
    """Run workflows and activities until SIGTERM."""
    from uvicorn.loops.auto import auto_loop_factory

    from workers.run import run_workers

    # The loop uvicorn chooses for the API too: uvloop where there is one, a tenth less CPU for a case.
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(run_workers(settings_of_process(), queue or tuple(Queue)))
