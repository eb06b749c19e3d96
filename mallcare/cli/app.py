"""The commands of `mallcare`. Each module imports what it needs when its command runs: help stays fast."""

from __future__ import annotations

import typer

from mallcare.cli import (
    calendars,
    cases,
    daily_sms,
    manual,
    orders,
    reconciliation,
    services,
    tokens,
    workflows,
)

app = typer.Typer(
    name="mallcare",
    help="After-sales and customer service for a mall of many suppliers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ON_THIS_MACHINE = "The platform on this machine"
IN_USE = "A running platform"
DEPLOYMENT = "A deployment's processes and steps"

app.command(rich_help_panel=ON_THIS_MACHINE)(services.up)
app.command(rich_help_panel=ON_THIS_MACHINE)(services.demo)
app.command(rich_help_panel=ON_THIS_MACHINE)(tokens.token)
app.add_typer(orders.app, name="orders", rich_help_panel=IN_USE)
app.add_typer(cases.app, name="case", rich_help_panel=IN_USE)
app.add_typer(calendars.app, name="calendars", rich_help_panel=IN_USE)
app.command(rich_help_panel=IN_USE)(reconciliation.reconcile)
app.command(name="daily-sms", rich_help_panel=IN_USE)(daily_sms.daily_sms)
app.command(rich_help_panel=IN_USE)(workflows.replay)
app.command(rich_help_panel=IN_USE)(workflows.sweep)
app.command(rich_help_panel=DEPLOYMENT)(services.bootstrap)
app.command(rich_help_panel=DEPLOYMENT)(services.migrate)
app.command(rich_help_panel=DEPLOYMENT)(services.api)
app.command(rich_help_panel=DEPLOYMENT)(services.worker)
app.command(rich_help_panel=DEPLOYMENT)(manual.openapi)
