"""`docs/webhooks.md` names every event the mall can be told of, and no other."""

from __future__ import annotations

import ast
import re

from mallcare.domain.intercepts import InterceptStatus
from mallcare.domain.vocabulary import ParcelPurpose
from tests.docs.reading import ROOT, tables

NAMED = {
    "CaseEvent": 0,
    "step": 5,
    "start_refund": 3,
    "approve": 3,
    "back_to_review": 3,
    "_auto_refund": 2,
    "_go_on": 5,
    "_hand_over": 2,
}
"""Functions of the domain that name an event, and which argument does."""
OF_LEGS = {"refund_succeeded", "refund_failed"}
OF_PARCELS = {f"{p.value}_{what}" for p in ParcelPurpose for what in ("moved", "abnormal", "delivered")}


def events_of_the_domain() -> set[str]:
    """Names that stand in calls as they are; those put together are listed above."""
    found: set[str] = set()
    for path in sorted((ROOT / "mallcare/domain").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            place = NAMED.get(ast.unparse(node.func).split(".")[-1]) if isinstance(node, ast.Call) else None
            if place is not None and isinstance(node, ast.Call) and len(node.args) > place:
                name = node.args[place]
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found.add(name.value)
    return found | OF_LEGS | OF_PARCELS


def test_every_event_is_told_of() -> None:
    """The table's first column holds each event once."""
    (table,) = [table for table in tables("docs/webhooks.md") if table[0][0] == "event"]
    named = [name for row in table[1:] for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(named) == sorted(events_of_the_domain())


def test_names_that_are_put_together_are_those_of_the_domain() -> None:
    """The endings of parcels' and legs' events stand in the code."""
    tracking = (ROOT / "mallcare/domain/tracking.py").read_text(encoding="utf-8")
    refunding = (ROOT / "mallcare/domain/refunding.py").read_text(encoding="utf-8")
    assert all(f"_{ending}" in tracking for ending in ("moved", "abnormal", "delivered"))
    assert all(f'"{name}"' in refunding for name in OF_LEGS)


def test_the_fates_of_an_inspection_are_named() -> None:
    """Members of `inspected` as the domain writes them."""
    code = (ROOT / "mallcare/domain/returning.py").read_text(encoding="utf-8")
    told = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
    (fate,) = re.findall(r"fates\.append\(\s*\{(.+?)\}", code, re.DOTALL)
    written = re.findall(r'"(\w+)":', fate)
    (paragraph,) = [part for part in told.split("\n\n") if part.startswith("**Stock.**")]
    assert "restock" in written
    assert set(written) <= set(re.findall(r"`(\w+)`", paragraph))


def test_every_word_of_an_intercept_is_told_of() -> None:
    """Types `intercept.` and where refunded goods are."""
    told = (ROOT / "docs/webhooks.md").read_text(encoding="utf-8")
    (paragraph,) = [part for part in told.split("\n\n") if "told of as `intercept.`" in part]
    before, _, _ = paragraph.partition("(see")
    assert re.findall(r"`(\w+)`", before) == [status.value for status in InterceptStatus]
