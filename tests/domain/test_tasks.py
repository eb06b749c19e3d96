"""Operations tasks: who may take one, and when it is done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.errors import IllegalTransition
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus, claim, resolve
from tests.domain.builders import PLACED_AT

NOW = PLACED_AT
LATER = NOW + timedelta(hours=1)
TASK = OperationsTask("OT1", TaskKind.RECONCILIATION_DIFFERENCE, "one", NOW)


def test_a_task_is_claimed_by_one_person() -> None:
    """Claiming again is no news; another one is told that it is taken."""
    assert TASK.status is TaskStatus.OPEN
    mine = claim(TASK, "finance:ann", NOW)
    assert (mine.status, mine.claimed_by, mine.claimed_at) == (TaskStatus.CLAIMED, "finance:ann", NOW)
    assert claim(mine, "finance:ann", LATER) == mine
    with pytest.raises(IllegalTransition) as caught:
        claim(mine, "finance:bob", LATER)
    assert caught.value.facts == {"current_state": "claimed"}


@pytest.mark.parametrize("task", [TASK, claim(TASK, "finance:ann", NOW)])
def test_whoever_did_it_resolves_it_once(task: OperationsTask) -> None:
    """Claimed or not; the same word again is no news, another one is refused, and so is a claim."""
    done = resolve(task, "finance:bob", "asked the vendor", LATER)
    assert (done.status, done.resolved_by, done.resolved_at) == (TaskStatus.RESOLVED, "finance:bob", LATER)
    assert done.note == "asked the vendor"
    assert done.claimed_by == task.claimed_by
    assert resolve(done, "finance:bob", "asked the vendor", LATER + timedelta(1)) == done
    for who, note in (("finance:ann", "asked the vendor"), ("finance:bob", "did not")):
        with pytest.raises(IllegalTransition):
            resolve(done, who, note, LATER)
    with pytest.raises(IllegalTransition):
        claim(done, "finance:bob", LATER)
