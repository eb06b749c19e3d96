"""`mallcare reconcile`: a day's bills compared with our refunds, through the public API."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mallcare.cli.cases import reason
from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.cli.reaching import TOKEN_HELP, TOKEN_VARIABLE, URL_HELP, URL_VARIABLE, ReachedApi, reach_api
from mallcare.domain.vocabulary import Role

if TYPE_CHECKING:
    import httpx

Json = dict[str, Any]


def reconcile(
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Day of the bill, in Beijing.")],
    wait: Annotated[int, typer.Option(help="Seconds to wait for the result; 0: only start it.")] = 60,
    url: Annotated[str | None, typer.Option(help=URL_HELP, envvar=URL_VARIABLE)] = None,
    token: Annotated[str | None, typer.Option(help=TOKEN_HELP, envvar=TOKEN_VARIABLE)] = None,
) -> None:
    """Compare each payment vendor's bill of a day with our refunds. Repeatable for any day.

    Each difference becomes a task of operations. Status 1 if there is one, or no result in time.
    """
    import httpx

    reached = reach_api(settings_of_process(), url, token, Role.OPERATIONS)
    try:
        with httpx.Client(base_url=reached.url, headers=reached.headers, timeout=10) as client:
            runs = _run(client, day.date().isoformat(), wait)
    except httpx.TransportError as error:
        raise CommandFailed(f"nothing answers at {reached.url}: is the platform running?") from error
    _tell(reached, runs)


def _run(client: httpx.Client, day: str, wait: int) -> list[Json]:
    """Start the day, and wait until each vendor's has an end; none if nothing is to be waited for.

    Raises:
        CommandFailed: refused, or the wait is over.
    """
    started = _answered(client.post("/v1/reconciliations", json={"day": day}))
    typer.echo(f"{day}: started for {', '.join(started['providers'])}")
    ends_at = time.monotonic() + wait
    while time.monotonic() < ends_at:
        runs: list[Json] = _answered(client.get("/v1/reconciliations", params={"day": day}))["items"]
        ended = {
            run["provider"]
            for run in runs
            if datetime.fromisoformat(run["started_at"]) >= datetime.fromisoformat(started["asked_at"])
        }
        if ended >= set(started["providers"]):
            return runs
        time.sleep(0.2)
    if wait:
        raise CommandFailed(f"{day}: no result after {wait} s; it goes on in the background")
    return []


def _answered(answer: httpx.Response) -> Json:
    if not answer.is_success:
        raise CommandFailed(f"the API answers {answer.status_code} {reason(answer.text)}")
    return answer.json()


def _tell(reached: ReachedApi, runs: list[Json]) -> None:
    from rich.table import Table

    from mallcare.cli import formats

    console = formats.console_for_people()
    for run in runs:
        outcome = run["failure_code"] or f"{run['different']} differences"
        console.print(
            f"{run['provider']} {run['merchant']}: {run['billed']} on the bill, {run['due']} due: {outcome}"
        )
        if run["failure_code"] or not run["differences"]:
            continue
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for heading in ("refund", "difference", "ours", "on the bill"):
            table.add_column(heading)
        for one in run["differences"]:
            billed = ", ".join(map(formats.yuan, one["billed_fen"]))
            table.add_row(one["refund_no"], one["kind"], formats.yuan(one["our_fen"]), billed)
        console.print(table)
    failed = [run["failure_code"] for run in runs if run["failure_code"]]
    if failed:
        raise CommandFailed(f"not reconciled: {', '.join(failed)}; it is tried again in the background")
    if any(run["different"] for run in runs):
        raise CommandFailed(f"see the tasks at {reached.url}/v1/operations/tasks?status=open")
