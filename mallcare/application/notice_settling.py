"""What follows when it is known what became of a notice: an SMS in its place, or a person who is asked."""

from __future__ import annotations

from datetime import datetime

import structlog

from mallcare.application.asking import BY_PLATFORM
from mallcare.application.notice_addresses import told_to
from mallcare.domain.contacts import Contact
from mallcare.domain.notices import (
    REACHED_NOBODY,
    Notice,
    NoticeStatus,
    instead_of,
    may_be_told_otherwise,
)
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.ports import Ids, UnitOfWork

log = structlog.get_logger()


async def settle(
    uow: UnitOfWork,
    before: Notice,
    after: Notice,
    now: datetime,
    ids: Ids,
    *,
    claimed_until: datetime | None = None,
) -> None:
    """Write what became of a locked notice, with everything that follows from it, once.

    `claimed_until`: for as long as somebody still works on it.
    """
    if after == before and claimed_until is None:
        await uow.notices.save(after)
        return
    await uow.notices.save(after, claimed_until=claimed_until)
    if after.status is before.status:
        return
    if before.status is NoticeStatus.UNKNOWN:
        note = f"it is known by now: {after.status.value}"
        await uow.tasks.resolve_for(after.notice_id, TaskKind.MESSAGE_UNKNOWN, BY_PLATFORM, note, now)
    if after.status is NoticeStatus.UNKNOWN:
        await _ask(uow, after, TaskKind.MESSAGE_UNKNOWN, after.notice_id, now, ids)
    elif after.status in REACHED_NOBODY and before.status not in REACHED_NOBODY:
        told = may_be_told_otherwise(after) and await _tell_by_sms(uow, after, now, ids)
        if not told:
            await _ask(uow, after, TaskKind.MESSAGE_UNDELIVERED, after.supplier_id, now, ids)
    if after.status in REACHED_NOBODY or after.status is NoticeStatus.UNKNOWN:
        log.warning(
            "notice.not_delivered",
            notice_id=after.notice_id,
            channel=after.channel.value,
            status=after.status.value,
            code=after.error_code,
        )


async def _tell_by_sms(uow: UnitOfWork, notice: Notice, now: datetime, ids: Ids) -> bool:
    """Whether an SMS goes to somebody whom the notice was for; written with what became of the notice."""
    people = await uow.contacts.of(notice.supplier_id)
    policy = await uow.timeliness.current(notice.supplier_id)
    reachable: dict[str, tuple[Contact, datetime]] = {}
    for telling in told_to(notice, people, policy, now):
        for person in telling.people:
            if person.phone:
                reachable.setdefault(person.contact_id, (person, telling.at))
    if not reachable:
        return False
    await uow.notices.add(
        [
            instead_of(notice, ids.notice_id(), person.contact_id, now, at=at, first=place == 0)
            for place, (person, at) in enumerate(reachable.values())
        ]
    )
    return True


async def _ask(uow: UnitOfWork, notice: Notice, kind: TaskKind, about: str, now: datetime, ids: Ids) -> None:
    facts = {
        "notice_id": notice.notice_id,
        "supplier_id": notice.supplier_id,
        "contact_id": notice.contact_id,
        "channel": notice.channel.value,
        "kind": notice.kind.value,
        "code": notice.error_code,
    }
    await uow.tasks.open([OperationsTask(ids.task_id(), kind, about, now, facts)])
