"""A mall's history, made by COPY: orders, reports, requests, their records, and the clocks they fold to.

Everything follows from a seed and an instant. Most promises are kept; a few are late, paused, void, or
forgotten. Columns of clocks are plain arithmetic, since every hour counts in the calendar used here; a test
compares them with what the domain folds.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

import psycopg

HOUR: Final = timedelta(hours=1)
TARGETS: Final = {"shipment": 48 * HOUR, "abnormal_delivery": 72 * HOUR}
STAGE_TARGET: Final = 48 * HOUR
AN_INSTANT: Final = timedelta(microseconds=1)
NULL: Final = "\\N"
LINE: Final = {
    "line_id": "1",
    "sku": "cup",
    "title": "cup",
    "quantity": 1,
    "unit_price_fen": 2_995,
    "freight_insured": False,
    "returnable": True,
}
LINES: Final = json.dumps([LINE])
NOBODY: Final = '{"customer": {}, "ship_to": null}'
QUOTE: Final = '{"tenders": [], "goods": [], "freight": [], "freight_if_last_fen": 0}'


@dataclass(frozen=True)
class History:
    """How much of a mall there is, and when it is looked at.

    `tracked`: of so many orders one has its parcel followed, with a clock of its own. `asked_back`: share of
    orders whose customers want everything back, so that their clocks pause.
    """

    orders: int
    cases: int
    now: datetime
    seed: int = 4
    suppliers: int = 200
    days: int = 60
    tracked: int = 5
    asked_back: float = 0.02


@dataclass(frozen=True)
class Told:
    """An event of a clock."""

    event_id: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class Made:
    """A clock as it is written."""

    metric: str
    subject: str
    part: str
    order_no: str
    supplier_id: str
    events: tuple[Told, ...]
    alarmed_at: datetime | None = None

    @property
    def target(self) -> timedelta:
        """What was promised."""
        return TARGETS.get(self.metric, STAGE_TARGET)


Row = tuple[object, ...]


@dataclass
class Page:
    """Rows of a stretch of the history, by table."""

    orders: list[Row]
    order_events: list[Row]
    cases: list[Row]
    case_events: list[Row]
    clocks: list[Made]


COLUMNS: Final = {
    "orders": "order_no version body_hash supplier_id channel customer_id placed_at paid_at freight_fen"
    " tenders discounts lines personal delivered_at closed_at release_due_at released_at",
    "order_events": "order_no event_id type occurred_at waybill received_at",
    "after_sales": "after_sales_no order_no supplier_id customer_id kind state version whole_order lines"
    " quote reason_code evidence policy_version disputed cooling_off created_at updated_at told_version"
    " checked_at",
    "after_sales_events": "after_sales_no version name actor_role actor_subject at from_state to_state facts",
    "clocks": "metric subject part seq order_no supplier_id policy_version calendar_id calendar_version"
    " target events alarmed_at breach_recorded_at started_at running_since elapsed due_at at_risk_at"
    " ended_at outcome next_at levels_done updated_at",
}


def fill(url: str, history: History, tell: Callable[[str], None] = lambda _: None) -> None:
    """Write a history into an empty migrated database, page by page, and let the server learn of it."""
    with psycopg.connect(url, autocommit=True) as connection:
        for page in pages(history):
            for table, rows in tables_of(page, history.now):
                _copy(connection, table, rows)
        tell("analyse ...")
        connection.execute("VACUUM (ANALYZE)")


def pages(history: History, size: int = 50_000) -> Iterator[Page]:
    """The history in stretches that belong together."""
    chance = random.Random(history.seed)
    for begin in range(0, history.orders, size):
        page = Page([], [], [], [], [])
        for number in range(begin, min(begin + size, history.orders)):
            _order(page, history, number, chance)
        yield page


def tables_of(page: Page, now: datetime) -> Iterator[tuple[str, Iterable[Row]]]:
    """The page's rows in the order in which tables refer to each other."""
    yield "orders", page.orders
    yield "order_events", page.order_events
    yield "after_sales", page.cases
    yield "after_sales_events", page.case_events
    yield "clocks", (clock_row(made, now) for made in page.clocks)


def supplier_of(history: History, number: int) -> str:
    """Suppliers differ in size: the first has about ten times the orders of the last."""
    place = (number * 0.6180339887) % 1.0
    return f"supplier-{int(history.suppliers * (math.pow(10, place) - 1) / 9):04}"


def _order(page: Page, history: History, number: int, chance: random.Random) -> None:
    now, order_no, supplier = history.now, f"O{number:08}", supplier_of(history, number)
    released = _round(now - history.days * 24 * HOUR * chance.random())
    placed = released - HOUR / 2
    scanned = _round(released + _handling(chance, 16, 48))
    closed = _round(released + 10 * HOUR) if chance.random() < 0.004 else None
    forgotten = chance.random() < 0.0005
    events = [Told("released", "start", released)]
    if chance.random() < history.asked_back:
        events += _asked_back(released, chance)
    if closed is not None and closed <= now:
        events.append(Told("closed", "void", closed))
        _report(page, order_no, "closed", closed)
    elif scanned <= now and not forgotten:
        events.append(Told("shipped", "fulfil", scanned))
        _report(page, order_no, "collected", scanned)
        if number % history.tracked == 0:
            _parcel(page, history, order_no, supplier, scanned, chance)
    told = tuple(event for event in events if event.at <= now)
    page.orders.append(
        (
            *(order_no, 1, "h", supplier, "consumer", f"C{number % 50_000}", placed, placed, 0, "[]", "[]"),
            *(LINES, NOBODY, "{}", closed if closed is not None and closed <= now else None, None, released),
        )
    )
    page.clocks.append(Made("shipment", order_no, "1", order_no, supplier, told))
    every = max(1, history.orders // history.cases) if history.cases else 0
    if every and number % every == 0 and len(page.cases) < history.cases:
        _case(page, history, number, supplier, released, chance)


def _asked_back(released: datetime, chance: random.Random) -> list[Told]:
    """The customer asks for it, and mostly lets it go again."""
    paused = _round(released + 60 * HOUR * chance.random())
    pause = [Told("pause-1", "pause", paused)]
    return pause if chance.random() < 0.2 else [*pause, Told("resume-2", "resume", _round(paused + 9 * HOUR))]


def _parcel(
    page: Page, history: History, order_no: str, supplier: str, since: datetime, chance: random.Random
) -> None:
    arrives = _round(since + _handling(chance, 30, 72))
    alarmed = _round(since + 5 * HOUR) if chance.random() < 0.01 else None
    events = [Told("moved", "start", since)]
    if alarmed is not None and alarmed < min(arrives, history.now):
        _report(page, order_no, "exception", alarmed)
    else:
        alarmed = None
    if arrives <= history.now and chance.random() > 0.0005:
        events.append(Told("arrived", "fulfil", arrives))
        _report(page, order_no, "delivered", arrives)
    waybill = f"SF{order_no}"
    page.clocks.append(
        Made("abnormal_delivery", order_no, waybill, order_no, supplier, tuple(events), alarmed)
    )


def _report(page: Page, order_no: str, kind: str, at: datetime) -> None:
    waybill = None if kind == "closed" else f"SF{order_no}"
    page.order_events.append((order_no, f"E-{kind}", kind, at, waybill, at))


def _case(
    page: Page, history: History, number: int, supplier: str, released: datetime, chance: random.Random
) -> None:
    """A return: reviewed, sent back, inspected; or withdrawn while it was reviewed."""
    now, order_no, case = history.now, f"O{number:08}", f"AS{number:08}"
    created = _round(released + (now - released) * chance.random())
    reviewed = _round(created + _handling(chance, 14, 48))
    withdrawn = chance.random() < 0.05
    arrived = _round(reviewed + 60 * HOUR * chance.random())
    inspected = _round(arrived + _handling(chance, 20, 48))
    steps: list[tuple[str, datetime, str]] = [("submitted", created, "PENDING_REVIEW")]
    if withdrawn:
        steps.append(("cancelled", reviewed, "CANCELLED"))
    else:
        steps += [("approved", reviewed, "AWAITING_RETURN"), ("received", arrived, "INSPECTING")]
        steps.append(("accepted", inspected, "COMPLETED"))
    past = [step for step in steps if step[1] <= now]
    state, updated = past[-1][2], past[-1][1]
    page.cases.append(
        (
            *(case, order_no, supplier, f"C{number % 50_000}", "return_refund", state, len(past), False),
            *("[]", QUOTE, "quality", "[]", 1, False, False, created, updated, len(past), updated),
        )
    )
    before: str | None = None
    for version, (name, at, after) in enumerate(past, 1):
        page.case_events.append((case, version, name, "system", "x", at, before, after, "{}"))
        before = after
    _stage(page, "review", case, order_no, supplier, created, reviewed, now, withdrawn)
    if not withdrawn and arrived <= now:
        _stage(page, "inspection", case, order_no, supplier, arrived, inspected, now, False)


def _stage(
    page: Page,
    metric: str,
    case: str,
    order_no: str,
    supplier: str,
    since: datetime,
    until: datetime,
    now: datetime,
    void: bool,
) -> None:
    events = [Told("start", "start", since)]
    if until <= now:
        events.append(Told("end", "void" if void else "fulfil", until))
    page.clocks.append(Made(metric, case, "", order_no, supplier, tuple(events)))


def _handling(chance: random.Random, usual_hours: float, target_hours: float) -> timedelta:
    """Mostly well within the target; about one in thirty beyond it."""
    late = chance.random() < 0.03
    hours = (
        target_hours + 40 * chance.random() ** 2
        if late
        else min(target_hours, usual_hours * chance.lognormvariate(0, 0.4))
    )
    return timedelta(hours=hours)


def _round(at: datetime) -> datetime:
    return at.replace(microsecond=0)


# --- clocks as rows ------------------------------------------------------------------------------


def clock_row(made: Made, now: datetime) -> Row:
    """All columns of a clock, where every hour counts; breaches were recorded as they happened."""
    started, since, elapsed, ended, void = _read(made)
    target = made.target
    risk = target - max(target / 5, 2 * HOUR)
    due = at_risk = next_at = outcome = None
    if since is not None:
        due = since + max(timedelta(), target - elapsed)
        at_risk = since + max(timedelta(), risk - elapsed)
        if made.alarmed_at is not None:
            at_risk = min(at_risk, max(made.alarmed_at, since))
        next_at = due + AN_INSTANT if due >= now else None
    elif ended is not None:
        due = _due_of_ended(made, ended, target)
        outcome = "breached" if elapsed > target else "void" if void else "met"
    late = due is not None and due < now and (outcome == "breached" or ended is None)
    recorded = min(due + HOUR / 60, now) if late and due is not None else None
    told = json.dumps([{"id": e.event_id, "kind": e.kind, "at": e.at.isoformat()} for e in made.events])
    key = (made.metric, made.subject, made.part, 1, made.order_no, made.supplier_id, 1, "24x7", 1)
    stands = (started, since, elapsed, due, at_risk, ended, outcome, next_at)
    return (*key, target, told, made.alarmed_at, recorded, *stands, 4 if late else 0, ended or started)


def _read(
    made: Made,
) -> tuple[datetime | None, datetime | None, timedelta, datetime | None, bool]:
    """Started, running since, elapsed in whole segments, ended, void."""
    started = since = ended = None
    elapsed, void = timedelta(), False
    for event in sorted(made.events, key=lambda e: e.at):
        if ended is not None:
            break
        if event.kind == "start":
            started = since = event.at
        elif event.kind == "resume":
            since = since or event.at
        else:
            elapsed += event.at - since if since is not None else timedelta()
            since = None
            if event.kind != "pause":
                ended, void = event.at, event.kind == "void"
    return started, since, elapsed, ended, void


def _due_of_ended(made: Made, ended: datetime, target: timedelta) -> datetime | None:
    """When it would have been due had it gone on."""
    lived = Made(
        made.metric,
        made.subject,
        made.part,
        made.order_no,
        made.supplier_id,
        tuple(e for e in made.events if e.kind not in ("fulfil", "void") and e.at <= ended),
    )
    _, since, elapsed, _, _ = _read(lived)
    return (since or ended) + max(timedelta(), target - elapsed)


# --- COPY ----------------------------------------------------------------------------------------


def _copy(connection: psycopg.Connection, table: str, rows: Iterable[Row]) -> None:
    columns = COLUMNS[table].replace(" ", ", ")
    statement = f"COPY {table} ({columns}) FROM STDIN".encode()
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for some in _bunches(rows):
            copy.write("".join(chain.from_iterable(("\t".join(map(_text, row)), "\n") for row in some)))


def _bunches(rows: Iterable[Row], size: int = 2_000) -> Iterator[list[Row]]:
    bunch: list[Row] = []
    for row in rows:
        bunch.append(row)
        if len(bunch) == size:
            yield bunch
            bunch = []
    yield bunch


def _text(value: object) -> str:
    if value is None:
        return NULL
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo is not UTC else value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():f} seconds"
    if isinstance(value, bool):
        return "t" if value else "f"
    return str(value)
