"""`mallcare replay` and `mallcare sweep`: what operators ask of Temporal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.settings import Settings

if TYPE_CHECKING:
    from temporalio.client import Client


def replay(number: Annotated[str, typer.Argument(metavar="NO", help="Number of the request.")]) -> None:
    """Replay a case's history with the present workflow code: may this code take the case over?

    Status 1 if not.
    """
    failure = asyncio.run(_replay(settings_of_process(), number))
    if failure is not None:
        raise CommandFailed(f"{number}: the present code does NOT fit its history: {failure}")
    typer.echo(f"{number}: the present code fits its history")


def sweep() -> None:
    """Heal lost hints and missing workflows now, instead of at the next turn of the schedule."""
    asyncio.run(_sweep(settings_of_process()))
    typer.echo("a sweep was started; see the schedule `sweep` in the Temporal UI")


async def _replay(settings: Settings, number: str) -> Exception | None:
    from temporalio.service import RPCError, RPCStatusCode
    from temporalio.worker import Replayer

    from mallcare.contracts.converter import DATA_CONVERTER
    from mallcare.contracts.names import after_sales_workflow_id
    from workers.process import workflow_runner
    from workflows.after_sales import AfterSalesWorkflow

    client = await _connect(settings)
    try:
        history = await client.get_workflow_handle(after_sales_workflow_id(number)).fetch_history()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise CommandFailed(f"Temporal answers {error.status.name}: {error.message}") from error
        raise CommandFailed(
            f"{number}: Temporal knows no history of it: no such request, or closed longer than the retention"
        ) from error
    replayer = Replayer(
        workflows=[AfterSalesWorkflow],
        workflow_runner=workflow_runner(),
        data_converter=DATA_CONVERTER,
        namespace=client.namespace,
    )
    result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
    return result.replay_failure


async def _sweep(settings: Settings) -> None:
    from temporalio.service import RPCError

    from mallcare.gateways.temporal_client import SWEEP_SCHEDULE

    client = await _connect(settings)
    try:
        await client.get_schedule_handle(SWEEP_SCHEDULE).trigger()
    except RPCError as error:
        raise CommandFailed(
            f"Temporal answers {error.status.name}: {error.message}; was `mallcare bootstrap` run?"
        ) from error


async def _connect(settings: Settings) -> Client:
    """Temporal, as configured or of the data folder's stack.

    Raises:
        CommandFailed: it does not answer.
    """
    from mallcare.bootstrap import connect_temporal
    from mallcare.cli.reaching import reach_temporal

    settings = reach_temporal(settings)
    try:
        return await connect_temporal(settings)
    except RuntimeError as error:
        raise CommandFailed(f"Temporal does not answer at {settings.temporal_address}: {error}") from error
