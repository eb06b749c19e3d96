"""`docs/notifications.md` lists the kinds of messages as the platform words them."""

from __future__ import annotations

from api.rendering.notifications import KINDS, Language
from mallcare.domain.notifications import STAFF_WAITS, WITH_DEADLINE, NotificationKind
from tests.docs.reading import tables


def test_every_kind_is_listed_with_its_title() -> None:
    """And the facts and readers that it has."""
    (table,) = [found for found in tables("docs/notifications.md") if found[0][:2] == ["kind", "title"]]
    rows = {row[0].strip("`"): row for row in table[1:]}
    assert {kind: row[1] for kind, row in rows.items()} == {
        kind.value: KINDS[kind][Language.ZH].title for kind in NotificationKind
    }
    dated = {kind for kind, row in rows.items() if "`due_at`" in row[3]}
    assert dated == {kind.value for kind in WITH_DEADLINE} - {NotificationKind.RETURN_APPROVED.value}
    assert {kind.value for kind in STAFF_WAITS.values()} <= {
        k for k, row in rows.items() if row[2] == "staff"
    }
