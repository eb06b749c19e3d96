"""What workflows command is written down, and changes on purpose only."""

from __future__ import annotations

import pytest

from tests.replay import corpus, paths
from tests.replay.fingerprint import words
from tests.replay.record import histories_of
from tests.replay.stage import Stage

ENTRIES = corpus.read_manifest()
FINGERPRINTS = corpus.read_fingerprints()
WALKED_AGAIN = (
    "refund-only.approved-two-tenders",
    "refund-only.escalated-then-approved",
    "refund-only.one-tender-failed-then-retried",
    "refund-only.two-tenders-called-back",
    "return-refund.agreed-to-as-a-refund",
    "return-refund.deadline-moved-a-little",
    "return-refund.refunded-with-a-unit-missing",
    "exchange.refused-in-part",
    "daily-sms.a-day",
    "reconciliation.given-up",
    "sweep.healed",
    "webhook-delivery.pumping",
)
"""Paths whose every walk commands the same. How many looks a timekeeper takes before it is continued is the
server's to say: its paths are replayed only."""
ON_PURPOSE = (
    "the workflow's commands changed: if on purpose, see docs/changing-workflows.md, `make histories`"
)


def test_the_committed_fingerprints_are_those_of_the_committed_histories() -> None:
    """Nobody edited one without the other."""
    assert {entry.file: words(entry.history()) for entry in ENTRIES} == FINGERPRINTS


@pytest.mark.parametrize("path", WALKED_AGAIN)
async def test_the_code_commands_what_is_committed(stage: Stage, path: str) -> None:
    """Walked live, a path gives the commands of its newest generation, in their order."""
    now = [words(history) for history in await histories_of(paths.ALL[path], stage)]
    assert now == [FINGERPRINTS[entry.file] for entry in corpus.newest(ENTRIES, path)], ON_PURPOSE
