"""`mallcare up`: the whole stack on this machine, watched until Ctrl-C."""

from __future__ import annotations

import asyncio

from rich.console import Console
from rich.table import Table

from mallcare.embedded.exit import leave
from mallcare.embedded.stack import EmbeddedStack
from mallcare.embedded.supervisor import ServiceEvent
from mallcare.gateways.simulators.messages.keys import message_accounts
from mallcare.gateways.simulators.wechat_pay.keys import generate_credentials
from mallcare.settings import Settings

console = Console()


def build_stack(
    settings: Settings, *, time_skipping: bool = False, simulator_env: dict[str, str] | None = None
) -> EmbeddedStack:
    """The embedded stack, telling the terminal what comes up and what dies."""
    return EmbeddedStack(
        settings,
        wechat_pay_keys=lambda: generate_credentials().environment(),
        message_accounts=message_accounts,
        time_skipping=time_skipping,
        simulator_env=simulator_env,
        on_event=tell,
    )


def tell(event: ServiceEvent) -> None:
    """One line for a service that came up, died or was restarted."""
    colour = {"READY": "green", "DIED": "red", "RESTARTED": "yellow"}.get(event.happening.name, "white")
    console.print(f"  [{colour}]{event.happening.name.lower():9}[/] {event.name}  [dim]{event.detail}[/]")


def addresses(stack: EmbeddedStack) -> Table:
    """Where everything of a running stack is."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    table.add_row("API and its manual", f"{stack.api_url}/docs")
    table.add_row(
        "Temporal UI", f"{stack.settings.temporal_ui_url}/namespaces/{stack.settings.temporal_namespace}"
    )
    table.add_row("Metrics", f"{stack.api_url}/metrics")
    table.add_row("Data and logs", str(stack.data_dir))
    return table


def serve(settings: Settings) -> None:
    """Run until Ctrl-C; a service that dies is started again."""

    async def welcome(stack: EmbeddedStack) -> None:
        console.print()
        console.print(addresses(stack))
        console.print(
            "\nA token for the API: [bold]mallcare token mall[/]. Ctrl-C stops everything; data stay."
        )

    console.print("Starting mallcare ...")
    leave(asyncio.run(build_stack(settings).serve(welcome)))
