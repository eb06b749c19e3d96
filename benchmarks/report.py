"""The findings as tables: on the terminal and as Markdown, each aim met or not."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from benchmarks.deadlines import Deadlines, Lateness
from benchmarks.events import Shape
from benchmarks.finding import Aim, Part, Row, Sheet
from benchmarks.lifecycle import Level
from benchmarks.shape import ACTIVITIES, EVENTS, SIGNALS, TASKS, quantile

SHARE_OF_FLOOR, TIMES_BARE_START, TIMES_BARE_CPU, SPREAD_SECONDS, TIMES_BARE_BURST = (
    0.7,
    4.0,
    3.0,
    1.0,
    1.2,
)


@dataclass
class Findings:
    """Everything one run found."""

    machine: list[str]
    levels: list[Level] = field(default_factory=list[Level])
    shapes: list[Shape] = field(default_factory=list[Shape])
    deadlines: Deadlines | None = None
    parts: list[Part] = field(default_factory=list[Part])


def write_tables(findings: Findings, console: Console) -> str:
    """Print the tables; the same as Markdown."""
    sheets = _sheets(findings)
    for sheet in sheets:
        table = Table(title=sheet.title, title_justify="left")
        for place, head in enumerate(sheet.heads):
            table.add_column(head, justify="left" if place == 0 else "right")
        for row in sheet.rows:
            table.add_row(*row)
        console.print(table)
    head = ["# Results of `make bench`", "", *(f"- {line}" for line in findings.machine), ""]
    intro = (
        "Absolute figures hold for this machine and hour; ratios and counts are what counts. Clients, "
        "engines, simulated vendors, API and worker share its cores."
    )
    return "\n".join([*head, intro, "", *(_markdown(sheet) for sheet in sheets)])


def _markdown(sheet: Sheet) -> str:
    lines = [
        f"## {sheet.title}",
        "",
        f"| {' | '.join(sheet.heads)} |",
        "|---" + "|---:" * (len(sheet.heads) - 1) + "|",
        *(f"| {' | '.join(row)} |" for row in sheet.rows),
        "",
    ]
    return "\n".join(lines) + "\n"


def _sheets(findings: Findings) -> list[Sheet]:
    sheets = [Sheet("Aims", ("aim", "wanted", "measured", "met"), _aims(findings))]
    if findings.levels:
        sheets += [_throughput(findings.levels), _cpu(findings.levels)]
    if findings.shapes:
        sheets.append(_histories(findings.shapes))
    if findings.deadlines is not None:
        sheets += [
            _lateness("P3 Lateness of deadlines spread over time", findings.deadlines.spread),
            _lateness("P3 Lateness of deadlines at one instant", findings.deadlines.burst),
        ]
    return sheets + [sheet for part in findings.parts for sheet in part.sheets]


# --- aims ----------------------------------------------------------------------------------------


def _aims(findings: Findings) -> list[Row]:
    rows = [
        _aim(f"P1 share of the floor, {level.clients} clients", level.ratio, SHARE_OF_FLOOR, least=True)
        for level in findings.levels
    ]
    if findings.levels:
        first, last = findings.levels[0], findings.levels[-1]
        start = quantile(first.floor.create, 0.5)
        for name, taken in (("create", first.product.create), ("command", first.product.command)):
            times = quantile(taken, 0.5) / start
            rows.append(
                _aim(f"P1 {name} p50 / bare start p50, {first.clients} client", times, TIMES_BARE_START)
            )
        times = last.product.cpu_ms("worker") / last.floor.cpu_ms("floor worker")
        rows.append(_aim(f"P7 worker CPU / bare worker, {last.clients} clients", times, TIMES_BARE_CPU))
    rows += [
        _aim(f"P2 events, {shape.name}", shape.counts[EVENTS], shape.most)
        for shape in findings.shapes
        if shape.most is not None
    ]
    if findings.deadlines is not None:
        spread, burst = findings.deadlines.spread, findings.deadlines.burst
        rows.append(_aim("P3 spread, p99 written, s", spread[1].at(0.99), SPREAD_SECONDS))
        for bare in burst[:2]:
            times = burst[3].drained / bare.drained
            rows.append(_aim(f"P3 burst / {bare.what}", times, TIMES_BARE_BURST))
    return rows + [aim.row() for part in findings.parts for aim in part.aims]


def _aim(name: str, measured: float, wanted: float, *, least: bool = False) -> Row:
    return Aim(name, measured, wanted, least).row()


# --- tables --------------------------------------------------------------------------------------


def _throughput(levels: list[Level]) -> Sheet:
    rows: list[Row] = []
    for level in levels:
        for name, timing in (("floor", level.floor), ("mallcare", level.product)):
            rows.append(
                (
                    f"{name}, {level.clients} clients",
                    str(len(timing.whole)),
                    f"{timing.per_second:.1f}",
                    _pair(timing.create),
                    _pair(timing.command),
                    f"{_pair(timing.whole)} / {1_000 * max(timing.whole):.0f}",
                    f"{timing.others:.1f}",
                )
            )
    heads = (
        *(
            "",
            "lifecycles",
            "per s",
            "create p50 / p99 ms",
            "command p50 / p99 ms",
            "whole p50 / p99 / max ms",
        ),
        "cores taken by others",
    )
    return Sheet("P1 Refund-only lifecycles through HTTP", heads, rows)


def _cpu(levels: list[Level]) -> Sheet:
    """Where the processors went."""
    names = list(levels[0].product.cpu)
    rows: list[Row] = []
    for level in levels:
        for side, timing in (("floor", level.floor), ("mallcare", level.product)):
            parts = [timing.cpu_ms(name) for name in names]
            cells = [f"{part:.1f}" for part in (*parts, sum(parts))]
            rows.append((f"{side}, {level.clients} clients", *cells))
    return Sheet("P7 CPU of each process for one lifecycle, ms", ("", *names, "all"), rows)


def _histories(shapes: list[Shape]) -> Sheet:
    rows = [
        (
            shape.name,
            str(shape.counts[EVENTS]),
            str(shape.counts[TASKS]),
            str(shape.counts[ACTIVITIES]),
            str(shape.counts[SIGNALS]),
            f"{shape.smallest}-{shape.largest}",
        )
        for shape in shapes
    ]
    return Sheet("P2 Histories", ("", EVENTS, TASKS, ACTIVITIES, SIGNALS, "events seen"), rows)


def _lateness(title: str, all_late: list[Lateness]) -> Sheet:
    rows = [
        (
            late.what,
            str(len(late.seconds)),
            *(f"{1_000 * late.at(share):.0f}" for share in (0.5, 0.99, 1)),
            f"{late.drained:.1f}",
        )
        for late in all_late
    ]
    return Sheet(title, ("", "deadlines", "p50 ms", "p99 ms", "max ms", "all done after s"), rows)


def _pair(seconds: list[float]) -> str:
    return f"{1_000 * quantile(seconds, 0.5):.1f} / {1_000 * quantile(seconds, 0.99):.1f}"
