"""How amounts, instants and records are shown to people in a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, cast
from urllib.parse import quote

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.vocabulary import FINAL_STATES

BEIJING = timezone(timedelta(hours=8))

WIDTH_OF_FILES = 130
TOLD = ("tender", "waybill", "reason", "failure_code")
"""Facts of an event that are told beside its name."""
COUNTED = ("good", "damaged", "wrong", "missing", "accepted", "refused", "restock", "scrap")

Json = dict[str, Any]
"""An object as the API answers it."""


def console_for_people(*, stderr: bool = False) -> Console:
    """A console as wide as its terminal; in a file or a pipe, wide enough for a table."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH_OF_FILES)


def yuan(fen: int | None) -> str:
    """An amount in yuan, two decimals; empty for none."""
    if fen is None:
        return ""
    sign, fen = ("-", -fen) if fen < 0 else ("", fen)
    return f"{sign}¥{fen // 100:,}.{fen % 100:02d}"


def clock(at: str | datetime) -> str:
    """Day and time in Beijing, to the second."""
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return instant.astimezone(BEIJING).strftime("%m-%d %H:%M:%S")


def state(name: str | None) -> str:
    """A state in colour: green where it ended well, red where it did not, yellow while it goes on."""
    if name is None:
        return ""
    ended = name in {final.value for final in FINAL_STATES}
    colour = "green" if name == "COMPLETED" else "red" if ended or name == "REFUND_FAILED" else "yellow"
    return f"[{colour}]{name}[/]"


def record_table(case: Json, events: Sequence[Json]) -> Table:
    """The record of a case: time, who, what, state, amount. Its quote stands beside its submission."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("time (Beijing)", "who", "what", "state"):
        table.add_column(heading)
    table.add_column("amount", justify="right")
    for event in events:
        refused = event["refused_code"]
        facts = event["facts"]
        fen = facts.get("total_fen", facts.get("amount_fen"))
        if event["name"] == "submitted":
            fen = _asked_fen(case, events)
        table.add_row(
            clock(event["at"]),
            event["actor"]["role"],
            f"[red]{event['name']} refused: {refused}[/]" if refused else _what(event),
            state(event["to_state"] or facts.get("current_state")),
            yuan(fen),
        )
    return table


def _asked_fen(case: Json, events: Sequence[Json]) -> int | None:
    """What was asked for in the beginning; None where that was no money, or was lowered since."""
    fewer = any(
        line["accepted_quantity"] is not None and line["accepted_quantity"] < line["quantity"]
        for line in case["lines"]
    )
    lowered = any(event["facts"].get("goods_fen") is not None for event in events)
    return None if case["kind"] == "exchange" or fewer or lowered else case["quote"]["total_fen"]


def _what(event: Json) -> str:
    facts = event["facts"]
    told = [escape(str(facts[name])) for name in TOLD if facts.get(name)]
    told += [counted] if (counted := _counted(facts.get("lines"))) else []
    if facts.get("automatic"):
        told.append("by the system")
    if "late_ms" in facts:
        told.append(f"{facts['late_ms']} ms after its deadline")
    return " · ".join([event["name"].replace("_", " "), *told])


def _counted(lines: object) -> str:
    """Units of all lines together, by what was counted of them: `2 good, 1 missing`."""
    units: Counter[str] = Counter()
    for line in cast("list[Json]", lines) if isinstance(lines, list) else []:
        units.update({name: line[name] for name in COUNTED if name in line})
    return ", ".join(f"{count} {name}" for name, count in units.items() if count)


def parcel(told: Mapping[str, Any]) -> str:
    """A parcel: why it travels, its waybill, and the last that was heard of it."""
    if told["signed_at"]:
        heard = f"signed for at {clock(told['signed_at'])}"
    elif told["abnormal"]:
        heard = "[red]its carrier reports a problem[/]"
    else:
        heard = f"moved at {clock(told['moved_at'])}" if told["moved_at"] else "not heard of yet"
    purpose = told["purpose"].replace("_", " ")
    return f"{purpose} {escape(told['carrier'])} {escape(told['waybill'])}, {heard}"


def refund_table(refunds: Iterable[Mapping[str, Any]]) -> Table:
    """Refund legs: number, tender, amount, where it stands."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("refund")
    table.add_column("tender")
    table.add_column("amount", justify="right")
    table.add_column("status")
    for refund in refunds:
        status, code = refund["status"], refund.get("failure_code")
        table.add_row(
            refund["refund_no"],
            refund["tender"],
            yuan(refund["amount_fen"]),
            status + (f" ({code})" if code else ""),
        )
    return table


def workflow_link(ui_url: str, namespace: str, after_sales_no: str) -> str:
    """A case's page in the Temporal UI, its newest run."""
    workflow_id = quote(after_sales_workflow_id(after_sales_no), safe="")
    return f"{ui_url.rstrip('/')}/namespaces/{namespace}/workflows/{workflow_id}"
