"""`mallcare orders`: taking in files of orders."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.cli.reaching import TOKEN_HELP, TOKEN_VARIABLE, URL_HELP, URL_VARIABLE, ReachedApi, reach_api
from mallcare.domain.vocabulary import Role

if TYPE_CHECKING:
    from mallcare.cli.order_import.lines import BadLine, OpenFile
    from mallcare.cli.order_import.progress import Progress

SHOWN_BAD_LINES = 50

app = typer.Typer(help="Take in orders.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Take in orders."""


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSON lines of {order, events}, plain or gzip.", exists=True, dir_okay=False, readable=True
        ),
    ],
    batch: Annotated[int, typer.Option(help="Orders sent at once.", min=1, max=1_000)] = 500,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew where an interrupted import would go on.")
    ] = False,
    url: Annotated[str | None, typer.Option(help=URL_HELP, envvar=URL_VARIABLE)] = None,
    token: Annotated[str | None, typer.Option(help=TOKEN_HELP, envvar=TOKEN_VARIABLE)] = None,
) -> None:
    """Import orders and their events. It may be interrupted and repeated: nothing is taken in twice.

    Bad lines are reported with number and reason, and all others are taken in; then the status is 1.
    """
    from mallcare.cli.order_import.lines import DamagedFile
    from mallcare.cli.order_import.sending import ConnectionLost

    settings = settings_of_process()
    reached = reach_api(settings, url, token, Role.MALL)
    try:
        progress = asyncio.run(_with_bar(file, reached, settings.data_dir, batch, restart=restart))
    except ConnectionLost as error:
        raise CommandFailed(
            f"the API at {reached.url} went away: {error}\n"
            "What was sent so far is in. Run the same command again to go on from there."
        ) from error
    except DamagedFile as error:
        raise CommandFailed(f"{file}: {error}; everything before it is in or reported.") from error
    except KeyboardInterrupt:
        raise CommandFailed("Interrupted. Run the same command again to go on from there.") from None
    typer.echo(
        f"{progress.orders} orders ({progress.new_orders} new) "
        f"and {progress.events} events ({progress.new_events} new) are in."
    )
    if progress.bad:
        _print_bad(progress.bad)
        raise typer.Exit(1)


async def _with_bar(
    file: Path, reached: ReachedApi, data_dir: Path, batch: int, *, restart: bool
) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    from mallcare.cli.order_import.run import import_orders

    columns = (
        *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()),
        TextColumn("[dim]{task.fields[events]} events[/]"),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(f"importing {file.name}", events=0)
        counted = count(1)

        def tell(progress: Progress, opened: OpenFile) -> None:
            said = f"{progress.orders} orders" + (
                f", [red]{len(progress.bad)} bad[/]" if progress.bad else ""
            )
            bars.update(task, total=opened.size, completed=opened.consumed, description=said)

        def on_event() -> None:
            bars.update(task, events=next(counted))

        return await import_orders(
            file, reached, data_dir, batch=batch, restart=restart, tell=tell, on_event=on_event
        )


def _print_bad(bad: list[BadLine]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from mallcare.cli.formats import console_for_people

    table = Table(title=f"{len(bad)} bad lines, not taken in or not whole", title_justify="left", box=None)
    table.add_column("line", justify="right", style="red")
    table.add_column("reason", overflow="fold")
    for line in bad[:SHOWN_BAD_LINES]:
        table.add_row(str(line.number), escape(line.reason))
    console = console_for_people(stderr=True)
    console.print(table)
    if len(bad) > SHOWN_BAD_LINES:
        console.print(f"... and {len(bad) - SHOWN_BAD_LINES} more")
