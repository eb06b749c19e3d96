"""`mallcare daily-sms`: what a day's SMS to suppliers' principals came to, through the public API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from mallcare.cli.cases import reason
from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.cli.reaching import TOKEN_HELP, TOKEN_VARIABLE, URL_HELP, URL_VARIABLE, reach_api
from mallcare.domain.vocabulary import Role

Json = dict[str, Any]


def daily_sms(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The local day.")],
    url: Annotated[str | None, typer.Option(help=URL_HELP, envvar=URL_VARIABLE)] = None,
    token: Annotated[str | None, typer.Option(help=TOKEN_HELP, envvar=TOKEN_VARIABLE)] = None,
) -> None:
    """Show what a day's SMS to suppliers came to: messages by what became of them, and why.

    Status 1 if it is not reported, or a message did not arrive.
    """
    import httpx

    reached = reach_api(settings_of_process(), url, token, Role.OPERATIONS)
    path = f"/v1/operations/daily-sms/{day.date().isoformat()}"
    try:
        answer = httpx.get(f"{reached.url}{path}", headers=reached.headers, timeout=10)
    except httpx.TransportError as error:
        raise CommandFailed(f"nothing answers at {reached.url}: is the platform running?") from error
    if not answer.is_success:
        raise CommandFailed(f"the API answers {answer.status_code} {reason(answer.text)}")
    _tell(answer.json())


def _tell(report: Json) -> None:
    """Raises CommandFailed where a person has to look."""
    from rich.markup import escape
    from rich.table import Table

    from mallcare.cli import formats

    console = formats.console_for_people()
    when = formats.clock(report["reported_at"]) if report["reported_at"] else "not yet"
    console.print(
        f"{report['day']}: {report['suppliers']} suppliers looked at, {report['planned']} messages,"
        f" reported: {when}"
    )
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("what", "messages", "supplier"):
        table.add_column(heading, justify="right" if heading == "messages" else "left")
    for status, count in report["counts"].items():
        if count:
            table.add_row(status, str(count), "")
    for problem in report["problems"]:
        what = f"{problem['status']}: {problem['code']}" if problem["status"] else problem["code"]
        count = str(problem["count"]) if problem["count"] else ""
        table.add_row(f"[red]{escape(what)}[/]", count, escape(problem["supplier_id"] or ""))
    console.print(table)
    if report["reported_at"] is None:
        raise CommandFailed(f"{report['day']} is not reported yet: {report['status']}")
    if report["missed"]:
        raise CommandFailed(f"{report['day']} was missed: its latest hour passed before everybody was told")
    if any(problem["status"] for problem in report["problems"]):
        raise CommandFailed("not every message arrived; see the tasks of operations")
