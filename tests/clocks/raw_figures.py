"""What clocks should say, worked out from the rows of orders, reports and requests by arithmetic of its own.

Knows nothing of the product's folds: only of the table's columns, of a calendar that is always open, and
of what T2 promises. Orders are taken to have kept their lines, and every step to have had an instant of its
own; looks to have come with the step in which their orders fell due.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

HOUR = timedelta(hours=1)
NONE = timedelta(0)
SCANS = ("collected", "in_transit", "out_for_delivery", "delivered")
WITHOUT_SUPPLIER = ("CANCELLED", "CLOSED", "EXPIRED")
FINAL = (*WITHOUT_SUPPLIER, "COMPLETED", "REJECTED")
FIRST_KINDS = (
    "SELECT subject, data->>'kind' AS kind FROM outgoing_messages WHERE type = 'after_sales.submitted'"
)
Rows = Sequence[Mapping[str, Any]]
Key = tuple[str, str, str, int]


class Figure(NamedTuple):
    """What a clock comes to. `outcome` None: it has not ended."""

    started_at: datetime | None
    elapsed: timedelta
    running_since: datetime | None
    due_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    alarmed_at: datetime | None = None


@dataclass
class Stopwatch:
    """Counts by hand: told what happens in the order in which it happens."""

    target: timedelta
    started_at: datetime
    elapsed: timedelta = NONE
    since: datetime | None = None
    end: tuple[datetime, bool] | None = None
    due_at: datetime | None = None

    def __post_init__(self) -> None:
        self.go(self.started_at)

    def go(self, at: datetime) -> None:
        if self.end is None and self.since is None:
            self.since = at

    def stand(self, at: datetime) -> None:
        if self.end is None and self.since is not None:
            self.elapsed += at - self.since
            self.since = None

    def stop(self, at: datetime, *, void: bool) -> None:
        if self.end is None:
            self.due_at = self._due(self.since or at)
            self.stand(at)
            self.end = (at, void)

    def _due(self, since: datetime) -> datetime:
        return since + max(NONE, self.target - self.elapsed)

    def figure(self, alarmed_at: datetime | None = None) -> Figure:
        if self.end is None:
            due = self._due(self.since) if self.since is not None else None
            return Figure(self.started_at, self.elapsed, self.since, due, None, None, alarmed_at)
        at, void = self.end
        outcome = "breached" if self.elapsed > self.target else "void" if void else "met"
        return Figure(self.started_at, self.elapsed, None, self.due_at, at, outcome, alarmed_at)


@dataclass
class Raw:
    """The rows."""

    orders: Rows
    reports: Rows
    requests: Rows
    steps: Mapping[str, list[Mapping[str, Any]]]
    kinds: Mapping[str, str]
    """What each request asked for at first; a proposal may have changed it."""

    def of_order(self, order_no: str, rows: Rows) -> Rows:
        return [row for row in rows if row["order_no"] == order_no]


async def read(connection: AsyncConnection) -> Raw:
    """Everything there is."""

    async def rows(statement: str) -> Rows:
        found = (await connection.execute(text(statement))).mappings()
        return [{str(name): value for name, value in row.items()} for row in found]

    steps: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for step in await rows("SELECT * FROM after_sales_events WHERE refused_code IS NULL ORDER BY id"):
        steps[step["after_sales_no"]].append(step)
    return Raw(
        orders=await rows("SELECT * FROM orders"),
        reports=await rows("SELECT * FROM order_events ORDER BY occurred_at, event_id"),
        requests=await rows("SELECT * FROM after_sales ORDER BY created_at"),
        steps=steps,
        kinds={row["subject"]: row["kind"] for row in await rows(FIRST_KINDS)},
    )


def figures(raw: Raw) -> dict[Key, Figure]:
    """By metric, subject, part and number."""
    found: dict[Key, Figure] = {}
    for order in raw.orders:
        found |= _shipments(raw, order)
        found |= _parcels(raw, order)
    for request in raw.requests:
        found |= _stages(request, raw.steps[request["after_sales_no"]])
    return found


def _covers(report: Mapping[str, Any], line_id: str) -> bool:
    return report["line_ids"] is None or line_id in report["line_ids"]


def _own(raw: Raw, order_no: str) -> Rows:
    return [report for report in raw.of_order(order_no, raw.reports) if not report["set_aside"]]


def _shipments(raw: Raw, order: Mapping[str, Any]) -> dict[Key, Figure]:
    """Events of a line in the order of their instants: claims that changed, then a scan, then a closing."""
    released = order["released_at"]
    if released is None:
        return {}
    order_no, found = order["order_no"], dict[Key, Figure]()
    reports = _own(raw, order_no)
    closings = [report["occurred_at"] for report in reports if report["type"] == "closed"]
    for line in order["lines"]:
        line_id = line["line_id"]
        scans = [one["occurred_at"] for one in reports if one["type"] in SCANS and _covers(one, line_id)]
        told: list[tuple[datetime, int, str]] = []
        told += [(max(at, released), rank, word) for at, rank, word in _claims(raw, order, line)]
        told += [(max(scan, released), 2, "scanned") for scan in sorted(scans)[:1]]
        told += [(max(closing, released), 3, "void") for closing in sorted(closings)[:1]]
        watch = Stopwatch(48 * HOUR, released)
        for at, _, word in sorted(told, key=lambda one: one[:2]):
            if word == "paused":
                watch.stand(at)
            elif word == "goes on":
                watch.go(at)
            else:
                watch.stop(at, void=word == "void")
        found["shipment", order_no, line_id, 1] = watch.figure()
    return found


def _claims(raw: Raw, order: Mapping[str, Any], line: Mapping[str, Any]) -> list[tuple[datetime, int, str]]:
    """What becomes of the units of a line, one after the other, and what that means for its clock.

    A unit's holder: a request while it is undecided, `spent` once it is refunded, `kept` where that was a
    compensation.
    """
    line_id, quantity = line["line_id"], line["quantity"]
    holders: dict[int, str] = {}
    changes: list[tuple[datetime, int, str]] = []
    standing = "goes on"
    for at, change in _changes(raw, order["order_no"]):
        _apply(holders, change, line_id, quantity)
        spent = sum(holder == "spent" for holder in holders.values())
        asked = sum(holder != "kept" for holder in holders.values())
        now = "void" if spent >= quantity else "paused" if asked >= quantity else "goes on"
        if standing != "void" and now != standing:
            changes.append((at, {"paused": 0, "goes on": 1, "void": 4}[now], now))
            standing = now
    before = [one for one in changes if one[0] <= order["released_at"]]
    return before[-1:] + changes[len(before) :]


def _changes(raw: Raw, order_no: str) -> list[tuple[datetime, tuple[str, Mapping[str, Any]]]]:
    """Refunds of the mall, then what its requests did, by the instant at which the platform heard of it."""
    told = [
        (report["received_at"], 0, ("mall", report))
        for report in raw.of_order(order_no, raw.reports)
        if report["type"] == "refunded"
    ]
    for request in raw.of_order(order_no, raw.requests):
        no = request["after_sales_no"]
        kind = raw.kinds[no]
        for step in raw.steps[no]:
            agreed = step["facts"].get("kind", kind) if step["name"] == "proposal_accepted" else kind
            word = _word(request, step, kind, agreed)
            kind = agreed
            if word is not None:
                told.append((step["at"], 1, (word, request)))
    return [(at, change) for at, _, change in sorted(told, key=lambda one: one[:2])]


def _word(request: Mapping[str, Any], step: Mapping[str, Any], kind: str, agreed: str) -> str | None:
    """Only who asks for money alone keeps goods from being shipped; less money keeps nothing."""
    if step["version"] == 1:
        return "asks" if kind == "refund_only" else None
    if step["to_state"] in ("REJECTED", *WITHOUT_SUPPLIER) or agreed != "refund_only":
        return "ends"
    if step["to_state"] == "REFUNDING" and step["name"] in ("approved", "proposal_accepted"):
        lowered = any(line.get("lowered") is not None for line in request["lines"])
        return "keeps" if lowered else "spends"
    return None


def _apply(
    holders: dict[int, str], change: tuple[str, Mapping[str, Any]], line_id: str, quantity: int
) -> None:
    word, row = change
    if word == "mall":
        _mall_takes(holders, row, line_id, quantity)
        return
    no = row["after_sales_no"]
    units = [unit for line in row["lines"] if line["line_id"] == line_id for unit in line["units"]]
    if word == "asks":
        assert not set(units) & holders.keys(), "a unit is asked back twice"
        holders.update(dict.fromkeys(units, no))
        return
    for unit in units:
        if word == "ends" and holders.get(unit) == no:
            del holders[unit]
        elif word != "ends":
            holders[unit] = "spent" if word == "spends" else "kept"


def _mall_takes(holders: dict[int, str], report: Mapping[str, Any], line_id: str, quantity: int) -> None:
    """Free units from the first one on, then those of undecided requests from the last one on."""
    if report["refunded_lines"] is not None:
        wanted = report["refunded_lines"].get(line_id, 0)
    else:
        wanted = quantity if _covers(report, line_id) else 0
    units = range(1, quantity + 1)
    free = [unit for unit in units if unit not in holders]
    held = [unit for unit in reversed(units) if holders.get(unit, "spent") not in ("spent", "kept")]
    for unit in [*free, *held][:wanted]:
        holders[unit] = "spent"


def _parcels(raw: Raw, order: Mapping[str, Any]) -> dict[Key, Figure]:
    order_no, found = order["order_no"], dict[Key, Figure]()
    reports = [one for one in _own(raw, order_no) if one["type"] in (*SCANS, "exception")]
    closings = [one["occurred_at"] for one in _own(raw, order_no) if one["type"] == "closed"]
    by_line = [
        [
            one["occurred_at"]
            for one in reports
            if one["type"] == "delivered" and _covers(one, line["line_id"])
        ]
        for line in order["lines"]
    ]
    arrived = max(min(ats) for ats in by_line) if all(by_line) else None
    of_parcel: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for report in reports:
        of_parcel[(report["waybill"] or "").strip().upper()].append(report)
    for parcel, told in of_parcel.items():
        for number, (begin, end, alarm) in enumerate(_silences(told), 1):
            watch = Stopwatch(72 * HOUR, begin)
            if end is not None:
                watch.stop(end, void=False)
            else:
                ends = [(max(arrived, begin), False)] if arrived is not None else []
                ends += [(max(closing, begin), True) for closing in closings]
                ends += [(max(at, begin), True) for at in _given_back(raw, order, told)]
                for at, void in sorted(ends):
                    watch.stop(at, void=void)
            found["abnormal_delivery", order_no, parcel, number] = watch.figure(alarm)
    return found


def _given_back(raw: Raw, order: Mapping[str, Any], told: Rows) -> list[datetime]:
    """When all that a parcel carries was refunded, as it became known; empty while it was not."""
    spent: list[datetime] = []
    for line in order["lines"]:
        if any(_covers(report, line["line_id"]) for report in told):
            holders: dict[int, str] = {}
            at = None
            for changed_at, change in _changes(raw, order["order_no"]):
                _apply(holders, change, line["line_id"], line["quantity"])
                if at is None and sum(one == "spent" for one in holders.values()) >= line["quantity"]:
                    at = changed_at
            if at is None:
                return []
            spent.append(at)
    return [max(spent)] if spent else []


def _silences(told: Rows) -> list[tuple[datetime, datetime | None, datetime | None]]:
    """From one sign of life to the next where they lie more than 60 hours apart; the last one stays open."""
    until = next((n for n, one in enumerate(told) if one["type"] == "delivered"), None)
    lived = told if until is None else told[: until + 1]
    moves = [one["occurred_at"] for one in lived if one["type"] != "exception"]
    alarms = [one["occurred_at"] for one in lived if one["type"] == "exception"]
    marks = ([alarms[0]] if alarms and (not moves or alarms[0] < moves[0]) else []) + moves
    if until is not None and len(marks) == 1:
        return [(marks[0], marks[0], None)]
    found: list[tuple[datetime, datetime | None, datetime | None]] = []
    for begin, end in zip(marks, [*marks[1:], None], strict=True):
        if end is None and until is not None:
            break
        last = until is not None and end == marks[-1]
        alarm = next((at for at in alarms if at >= begin and (end is None or at < end)), None)
        if end is None or last or end - begin > 60 * HOUR:
            found.append((begin, end, alarm))
    return found


def _stages(request: Mapping[str, Any], steps: Rows) -> dict[Key, Figure]:
    """Steps of one instant are one change: the request was seen only before and after them."""
    no, running, found = request["after_sales_no"], dict[str, tuple[Key, Stopwatch]](), dict[Key, Figure]()
    missing = refused = sent_back = taken = False
    for n, step in enumerate(steps):
        name, state = step["name"], step["to_state"]
        missing = name == "missing_reported" or (missing and name not in ("reshipped", "out_of_stock"))
        refused = refused or (name == "inspected" and any(x["refused"] for x in step["facts"]["lines"]))
        sent_back = sent_back or name == "shipped_back"
        taken = (taken or name in ("clock_voided", "taken_over", "refunded_by_the_mall")) and not (
            name == "resumed" or state == "REFUNDING"
        )
        if n + 1 < len(steps) and steps[n + 1]["at"] == step["at"]:
            continue
        waits: set[str] = set()
        if state not in FINAL and not taken:
            waits |= {"review"} if state == "PENDING_REVIEW" else set()
            waits |= {"inspection"} if state == "INSPECTING" else set()
            waits |= {"reshipment"} if state == "AWAITING_RESHIPMENT" else set()
            waits |= {"reshipment"} if state == "RESHIPPED" and missing else set()
            waits |= {"ship_back"} if refused and not sent_back else set()
        for metric in running.keys() - waits:
            key, watch = running.pop(metric)
            watch.stop(step["at"], void=taken or state in WITHOUT_SUPPLIER)
            found[key] = watch.figure()
        for metric in waits - running.keys():
            key = (metric, no, "", step["version"])
            running[metric] = (key, Stopwatch(48 * HOUR, step["at"]))
    return found | {key: watch.figure() for key, watch in running.values()}
