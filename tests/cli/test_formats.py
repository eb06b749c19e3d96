"""Amounts and records as people read them."""

from __future__ import annotations

from typing import Any

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


def case(kind: str = "refund_only", *, accepted: int | None = None) -> dict[str, Any]:
    """A case about three units worth 15 yuan."""
    lines = [{"line_id": "1", "quantity": 3, "accepted_quantity": accepted}]
    return {"kind": kind, "lines": lines, "quote": {"total_fen": 1_500}}


def event(name: str, to_state: str, **facts: object) -> dict[str, Any]:
    """Something that happened to a case."""
    at, actor = "2026-03-01T08:00:00Z", {"role": "customer"}
    return {
        "name": name,
        "at": at,
        "actor": actor,
        "to_state": to_state,
        "refused_code": None,
        "facts": facts,
    }


def rows(case: dict[str, Any], *events: dict[str, Any]) -> list[str]:
    """The record as it is printed, without its heading."""
    console = Console(width=130)
    with console.capture() as shown:
        console.print(formats.record_table(case, events))
    return [line.rstrip() for line in shown.get().splitlines()[1:]]


def test_a_record_shows_what_was_refused_and_what_a_caller_wrote_as_it_is() -> None:
    """A refused command keeps the state it lost to; brackets in a reason are no markup."""
    rejected = event("rejected", "REJECTED", reason="[red]no[/] [/")
    refused = event("cancel", "", current_state="REJECTED") | {"refused_code": "illegal_transition"}
    first, second = rows(case(), rejected, refused)
    assert "rejected · [red]no[/] [/" in first
    assert "cancel refused: illegal_transition" in second
    assert second.endswith("REJECTED")


def test_units_are_counted_over_all_lines() -> None:
    """By condition and fate, in words; what was none is left out."""
    lines = [
        {"line_id": "1", "sku": "A", "good": 1, "damaged": 0, "missing": 1, "accepted": 1, "restock": 1},
        {"line_id": "2", "sku": "B", "good": 1, "damaged": 0, "missing": 0, "accepted": 1, "restock": 1},
    ]
    (shown,) = rows(case("return_refund", accepted=2), event("inspected", "INSPECTING", lines=lines))
    assert "inspected · 2 good, 1 missing, 2 accepted, 2 restock" in shown


@pytest.mark.parametrize(
    ("asked", "later", "shown"),
    [
        (case(), {}, True),
        (case("return_refund", accepted=3), {}, True),
        (case("return_refund", accepted=2), {}, False),
        (case("exchange"), {}, False),
        (case(), {"goods_fen": 900}, False),
    ],
)
def test_an_amount_stands_beside_a_submission_only_where_it_was_asked_for(
    asked: dict[str, Any], later: dict[str, Any], shown: bool
) -> None:
    """Not an amount that came of an inspection or of an agreement, and not the worth of an exchange."""
    first, _ = rows(asked, event("submitted", "PENDING_REVIEW"), event("later", "REFUNDING", **later))
    assert first.endswith("¥15.00") is shown


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({}, "not heard of yet"),
        ({"moved_at": "2026-03-01T08:00:00Z"}, "moved at 03-01 16:00:00"),
        ({"moved_at": "2026-03-01T08:00:00Z", "abnormal": True}, "[red]its carrier reports a problem[/]"),
        ({"signed_at": "2026-03-01T08:00:00Z", "abnormal": False}, "signed for at 03-01 16:00:00"),
    ],
)
def test_a_parcel_tells_the_last_that_was_heard_of_it(known: dict[str, Any], shown: str) -> None:
    """Delivery before trouble before movement."""
    parcel = {"purpose": "ship_back", "carrier": "shunfeng", "waybill": "SF1"}
    parcel |= {"moved_at": None, "signed_at": None, "abnormal": False} | known
    assert formats.parcel(parcel) == f"ship back shunfeng SF1, {shown}"


def test_a_case_is_found_in_the_temporal_ui() -> None:
    """Its id holds a slash, which the path must not."""
    link = formats.workflow_link("http://ui:8233/", "mallcare", "AS1")
    assert link == "http://ui:8233/namespaces/mallcare/workflows/after-sales%2FAS1"
