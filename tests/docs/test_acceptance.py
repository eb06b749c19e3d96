"""`docs/acceptance.md` and the marks of the tests agree."""

from __future__ import annotations

import ast
import re

from tests.docs.reading import ROOT, tables

RULE = re.compile(r"[ATCOP]\d+")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")

Marks = dict[str, dict[str, set[str]]]
"""Rules by test by file."""


def rules_of(mark: ast.expr) -> set[str]:
    """The rules in a decorator or in a `pytestmark`, however it is written."""
    if ".rule" not in ast.unparse(mark):
        return set()
    words = (node.value for node in ast.walk(mark) if isinstance(node, ast.Constant))
    return {word for word in words if isinstance(word, str) and RULE.fullmatch(word)}


def marks() -> Marks:
    """Every test there is, with the rules it carries."""
    found: Marks = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        common = {
            rule
            for node in body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
            for rule in rules_of(node.value)
        }
        found[str(path.relative_to(ROOT))] = {
            node.name: common.union(*map(rules_of, node.decorator_list))
            for node in body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
        }
    return found


MARKS = marks()
CARRIED = {rule for tests in MARKS.values() for rules in tests.values() for rule in rules}
ROWS = [(row[0].split()[0], row) for row in tables("docs/acceptance.md")[0][1:]]


def test_every_rule_of_the_table_has_a_test_and_every_marked_rule_a_row() -> None:
    """A rule stands in the table if and only if a test carries it."""
    assert {rule for rule, _ in ROWS} == CARRIED


def test_every_row_names_tests_that_exist_and_carry_its_rule() -> None:
    """A file named as a whole has a test of the rule; a test named by itself is one."""
    wrong: list[str] = []
    for rule, row in ROWS:
        named = NAMED.findall(row[2])
        assert named, f"no test in the row: {row[1]}"
        for path, test in named:
            known = MARKS.get(path, {})
            carrying = [known.get(test, set())] if test else list(known.values())
            if not any(rule in rules for rules in carrying):
                wrong.append(f"{rule}: {path}{'::' * bool(test)}{test}")
    assert wrong == []


def test_the_ten_failures_have_their_tests() -> None:
    """Each by its number, with files that exist; whatever stands in their folder stands in the row."""
    rows = tables("docs/acceptance.md")[1][1:]
    assert [int(row[0]) for row in rows] == list(range(1, 11))
    for number, _, cell in rows:
        named = {path for path, _ in NAMED.findall(cell)}
        own = {path for path in MARKS if path.startswith(f"tests/failures/test_{int(number):02}_")}
        assert named
        assert named <= MARKS.keys()
        assert own <= named
