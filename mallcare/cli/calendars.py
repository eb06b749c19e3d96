"""`mallcare calendars`: holidays and made-up working days of service calendars, through the public API."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import quote

import typer

from mallcare.cli.cases import reason
from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.cli.reaching import TOKEN_HELP, TOKEN_VARIABLE, URL_HELP, URL_VARIABLE, reach_api
from mallcare.domain.vocabulary import Role

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]
PATH = "/v1/operations/service-calendars"
NOT_FOUND = 404
WORKING_DAYS, WEEKEND = 5, 2
SHOWN_FAULTS = 10

app = typer.Typer(help="Calendars that promises are counted by.", no_args_is_help=True)

CalendarId = Annotated[str, typer.Option("--calendar", help="Name of the calendar.")]
Url = Annotated[str | None, typer.Option(help=URL_HELP, envvar=URL_VARIABLE)]
Token = Annotated[str | None, typer.Option(help=TOKEN_HELP, envvar=TOKEN_VARIABLE)]


@app.callback()
def group() -> None:
    """Calendars that promises are counted by."""


@app.command("list")
def list_(url: Url = None, token: Token = None) -> None:
    """List the newest version of every calendar."""
    with _api(url, token, Role.AUDITOR) as client:
        items: list[Json] = _answered(client.get(PATH))["items"]
    shown = ("calendar_id", "version", "zone", "special_days", "known_until", "created_by", "created_at")
    headings = ("calendar", "version", "zone", "special days", "holidays known until", "by", "since (UTC)")
    _print(headings, [[one[name] for name in shown] for one in items])


@app.command()
def seed(
    calendar: CalendarId = "desk",
    hours: Annotated[
        str, typer.Option(help="Open hours of working days, in Beijing; commas between spans.")
    ] = "09:00-12:00,13:00-18:00",
    url: Url = None,
    token: Token = None,
) -> None:
    """Publish China's holidays and made-up working days of all known years. Repeatable.

    A calendar that is not there yet is made, open on Mondays to Fridays; one that is there keeps its weeks.
    """
    from mallcare.cli import chinese_holidays

    first, last = chinese_holidays.known_years()
    spans = [span.strip() for span in hours.split(",")]
    special: Json = {
        "special": chinese_holidays.special_days(spans),
        "known_until": chinese_holidays.known_until().isoformat(),
    }
    week = [spans] * WORKING_DAYS + [[]] * WEEKEND
    with _api(url, token, Role.OPERATIONS) as client:
        before = client.get(f"{PATH}/{_quoted(calendar)}")
        if before.status_code == NOT_FOUND:
            plan = {"effective_from": f"{first}-01-01", "days": week}
            body = {"calendar_id": calendar, "zone": "Asia/Shanghai", "plans": [plan], **special}
            key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            made = client.post(PATH, json=body, headers={"Idempotency-Key": f"seed-{key}"})
            _tell(_answered(made), None, special["special"])
        else:
            _import(client, _answered(before), special)
    typer.echo(f"Later years are announced each autumn; {last} is the last one known here.")


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON: {"special": {"2027-01-01": [], "2027-02-06": ["09:00-18:00"]}, '
            '"known_until": "2027-12-31"}.',
            exists=True,
            dir_okay=False,
            readable=True,
        ),
    ],
    calendar: CalendarId = "desk",
    url: Url = None,
    token: Token = None,
) -> None:
    """Add special days from a file to a calendar; days it does not name stay as they are. Repeatable."""
    special = _special_of(file)
    with _api(url, token, Role.OPERATIONS) as client:
        _import(client, _answered(client.get(f"{PATH}/{_quoted(calendar)}")), special)


def _special_of(file: Path) -> Json:
    """What a file holds; the API judges its days.

    Raises:
        CommandFailed: it is no JSON object with days.
    """
    try:
        read: object = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise CommandFailed(f"{file} cannot be read as JSON: {error}") from error
    special = cast("Json", read).get("special") if isinstance(read, dict) else None
    if not isinstance(special, dict):
        raise CommandFailed(f'{file} must hold an object with "special": days and their open hours')
    return cast("Json", read)


@contextmanager
def _api(url: str | None, token: str | None, role: Role) -> Generator[httpx.Client]:
    """A client of the API.

    Raises:
        CommandFailed: nothing answers.
    """
    import httpx

    reached = reach_api(settings_of_process(), url, token, role)
    try:
        with httpx.Client(base_url=reached.url, headers=reached.headers, timeout=30) as client:
            yield client
    except httpx.TransportError as error:
        raise CommandFailed(f"nothing answers at {reached.url}: is the platform running?") from error


def _import(client: httpx.Client, before: Json, special: Json) -> None:
    path = f"{PATH}/{_quoted(before['calendar_id'])}/special-days"
    _tell(_answered(client.put(path, json=special)), before["version"], special["special"])


def _answered(answer: httpx.Response) -> Json:
    """What the API answers.

    Raises:
        CommandFailed: it refuses; with the faults it found.
    """
    if answer.is_success:
        return answer.json()
    said = f"the API answers {answer.status_code} {reason(answer.text)}"
    try:
        faults: list[Json] = answer.json().get("errors", [])
    except ValueError:
        faults = []
    told = [f"{fault['pointer']}: {fault['message']}" for fault in faults[:SHOWN_FAULTS]]
    raise CommandFailed("\n".join([said, *told]))


def _tell(calendar: Json, before: int | None, special: Json) -> None:
    """The days that were sent, by year, and what came of them."""
    closed = Counter(day[:4] for day, spans in special.items() if not spans)
    opened = Counter(day[:4] for day, spans in special.items() if spans)
    rows = [[year, closed[year], opened[year]] for year in sorted({*closed, *opened})]
    _print(("year", "closed days", "open days"), rows)
    name, version = calendar["calendar_id"], calendar["version"]
    until = calendar["known_until"] or "for ever"
    if before == version:
        typer.echo(f"{name}: version {version} knew all of it; holidays known until {until}")
    else:
        typer.echo(f"{name}: version {version} published; holidays known until {until}")


def _print(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for people; None is shown as nothing."""
    from rich.markup import escape
    from rich.table import Table

    from mallcare.cli import formats

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*("" if value is None else escape(str(value)) for value in row))
    formats.console_for_people().print(table)


def _quoted(calendar: str) -> str:
    return quote(calendar, safe="")
