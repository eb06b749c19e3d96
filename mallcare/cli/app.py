"""The commands of `mallcare`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from mallcare.contracts.names import Queue
from mallcare.logging import set_up_logging
from mallcare.settings import Settings

app = typer.Typer(
    name="mallcare",
    help="After-sales and customer service for a mall of many suppliers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def settings_of_process() -> Settings:
    """The settings, with logging set up by them."""
    settings = Settings()  # pyright: ignore[reportCallIssue] every field has a default or is optional
    set_up_logging(settings.log_format, settings.log_level)
    return settings


@app.command()
def up() -> None:
    """Start the whole stack on this machine: engines, simulated vendors, worker, API. Ctrl-C ends it."""
    from mallcare.cli.stack import serve

    serve(settings_of_process())


@app.command()
def bootstrap() -> None:
    """Migrate the database and prepare Temporal: namespace, retention, search attributes, schedules."""
    from mallcare.cli.deployment import bootstrap_deployment

    asyncio.run(bootstrap_deployment(settings_of_process()))


@app.command()
def migrate() -> None:
    """Bring the database's schema to the newest version."""
    from mallcare.cli.deployment import migrate_database

    migrate_database(settings_of_process())


@app.command()
def api() -> None:
    """Serve the HTTP API until SIGTERM."""
    from api.server import serve

    serve(settings_of_process())


@app.command()
def worker(
    queue: Annotated[
        list[Queue] | None, typer.Option(help="Task queue to work on; repeat for several. Default: all.")
    ] = None,
) -> None:
    """Run workflows and activities until SIGTERM."""
    from workers.run import run_workers

    asyncio.run(run_workers(settings_of_process(), queue or tuple(Queue)))
