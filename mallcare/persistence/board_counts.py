"""The board's statements that count. Text, because their conditions are shared with the lists'."""

# ruff: noqa: S608 - all parts are words of ours; whatever comes from outside is a parameter

from __future__ import annotations

from sqlalchemy import TextClause

from mallcare.domain.boards import OPEN_STATES, Age, ClockState
from mallcare.domain.metrics import METRICS_OF, Metric
from mallcare.persistence.base import quoted
from mallcare.persistence.board_conditions import (
    DAY,
    DUE_IN,
    OF_SUPPLIER,
    OPEN,
    STATES,
    ZONE,
    age_condition,
    with_types,
)
from mallcare.persistence.board_tables import EVERYBODY
from mallcare.persistence.clock_tables import PAUSED_LATE

OVERDUE = STATES[ClockState.OVERDUE]
METRICS = ", ".join(f"('{metric}')" for metric in Metric)
OUTCOMES = "outcome IN ('met', 'breached', 'void')"
KEPT_BEFORE = f"((now() AT TIME ZONE '{ZONE}')::date - 1)"
"""By the database's clock: days that ended a day ago at least, so that no transaction in flight began in
them and left them unmarked."""


def scoped(statement: str) -> tuple[TextClause, TextClause]:
    """A statement with `{scope}` in its condition: of all suppliers, and of one."""
    return (
        with_types(statement.replace("{scope}", "")),
        with_types(statement.replace("{scope}", f" AND {OF_SUPPLIER}")),
    )


def _filtered(condition: str, name: str) -> str:
    return f'count(*) FILTER (WHERE {condition}) AS "{name}"'


OPEN_CLOCKS = scoped(
    "SELECT metric, supplier_id, "
    + ", ".join(
        [_filtered(STATES[state], state) for state in OPEN_STATES]
        + [_filtered(age_condition(age), age) for age in Age]
    )
    + f", min(due_at) FILTER (WHERE {OVERDUE}) AS longest"
    + f", {_filtered(f'{OPEN} AND due_at < :before', 'overdue_before')}"
    + f" FROM clocks WHERE {OPEN} AND metric IN ({quoted(Metric)}){{scope}} GROUP BY metric, supplier_id"
)
"""By the covering index of open clocks alone."""

FIGURES = " ".join(
    f"WHEN metric IN ({quoted(metrics)}) THEN '{figure}'" for figure, metrics in METRICS_OF.items()
)
OVERDUE_SUBJECTS = scoped(
    f"SELECT CASE {FIGURES} END AS figure, count(DISTINCT subject) AS subjects"
    f" FROM clocks WHERE {OVERDUE} AND metric IN ({quoted(Metric)}){{scope}} GROUP BY 1"
)
ENDED_OVERDUE = scoped(
    "SELECT metric, count(*) AS clocks FROM clocks"
    " WHERE outcome = 'breached' AND ended_at > :before AND due_at < :before{scope} GROUP BY metric"
)
PAUSED_OVERDUE = scoped(
    f"SELECT * FROM clocks WHERE {PAUSED_LATE}"
    " AND (ended_at IS NULL OR ended_at > :before) AND (due_at IS NULL OR due_at >= :before){scope}"
)
OPEN_BY_DAY = scoped(
    f"SELECT metric, {DAY} AS day, count(*) AS clocks FROM clocks"
    f" WHERE {OPEN} AND metric IN ({quoted(Metric)}) AND {DUE_IN}{{scope}} GROUP BY 1, 2"
)

# --- cohorts -------------------------------------------------------------------------------------

VALID = """
    SELECT kept.metric, kept.day FROM clock_cohort_days AS kept
    WHERE kept.day BETWEEN :first AND :last AND NOT EXISTS (
        SELECT FROM clock_cohort_marks AS mark
        WHERE mark.metric = kept.metric AND mark.day = kept.day
          AND NOT pg_visible_in_snapshot(mark.transaction::text::xid8, kept.snapshot::pg_snapshot)
    )
"""
"""Days whose kept counts hold: they contain every transaction that marked them."""
DAYS = f"""
    SELECT of_all.metric, of_all.day::date AS day,
           of_all.day AT TIME ZONE '{ZONE}' AS begins,
           (of_all.day + interval '1 day') AT TIME ZONE '{ZONE}' AS ends
    FROM (SELECT metric, day FROM (VALUES {METRICS}) AS metrics (metric)
          CROSS JOIN generate_series(CAST(:first AS date)::timestamp, CAST(:last AS date)::timestamp,
                                     interval '1 day') AS day) AS of_all
"""
UNKEPT = f"""
    SELECT days.* FROM ({DAYS}) AS days
    WHERE NOT EXISTS (SELECT FROM valid WHERE valid.metric = days.metric AND valid.day = days.day)
"""
OF_DAY = f"""
    clocks.metric = missing.metric AND {OUTCOMES} AND ended_at IS NOT NULL
    AND due_at >= missing.begins AND due_at < missing.ends
"""
ENDS = """
    count(*) FILTER (WHERE outcome = 'met') AS met,
    count(*) FILTER (WHERE outcome = 'breached') AS breached,
    count(*) FILTER (WHERE outcome = 'void') AS void
"""
PERCENTILES = """
    percentile_disc(0.5) WITHIN GROUP (ORDER BY elapsed) FILTER (WHERE outcome <> 'void') AS p50,
    percentile_disc(0.9) WITHIN GROUP (ORDER BY elapsed) FILTER (WHERE outcome <> 'void') AS p90
"""
_COHORTS = f"""
    WITH valid AS MATERIALIZED ({VALID}), missing AS MATERIALIZED ({UNKEPT})
    SELECT metric, day, met, breached, void, p50, p90
    FROM valid JOIN clock_cohorts USING (metric, day) WHERE {{kept}}
    UNION ALL
    SELECT missing.metric, missing.day, counted.*
    FROM missing CROSS JOIN LATERAL (
        SELECT {ENDS}, {PERCENTILES} FROM clocks WHERE {OF_DAY}{{live}} HAVING count(*) > 0
    ) AS counted
"""
COHORTS = (
    with_types(_COHORTS.replace("{kept}", f"supplier_id = '{EVERYBODY}'").replace("{live}", "")),
    with_types(_COHORTS.replace("{kept}", OF_SUPPLIER).replace("{live}", f" AND {OF_SUPPLIER}")),
)
COMPLIANCE = with_types(f"""
    WITH valid AS MATERIALIZED ({VALID}), missing AS MATERIALIZED ({UNKEPT})
    SELECT supplier_id, metric, sum(met) AS met, sum(breached) AS breached, sum(void) AS void
    FROM (
        SELECT supplier_id, metric, met, breached, void
        FROM valid JOIN clock_cohorts USING (metric, day) WHERE supplier_id <> '{EVERYBODY}'
        UNION ALL
        SELECT counted.supplier_id, missing.metric, met, breached, void
        FROM missing CROSS JOIN LATERAL (
            SELECT supplier_id, {ENDS} FROM clocks WHERE {OF_DAY} GROUP BY supplier_id
        ) AS counted
    ) AS parts GROUP BY supplier_id, metric
""")

# --- keeping closed days -------------------------------------------------------------------------

DAYS_TO_KEEP = with_types(f"""
    WITH valid AS ({VALID})
    SELECT count(*) FROM ({UNKEPT}) AS missing WHERE missing.day < {KEPT_BEFORE}
""")
FORGET = with_types(f"""
    WITH valid AS ({VALID}), missing AS ({UNKEPT}),
    gone AS (
        DELETE FROM clock_cohort_days AS kept USING missing
        WHERE kept.metric = missing.metric AND kept.day = missing.day
    )
    DELETE FROM clock_cohorts AS cohort USING missing
    WHERE cohort.metric = missing.metric AND cohort.day = missing.day
""")
KEEP = with_types(f"""
    WITH valid AS (SELECT metric, day FROM clock_cohort_days WHERE day BETWEEN :first AND :last),
    missing AS MATERIALIZED (
        SELECT * FROM ({UNKEPT}) AS unkept WHERE unkept.day < {KEPT_BEFORE}
        ORDER BY unkept.day DESC, unkept.metric LIMIT :most
    ),
    kept AS (
        INSERT INTO clock_cohorts (supplier_id, metric, day, met, breached, void, p50, p90)
        SELECT coalesce(counted.supplier_id, '{EVERYBODY}'), missing.metric, missing.day,
               met, breached, void, p50, p90
        FROM missing CROSS JOIN LATERAL (
            SELECT supplier_id, {ENDS}, {PERCENTILES} FROM clocks WHERE {OF_DAY}
            GROUP BY GROUPING SETS ((), (supplier_id))
        ) AS counted
        WHERE met + breached + void > 0
    )
    INSERT INTO clock_cohort_days (metric, day, snapshot)
    SELECT metric, day, pg_current_snapshot()::text FROM missing
""")
"""Counts and the snapshot they were counted with, in one statement: it can tell later what it saw. The newest
days first, and so few that the statement ends in time however many clocks a day has."""
CLEAR_MARKS = with_types("""
    DELETE FROM clock_cohort_marks WHERE id IN (
        SELECT mark.id FROM clock_cohort_marks AS mark
        WHERE NOT EXISTS (
            SELECT FROM clock_cohort_days AS kept
            WHERE kept.metric = mark.metric AND kept.day = mark.day
              AND NOT pg_visible_in_snapshot(mark.transaction::text::xid8, kept.snapshot::pg_snapshot)
        )
        LIMIT :most
    )
""")
"""Marks that no kept day waits for, so many at once: where nobody read the board for months there are very
many, and it has to come back in time. Whoever holds the lock of filling knows that none is being filled."""
