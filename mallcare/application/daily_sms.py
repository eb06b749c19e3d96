"""Use cases: tell each supplier's principal once a day what is overdue (T4), and report what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import quote

import structlog

from mallcare.application.asking import BY_PLATFORM
from mallcare.domain.contacts import Channel, Contact, ContactRole
from mallcare.domain.daily_sms import (
    CONTACTS_MISSING,
    MISSED,
    DailyProblem,
    DailySmsRun,
    DailyTimes,
    DailyTurn,
    by_status,
    next_ask,
    next_turn,
    reasons,
    settled,
    trouble_of,
    turn_of,
)
from mallcare.domain.errors import Fact, NotFound
from mallcare.domain.notices import Notice, NoticeKind
from mallcare.domain.notifications import Audience, Notification, NotificationKind
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.ports import Ids, SupplierOverdue, UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger()

PAGE = 200
MOST_PROBLEMS = 1_000
"""Suppliers without contacts that a day's report names; each further one still is a task."""


@dataclass(frozen=True, slots=True)
class DailyLook:
    """A day as it was looked at after its messages were planned.

    `ask_in`: how long to wait for what is still under way; None: the day is reported.
    """

    run: DailySmsRun
    ask_in: timedelta | None


class SendDailySms:
    """One day after the other: its turn, its messages page by page, its report. Every call may be repeated.

    How far a day has come stands in its row: whoever is killed and comes again goes on there, and a message
    that is there already is never written twice.
    """

    def __init__(
        self, uow: UnitOfWorkFactory, ids: Ids, times: DailyTimes | None = None, *, page: int = PAGE
    ) -> None:
        self._uow = uow
        self._ids = ids
        self._times = times or DailyTimes()
        self._page = page

    async def next_turn(self, now: datetime) -> DailyTurn:
        """The day to see to next, by the hours as they are set."""
        async with self._uow() as uow:
            return next_turn(now, self._times, await uow.daily_sms.newest())

    async def plan(self, day: date, now: datetime) -> DailySmsRun:
        """Write the next page's messages; `planned_at` says that there is no further one.

        After the latest hour nobody is told any more, and the day says so.
        """
        async with self._uow() as uow:
            run = await uow.daily_sms.begin(day, now)
            if run.planned_at is not None:
                return run
            if now > turn_of(day, self._times).latest_at:
                missed = (*run.problems, DailyProblem(MISSED))
                run = replace(run, planned_at=now, problems=missed)
            else:
                found = await uow.daily_sms.overdue(now, run.cursor, self._page)
                run = await self._told(uow, run, found, now)
                run = replace(run, planned_at=now if len(found) < self._page else None)
            await uow.daily_sms.save(run)
            await uow.commit()
        log.info("daily_sms.page_planned", day=day.isoformat(), suppliers=run.suppliers, planned=run.planned)
        return run

    async def report(self, day: date, now: datetime) -> DailyLook:
        """Report a planned day once its messages are settled, or their time is over.

        A report that holds something amiss is a task of operations; one without resolves what was asked
        about the day before.

        Raises:
            NotFound: the day was not planned.
        """
        async with self._uow() as uow:
            run = await uow.daily_sms.lock(day)
            if run is None or run.planned_at is None:
                raise NotFound("nothing was planned for this day", day=day.isoformat())
            if run.reported_at is not None:
                return DailyLook(run, None)
            outcomes = await uow.daily_sms.outcomes(run)
            ask_in = None if settled(outcomes) else next_ask(now - run.planned_at)
            if ask_in is not None:
                return DailyLook(run, ask_in)
            reported = replace(
                run,
                reported_at=now,
                outcomes=by_status(outcomes),
                problems=(*reasons(outcomes), *run.problems),
            )
            await uow.daily_sms.save(reported)
            await self._ask_about(uow, reported, now)
            await uow.commit()
        counts = {status.value: count for status, count in reported.outcomes.items()}
        log.info("daily_sms.reported", day=day.isoformat(), missed=reported.missed, **counts)
        return DailyLook(reported, None)

    async def _told(
        self, uow: UnitOfWork, run: DailySmsRun, found: Sequence[SupplierOverdue], now: datetime
    ) -> DailySmsRun:
        """The day after a page of suppliers was seen to."""
        notices: list[Notice] = []
        notifications: list[Notification] = []
        unreachable: list[SupplierOverdue] = []
        for supplier in found:
            if not await _worth_telling(uow, supplier):
                continue
            principals = await _principals(uow, supplier.supplier_id)
            reachable = _by_phone(principals)
            notices += [self._notice(run.day, supplier, principal, now) for principal in reachable]
            notifications += [_notification(run.day, supplier, principal, now) for principal in principals]
            if not reachable and _anything(supplier):
                unreachable.append(supplier)
        added = await uow.notices.add(notices)
        await uow.notifications.add(notifications)
        await uow.tasks.open([self._contacts_missing(run.day, one, now) for one in unreachable])
        lacking = tuple(DailyProblem(CONTACTS_MISSING, supplier_id=one.supplier_id) for one in unreachable)
        return replace(
            run,
            suppliers=run.suppliers + len(found),
            planned=run.planned + added,
            problems=(*run.problems, *lacking)[:MOST_PROBLEMS],
            cursor=found[-1].supplier_id if found else run.cursor,
        )

    def _notice(self, day: date, supplier: SupplierOverdue, principal: Contact, now: datetime) -> Notice:
        return Notice(
            notice_id=self._ids.notice_id(),
            kind=NoticeKind.DAILY_SMS,
            channel=Channel.SMS,
            supplier_id=supplier.supplier_id,
            contact_id=principal.contact_id,
            created_at=now,
            next_attempt_at=now,
            facts={**_counts(day, supplier), "until": self._times.told_until(day).isoformat()},
            once=f"daily-sms:{supplier.supplier_id}:{principal.contact_id}:{day.isoformat()}",
        )

    def _contacts_missing(self, day: date, supplier: SupplierOverdue, now: datetime) -> OperationsTask:
        return OperationsTask(
            self._ids.task_id(),
            TaskKind.CONTACTS_MISSING,
            supplier.supplier_id,
            now,
            {"supplier_id": supplier.supplier_id, **_counts(day, supplier)},
        )

    async def _ask_about(self, uow: UnitOfWork, run: DailySmsRun, now: datetime) -> None:
        """The task that the day's report was missing is done; what the report says may be another one."""
        subject = run.day.isoformat()
        note = "the report of the day arrived"
        await uow.tasks.resolve_for(subject, TaskKind.DAILY_SMS_MISSING, BY_PLATFORM, note, now)
        trouble = trouble_of(run)
        if trouble is not None:
            task = OperationsTask(self._ids.task_id(), TaskKind.DAILY_SMS_MISSING, subject, now, trouble)
            await uow.tasks.open([task])


def _anything(supplier: SupplierOverdue) -> bool:
    return supplier.orders > 0 or supplier.after_sales > 0


async def _worth_telling(uow: UnitOfWork, supplier: SupplierOverdue) -> bool:
    """Nobody is told of nothing, unless the supplier's policy says so."""
    return _anything(supplier) or (await uow.timeliness.current(supplier.supplier_id)).daily_when_zero


async def _principals(uow: UnitOfWork, supplier_id: str) -> list[Contact]:
    """Whom the SMS goes to, where they have a phone."""
    contacts = await uow.contacts.of(supplier_id)
    return [one for one in contacts if one.role is ContactRole.PRINCIPAL]


def _by_phone(principals: Sequence[Contact]) -> list[Contact]:
    """Those with a phone; of several who share one the first by id, so that it rings once."""
    first: dict[str, Contact] = {}
    for one in principals:
        if one.phone is not None:
            first.setdefault(one.phone.removeprefix("+86"), one)
    return list(first.values())


def _notification(day: date, supplier: SupplierOverdue, principal: Contact, now: datetime) -> Notification:
    """The same in the notification centre, for who has no phone too."""
    return Notification(
        audience=Audience.STAFF,
        owner=supplier.supplier_id,
        reader=principal.contact_id,
        kind=NotificationKind.DAILY_SMS.value,
        link=f"/v1/boards/timeliness/rows?supplier_id={quote(supplier.supplier_id, safe='')}&state=overdue",
        created_at=now,
        facts=_counts(day, supplier),
        once=f"daily-sms:{supplier.supplier_id}:{principal.contact_id}:{day.isoformat()}",
    )


def _counts(day: date, supplier: SupplierOverdue) -> dict[str, Fact]:
    return {"day": day.isoformat(), "orders": supplier.orders, "after_sales": supplier.after_sales}
