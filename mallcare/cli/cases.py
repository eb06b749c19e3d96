"""`mallcare case`: looking at one case through the public API."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import quote

import typer

from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.cli.reaching import TOKEN_HELP, TOKEN_VARIABLE, URL_HELP, URL_VARIABLE, ReachedApi, reach_api
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings

app = typer.Typer(help="Look at after-sales requests.", no_args_is_help=True)


@app.callback()
def group() -> None:
    """Look at after-sales requests."""


@app.command()
def show(
    number: Annotated[str, typer.Argument(metavar="NO", help="Number of the request.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
    url: Annotated[str | None, typer.Option(help=URL_HELP, envvar=URL_VARIABLE)] = None,
    token: Annotated[str | None, typer.Option(help=TOKEN_HELP, envvar=TOKEN_VARIABLE)] = None,
) -> None:
    """Show a case: where it stands, its record with refused commands, its refunds, its links."""
    settings = settings_of_process()
    reached = reach_api(settings, url, token, Role.AUDITOR)
    case, record = _read(reached, number)
    if as_json:
        typer.echo(json.dumps({"case": case, "events": record}, indent=2, ensure_ascii=False))
    else:
        _print(settings, reached, case, record, linked=url is None)


def _read(reached: ReachedApi, number: str) -> tuple[dict[str, object], list[dict[str, object]]]:
    """The case and its record.

    Raises:
        CommandFailed: the API cannot be reached, or refuses.
    """
    import httpx

    path = f"{reached.url}/v1/after-sales/{quote(number, safe='')}"
    try:
        with httpx.Client(headers=reached.headers, timeout=10) as client:
            answers = [client.get(path), client.get(f"{path}/events")]
            while answers[-1].is_success and answers[-1].json()["next_cursor"]:
                given = {"cursor": answers[-1].json()["next_cursor"]}
                answers.append(client.get(f"{path}/events", params=given))
    except httpx.TransportError as error:
        raise CommandFailed(f"nothing answers at {reached.url}: is the platform running?") from error
    for answer in answers:
        if not answer.is_success:
            raise CommandFailed(f"{number}: the API answers {answer.status_code} {reason(answer.text)}")
    return answers[0].json(), [line for answer in answers[1:] for line in answer.json()["items"]]


def reason(text: str) -> str:
    """Code and detail of a problem, empty if it is none."""
    try:
        problem = json.loads(text)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        return ""


def _print(
    settings: Settings,
    reached: ReachedApi,
    case: dict[str, object],
    record: list[dict[str, object]],
    *,
    linked: bool,
) -> None:
    from mallcare.cli import formats
    from mallcare.cli.reaching import reach_temporal

    console = formats.console_for_people()
    body: formats.Json = dict(case)
    number = body["after_sales_no"]
    console.print(f"[bold]{number}[/]  {body['kind']}  {formats.state(body['state'])}  v{body['version']}")
    console.print(f"order {body['order_no']}, supplier {body['supplier_id']}")
    parts = ", ".join(f"{formats.yuan(t['amount_fen'])} {t['tender']}" for t in body["quote"]["tenders"])
    verb = "exchanges" if body["kind"] == "exchange" and not body["refunds"] else "refunds"
    console.print(f"{verb} {formats.yuan(body['quote']['total_fen'])} ({parts})")
    for parcel in body["parcels"]:
        console.print(formats.parcel(parcel))
    if body["deadline_at"]:
        console.print(f"{body['deadline_effect']} at {formats.clock(body['deadline_at'])}")
    console.print()
    console.print(formats.record_table(body, record))
    if body["refunds"]:
        console.print()
        console.print(formats.refund_table(body["refunds"]))
    console.print(f"\nAPI          {reached.url}/v1/after-sales/{number}", soft_wrap=True)
    if linked:
        settings = reach_temporal(settings)
    if settings.temporal_ui_url:
        link = formats.workflow_link(settings.temporal_ui_url, settings.temporal_namespace, number)
        console.print(f"Temporal UI  {link}", soft_wrap=True)
