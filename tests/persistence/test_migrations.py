from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import dialect
from sqlalchemy.schema import CreateIndex

from mallcare.embedded.data_folder import free_port
from mallcare.persistence import migrate
from mallcare.persistence.migrate import FOLDER, SchemaMismatch
from mallcare.persistence.tables import metadata
from mallcare.ports import StorageUnavailable

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
