from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from psycopg.types.json import Json
from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.schema import CreateIndex

from mallcare.domain.quotes import CaseLine
from mallcare.domain.vocabulary import State
from mallcare.embedded.data_folder import free_port
from mallcare.persistence import migrate
from mallcare.persistence.engine import create_engine
from mallcare.persistence.migrate import FOLDER, SchemaMismatch
from mallcare.persistence.tables import metadata
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import StorageUnavailable, TaskFilter

HOUR = timedelta(hours=1)

CATALOG = """
SELECT 'column', table_name || '.' || column_name,
       concat_ws(' ', data_type, is_nullable, column_default, identity_generation)
FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename || '.' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'sequence', sequencename, data_type::text FROM pg_sequences WHERE schemaname = 'public'
"""


def catalog(url: str) -> set[tuple[str, str, str]]:
    """All there is in a database, as PostgreSQL itself describes it."""
    with psycopg.connect(url) as connection:
        return {(row[0], row[1], row[2]) for row in connection.execute(CATALOG)}


def without_spelling(condition: str) -> str:
    """A condition reduced to its words: PostgreSQL writes casts, arrays and brackets its own way."""
    plain = re.sub(r"::\w+(\[\])?", "", condition).replace("<> ALL", "NOT IN").replace("= ANY", "IN")
    plain = re.sub(r"\bARRAY\b", "", plain)
    plain = re.sub(r"\(?(\w+) >= (\d+)\)? AND \(?\1 <= (\w+)\)?", r"\1 BETWEEN \2 AND \3", plain)
    return re.sub(r"[\s()\[\]\"]", "", plain).lower()


def test_up_down_and_up_again_leaves_no_difference(new_database: Callable[[bool], str]) -> None:
    """What a revision makes, its way back removes."""
    url = new_database(False)
    migrate.upgrade(url)
    first = catalog(url)
    migrate.downgrade(url, "base")
    assert {row for row in catalog(url) if "alembic_version" not in row[1]} == set()
    migrate.upgrade(url)
    assert catalog(url) == first
    migrate.upgrade(url)
    assert catalog(url) == first


def test_the_migrations_lead_to_what_the_tables_describe(new_database: Callable[[bool], str]) -> None:
    """Nothing is left for `alembic revision --autogenerate` to find."""
    migrate.check(new_database(True))


def test_conditions_are_those_of_the_tables(new_database: Callable[[bool], str]) -> None:
    """CHECKs and partial indexes too, which Alembic does not compare."""
    found = {(kind, name): text for kind, name, text in catalog(new_database(True))}
    for table in metadata.tables.values():
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint):
                text = found.pop(("constraint", f"{table.name}.{constraint.name}"))
                assert without_spelling(text) == without_spelling(f"CHECK {constraint.sqltext}")
        for index in table.indexes:
            text = found.pop(("index", f"{table.name}.{index.name}"))
            wanted = str(CreateIndex(index).compile(dialect=dialect()))
            plain = text.replace("public.", "").replace(" USING btree", "")
            assert without_spelling(plain) == without_spelling(wanted)
    assert [name for kind, name in found if kind == "constraint" and ".ck_" in name] == []
    assert [name for kind, name in found if kind == "index" and ".ix_" in name] == []


OLD_ORDER = """
INSERT INTO orders (
    order_no, version, body_hash, supplier_id, channel, customer_id, placed_at, freight_fen,
    tenders, discounts, lines, personal, first_parcel_at, delivered_at
) VALUES (
    %s, 1, 'h', 's', 'consumer', 'c', now(), 0,
    '[]', '[]', %s, '{"customer": {}, "ship_to": null}', %s, '{}'
)
"""
OLD_LINE = {
    "sku": "s",
    "title": "t",
    "quantity": 2,
    "unit_price_fen": 1,
    "freight_insured": False,
    "returnable": True,
}
OLD_CASE = """
INSERT INTO after_sales (
    after_sales_no, order_no, supplier_id, customer_id, kind, state, version, whole_order, lines, quote,
    reason_code, evidence, policy_version, disputed, cooling_off, created_at, updated_at, checked_at
) VALUES (
    %s, 'O1', 's', 'c', 'refund_only', %s, 1, false,
    '[{"line_id": "A", "units": [1], "accepted_quantity": null}]',
    '{"tenders": [], "goods": [], "freight": [], "freight_if_last_fen": 0}', 'quality', '[]', 1, false, false,
    %s, %s, %s
)
"""
OLD_LEG = """
INSERT INTO refund_legs (
    refund_no, after_sales_no, order_no, tender_seq, tender, provider, amount_fen, status, round, created_at
) VALUES ('R1', 'COMPLETED', 'O1', 0, 'cash', 'wechat_pay', 5, 'PENDING', 1, now())
"""
OLD_TASK = """
INSERT INTO operations_tasks (task_id, kind, subject, facts, opened_at) VALUES (%s, %s, %s, '{}', now())
"""
AT = datetime(2026, 3, 1, 8, 0, 0, 500_000, tzinfo=UTC)


async def test_what_was_stored_before_returns_is_read_after_them(new_database: Callable[[bool], str]) -> None:
    """Refunds that were decided stay decided, parcels under way stay under way, and nothing is made up."""
    url = new_database(False)
    migrate.upgrade(url, "0005")
    with psycopg.connect(url) as old:
        old.execute(OLD_ORDER, ("O1", Json([{"line_id": "A", **OLD_LINE}, {"line_id": "B", **OLD_LINE}]), AT))
        old.execute(OLD_ORDER, ("O2", Json([{"line_id": "A", **OLD_LINE}]), None))
        old.execute(OLD_ORDER, ("O3", Json([]), AT))
        for state in ("PENDING_REVIEW", "REJECTED", "REFUNDING", "REFUND_FAILED", "COMPLETED"):
            old.execute(OLD_CASE, (state, state, AT, AT + HOUR, AT))
        old.execute(OLD_LEG)
        old.execute(
            "INSERT INTO order_events (order_no, event_id, type, occurred_at, waybill, received_at)"
            " VALUES ('O1', 'E1', 'collected', now(), 'SF1', now())"
        )
        old.execute(OLD_TASK, ("OT1", "reconciliation_failed", "x"))
    migrate.upgrade(url, "0006")
    with psycopg.connect(url) as new:
        decided = dict(new.execute("SELECT state, refund_decided_at FROM after_sales").fetchall())
    assert decided == {
        "PENDING_REVIEW": None,
        "REJECTED": None,
        **dict.fromkeys(("REFUNDING", "REFUND_FAILED", "COMPLETED"), AT + HOUR),
    }
    migrate.upgrade(url)
    engine = create_engine(url, pool_size=1)
    async with SqlUnitOfWorkFactory(engine)() as work:
        one, two, three = [await work.orders.get(number) for number in ("O1", "O2", "O3")]
        assert one is not None
        assert two is not None
        assert three is not None
        assert (one.fulfilment.shipped_at, one.exchanged_at) == ({"A": AT, "B": AT}, {})
        assert two.fulfilment.shipped_at == three.fulfilment.shipped_at == {}
        assert len((await work.orders.events_of(["O1"]))["O1"]) == 1
        live = [record.case for record in await work.cases.live_of_order("O1")]
        completed = await work.cases.get("COMPLETED")
        assert (await work.tasks.page(TaskFilter(subject="x"), 9, None)).items[0].task_id == "OT1"
    await engine.dispose()
    assert [case.state for case in live] == [State.PENDING_REVIEW, State.REFUNDING, State.REFUND_FAILED]
    plain = live[0]
    assert plain.lines == (CaseLine("A", (1,)),)
    assert {plain.intercept, plain.return_address_set, plain.missing_reported} == {False}
    assert plain.parcels == ()
    assert plain.extended_until is plain.proposal is plain.inspected_at is plain.settlement is None
    assert completed is not None
    assert [leg.settled_offline for leg in completed.case.legs] == [False]


def test_the_way_back_keeps_what_the_release_before_knows(new_database: Callable[[bool], str]) -> None:
    """Cases and tasks of then stay; tasks of kinds it never heard of go."""
    url = new_database(True)
    with psycopg.connect(url) as new:
        new.execute(OLD_ORDER, ("O1", Json([{"line_id": "A", **OLD_LINE}]), AT))
        new.execute(OLD_CASE, ("AS1", "REJECTED", AT, AT, AT))
        tasks = (("reconciliation_failed", "x"), ("intercept", "x"), ("intercept", "x"), ("paid_twice", "y"))
        for number, task in enumerate(tasks):
            new.execute(OLD_TASK, (f"OT{number}", *task))
            new.execute("UPDATE operations_tasks SET resolved_by = 'x', resolved_at = now(), note = 'n'")
    migrate.downgrade(url, "0005")
    with psycopg.connect(url) as old:
        assert old.execute("SELECT after_sales_no FROM after_sales").fetchall() == [("AS1",)]
        assert old.execute("SELECT task_id FROM operations_tasks").fetchall() == [("OT0",)]


def test_simultaneous_upgrades_do_not_clash(new_database: Callable[[bool], str]) -> None:
    """Several processes may start at once; one migrates, the others find it done."""
    url = new_database(False)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(migrate.upgrade, [url] * 4))
    migrate.check(url)


def test_check_names_what_differs(new_database: Callable[[bool], str]) -> None:
    """An old database, and one somebody changed by hand."""
    url = new_database(False)
    with pytest.raises(SchemaMismatch):
        migrate.check(url)
    migrate.upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN by_hand text")
    with pytest.raises(SchemaMismatch, match="by_hand"):
        migrate.check(url)


def test_a_failed_revision_leaves_nothing(new_database: Callable[[bool], str]) -> None:
    """The upgrade is one transaction."""
    url = new_database(False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE idempotency_keys (in_the_way int)")
    with pytest.raises(Exception, match="already exists"):
        migrate.upgrade(url)
    assert {name for _, name, _ in catalog(url)} == {"idempotency_keys.in_the_way"}


@pytest.mark.rule("P2")
def test_a_database_that_is_away_is_unavailable() -> None:
    """Named as everywhere else."""
    with pytest.raises(StorageUnavailable):
        migrate.upgrade(f"postgresql://nobody:none@127.0.0.1:{free_port()}/none")


def test_revisions_form_one_line_and_explain_themselves() -> None:
    """Every file names its revision in its file name, and can go back."""
    files = sorted(path for path in Path(FOLDER, "versions").glob("0*.py"))
    assert files
    for number, path in enumerate(files, start=1):
        text = path.read_text()
        assert f'revision = "{number:04d}"' in text
        assert path.name.startswith(f"{number:04d}_")
        assert "def downgrade() -> None:" in text
