"""Amounts and records as people read them."""

from __future__ import annotations

import pytest
from rich.console import Console

from mallcare.cli import formats


@pytest.mark.parametrize(
    ("fen", "text"),
    [(None, ""), (0, "¥0.00"), (5, "¥0.05"), (123_456, "¥1,234.56"), (-5, "-¥0.05")],
)
def test_an_amount_is_exact(fen: int | None, text: str) -> None:
    """To the fen, by whole numbers alone."""
    assert formats.yuan(fen) == text


def test_instants_are_shown_in_beijing() -> None:
    """Whatever the offset they came with."""
    assert (
        formats.clock("2026-03-01T23:30:05Z")
        == formats.clock("2026-03-02T07:30:05+08:00")
        == "03-02 07:30:05"
    )


def test_a_record_shows_what_was_refused_and_what_a_caller_wrote_as_it_is() -> None:
    """A refused command keeps the state it lost to; brackets in a reason are no markup."""
    base = {"actor": {"role": "customer"}, "at": "2026-03-01T08:00:00Z", "refused_code": None}
    rejected = {"name": "rejected", "to_state": "REJECTED", "facts": {"reason": "[red]no[/] [/"}}
    refused = {"name": "cancel", "to_state": None, "facts": {"current_state": "REJECTED"}}
    table = formats.record_table(
        [base | rejected, base | refused | {"refused_code": "illegal_transition"}], 0
    )
    console = Console(width=130)
    with console.capture() as shown:
        console.print(table)
    first, second = shown.get().splitlines()[1:]
    assert "rejected · [red]no[/] [/" in first
    assert "cancel refused: illegal_transition" in second
    assert second.rstrip().endswith("REJECTED")


def test_a_case_is_found_in_the_temporal_ui() -> None:
    """Its id holds a slash, which the path must not."""
    link = formats.workflow_link("http://ui:8233/", "mallcare", "AS1")
    assert link == "http://ui:8233/namespaces/mallcare/workflows/after-sales%2FAS1"
