"""One unit of work is one transaction on one connection of the pool."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.contacts import Channel
from mallcare.persistence.boards import SqlBoards
from mallcare.persistence.cases import SqlCases
from mallcare.persistence.clocks import SqlClocks
from mallcare.persistence.contacts import SqlContacts
from mallcare.persistence.daily_sms import SqlDailySmsRuns
from mallcare.persistence.engine import meaning_of, storage_errors
from mallcare.persistence.idempotency import SqlIdempotency
from mallcare.persistence.intercepts import SqlIntercepts
from mallcare.persistence.notices import SqlNotices
from mallcare.persistence.notifications import SqlNotifications
from mallcare.persistence.orders import SqlOrders
from mallcare.persistence.outbox import SqlOutbox
from mallcare.persistence.policies import PolicyCache, SqlPolicies
from mallcare.persistence.reconciliations import SqlReconciliations
from mallcare.persistence.releases import SqlReleases
from mallcare.persistence.reminders import SqlReminders
from mallcare.persistence.suppliers import SqlSuppliers
from mallcare.persistence.switches import SqlSwitches
from mallcare.persistence.tasks import SqlTasks
from mallcare.persistence.timeliness import SqlTimeliness, TimelinessCache
from mallcare.ports.boards import Boards
from mallcare.ports.clocks import Clocks, Timeliness
from mallcare.ports.daily_sms import DailySmsRuns
from mallcare.ports.intercepts import Intercepts
from mallcare.ports.notices import Contacts, Notices, Notifications
from mallcare.ports.reconciliation import Reconciliations
from mallcare.ports.reminders import Reminders
from mallcare.ports.storage import Cases, Idempotency, Orders, Outbox, Policies, Suppliers, Switches
from mallcare.ports.tasks import Tasks
from mallcare.ports.timekeeping import Releases

TellDue = Callable[[Mapping[int, datetime]], None]
"""Told after a commit, by shard, when the earliest of the clocks it wrote has to be looked at."""
TellWritten = Callable[[Collection[Channel]], None]
"""Told after a commit over which channels it wrote messages to people."""


class SqlUnitOfWork:
    """A transaction under READ COMMITTED with its repositories; see `ports.storage.UnitOfWork`.

    Locks are taken in this order, so that no two units of work wait for each other: an
    Idempotency-Key, orders ascending, the case, payment transactions ascending, refund counters, a waybill.

    Raises (on entering, inside the block and on commit):
        StorageUnavailable: no connection, a lost one, a lock or an answer that did not come within the
            limits of the engine, or a deadlock. After a failed `commit` it is unknown whether the change was
            kept; repeating a command is safe.
        InvalidInput: a value PostgreSQL cannot store, such as a NUL in a text.
    """

    orders: Orders
    cases: Cases
    policies: Policies
    suppliers: Suppliers
    switches: Switches
    idempotency: Idempotency
    outbox: Outbox
    tasks: Tasks
    releases: Releases
    intercepts: Intercepts
    reconciliations: Reconciliations
    timeliness: Timeliness
    contacts: Contacts
    notifications: Notifications
    notices: Notices
    daily_sms: DailySmsRuns
    clocks: Clocks
    boards: Boards
    reminders: Reminders

    def __init__(
        self,
        engine: AsyncEngine,
        cache: PolicyCache,
        timeliness: TimelinessCache,
        tell_due: TellDue | None = None,
        tell_written: TellWritten | None = None,
    ) -> None:
        self._opening = engine.connect()
        self._cache = cache
        self._timeliness = timeliness
        self._tell_due = tell_due
        self._tell_written = tell_written

    async def __aenter__(self) -> Self:
        with storage_errors():
            connection = await self._opening.start()
        self.orders = SqlOrders(connection)
        self.cases = SqlCases(connection)
        self.policies = SqlPolicies(connection, self._cache)
        self.suppliers = SqlSuppliers(connection)
        self.switches = SqlSwitches(connection)
        self.idempotency = SqlIdempotency(connection)
        self.outbox = SqlOutbox(connection)
        self.tasks = SqlTasks(connection)
        self.releases = SqlReleases(connection)
        self.intercepts = SqlIntercepts(connection)
        self.reconciliations = SqlReconciliations(connection)
        self.timeliness = SqlTimeliness(connection, self._timeliness)
        self.contacts = SqlContacts(connection)
        self.notifications = SqlNotifications(connection)
        self.notices = self._notices = SqlNotices(connection)
        self.daily_sms = SqlDailySmsRuns(connection)
        self.clocks = self._clocks = SqlClocks(connection)
        self.boards = SqlBoards(connection)
        self.reminders = SqlReminders(connection)
        return self

    async def commit(self) -> None:
        """Keep everything written so far; nothing can be written after it."""
        await self._opening.commit()
        if self._tell_due is not None and self._clocks.soonest:
            self._tell_due(self._clocks.soonest)
        if self._tell_written is not None and self._notices.written:
            self._tell_written(self._notices.written)

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Closing gives the connection back, and the pool takes back what was not committed.
        await self._opening.__aexit__(exc_type, exc, traceback)
        meaning = meaning_of(exc) if exc is not None else None
        if meaning is not None:
            raise meaning from exc


class SqlUnitOfWorkFactory:
    """Opens units of work on one pool; see `ports.storage.UnitOfWorkFactory`."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        policy_cache: PolicyCache | None = None,
        timeliness_cache: TimelinessCache | None = None,
        tell_due: TellDue | None = None,
        tell_written: TellWritten | None = None,
    ) -> None:
        self._engine = engine
        self._tell_due = tell_due
        self._tell_written = tell_written
        self._cache = policy_cache or PolicyCache()
        self._timeliness = timeliness_cache or TimelinessCache()

    def __call__(self) -> SqlUnitOfWork:
        """A unit of work; it takes a connection of the pool when it is entered."""
        return SqlUnitOfWork(self._engine, self._cache, self._timeliness, self._tell_due, self._tell_written)
