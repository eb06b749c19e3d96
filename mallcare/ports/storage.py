"""Storage: one unit of work is one database transaction; nobody else commits."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent
from mallcare.domain.book import OrderBook, Unit
from mallcare.domain.commands import Actor
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.mall_refunds import MallRefund
from mallcare.domain.notifications import Notification
from mallcare.domain.orders import Order, TransactionKey
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.vocabulary import Role
from mallcare.ports.records import (
    Address,
    AddressUse,
    Answered,
    CaseEvidence,
    CaseRecord,
    CommandRecord,
    OrderRecord,
    OutgoingMessage,
    RecordedEvent,
    StoredAnswer,
    WindowExtension,
)

if TYPE_CHECKING:
    from mallcare.ports.boards import Boards
    from mallcare.ports.clocks import Clocks, Timeliness
    from mallcare.ports.daily_sms import DailySmsRuns
    from mallcare.ports.intercepts import Intercepts
    from mallcare.ports.notices import Contacts, Notices, Notifications
    from mallcare.ports.queries import Page
    from mallcare.ports.reconciliation import Reconciliations
    from mallcare.ports.reminders import Reminders
    from mallcare.ports.tasks import Tasks
    from mallcare.ports.timekeeping import Releases
    from mallcare.ports.webhooks import (
        ClaimedMessage,
        MessageFilter,
        ReplaySelection,
        Settlement,
        Shard,
        StoredMessage,
    )


class Orders(Protocol):
    """Orders, their events, and the holdings of their units."""

    async def lock(self, order_no: str) -> OrderRecord | None:
        """The order under its row lock: the first lock of every transaction that changes a case.

        None: unknown, and nobody can add it before this unit of work ends.
        """
        ...

    async def lock_of_case(self, after_sales_no: str) -> OrderRecord | None:
        """The order of a case, under its row lock; None for an unknown case."""
        ...

    async def lock_many(self, order_nos: Sequence[str]) -> dict[str, OrderRecord]:
        """Several orders under their row locks, taken in ascending order.

        To be called before `events_of` and `add_many`: no event of an order left out here can be kept
        unseen beside it.
        """
        ...

    async def get(self, order_no: str) -> OrderRecord | None:
        """The order as it is, without a lock."""
        ...

    async def book(self, record: OrderRecord, *, lock_transactions: bool) -> OrderBook:
        """The locked order with all holdings and spendings; with its payment transactions locked too
        where a refund may be decided."""
        ...

    async def add_many(self, records: Sequence[OrderRecord]) -> set[str]:
        """Insert new orders; answers the numbers that were really new."""
        ...

    async def update(self, record: OrderRecord) -> None:
        """Replace a locked order by a newer version."""
        ...

    async def take_back(self, order_nos: Collection[str]) -> None:
        """Undo `add_many` for orders this unit of work added."""
        ...

    async def register_transactions(
        self, orders: Sequence[Order], replaced: Mapping[str, Order] | None = None
    ) -> dict[str, TransactionKey]:
        """Lock the payment transactions of locked orders, all at once, and remember their totals.

        Answers, by order number, the transaction that is known with another total; no total of such an
        order is kept. `replaced`: the versions that newer ones replace; a newer one may correct a total
        of which nothing was refunded.
        """
        ...

    async def has_holdings(self, order_no: str) -> bool:
        """A unit is reserved or refunded, or a refund leg exists."""
        ...

    async def add_event(
        self, order_no: str, event: OrderEvent, detail: object, now: datetime, *, set_aside: bool = False
    ) -> bool:
        """Keep an event, known order or not; False when the event was there already.

        `set_aside`: it speaks of a request's parcel, not of the order's own.
        """
        ...

    async def events_of(self, order_nos: Sequence[str]) -> dict[str, list[OrderEvent]]:
        """All kept events of orders, but for those set aside."""
        ...

    async def events_with_waybill(self, order_no: str, waybill: str) -> list[OrderEvent]:
        """Events of an order that name a waybill, set aside or not; case and blanks do not matter."""
        ...

    async def set_aside_events(self, order_no: str, waybill: str) -> None:
        """From now on events that name the waybill are of a request's parcel, not of the order's own."""
        ...

    async def give_back_events(self, order_no: str, waybill: str) -> None:
        """Events that name the waybill are the order's own after all."""
        ...

    async def mark_exchanged(self, order_no: str, exchanged_at: Mapping[Unit, datetime]) -> None:
        """Units of a locked order were replaced; what was known of other units stays."""
        ...

    async def save_fulfilment(self, order_no: str, fulfilment: Fulfilment) -> None:
        """Write what the events fold to."""
        ...

    async def extend_window(self, order_no: str, extension: WindowExtension) -> None:
        """Move the end of a locked order's entry, and keep who moved it and why."""
        ...

    async def window_extensions(self, order_no: str) -> list[WindowExtension]:
        """All extensions of an order, oldest first."""
        ...

    async def add_mall_refund(self, order_no: str, event_id: str, refund: MallRefund) -> None:
        """Record a refund the mall made by itself: its amounts, the free units it took, and the units
        of undecided requests it took over."""
        ...


class Cases(Protocol):
    """After-sales cases with their legs, events and commands."""

    async def lock(self, after_sales_no: str) -> CaseRecord | None:
        """The case under its row lock; its order must be locked before."""
        ...

    async def get(self, after_sales_no: str) -> CaseRecord | None:
        """The case as it is, without a lock."""
        ...

    async def add(self, record: CaseRecord, *, automatic: bool = False) -> None:
        """Insert a new case with its legs and units; `automatic`: no person decided its refund."""
        ...

    async def save(
        self,
        before: AfterSalesCase,
        after: AfterSalesCase,
        *,
        told: bool,
        quiet: bool = False,
        automatic: bool = False,
    ) -> None:
        """Write a changed case, its legs and its units.

        `told`: its workflow made the change. `quiet`: it need not hear of the change, but still of what it
        was not told before. `automatic`: no person decided the refund.
        """
        ...

    async def record(self, after_sales_no: str, events: Sequence[CaseEvent], command_id: str | None) -> None:
        """Append what happened to the case's record."""
        ...

    async def refuse(self, after_sales_no: str, command: CommandRecord, state: str) -> None:
        """Append a refused command to the case's record."""
        ...

    async def find_command(self, after_sales_no: str, role: Role, command_id: str) -> CommandRecord | None:
        """What became of a command; an id belongs to the role that gave it."""
        ...

    async def add_command(self, after_sales_no: str, command: CommandRecord) -> None: ...

    async def events_of(self, after_sales_no: str, after: int = 0, most: int = 1_000) -> list[RecordedEvent]:
        """At most so many lines of the case's record beyond seq `after`, in order, refusals included."""
        ...

    async def live_of_order(self, order_no: str) -> list[CaseRecord]:
        """Cases of a locked order that have not ended, under their row locks, in ascending order."""
        ...

    async def with_waybill(self, order_no: str, waybill: str) -> list[CaseRecord]:
        """Cases of a locked order that have a parcel with the waybill, ended ones too, in ascending order.

        Or that had one before it was replaced. Under their row locks.
        """
        ...

    async def claim_waybill(self, waybill: str, supplier_id: str, customer_id: str) -> bool:
        """Whether no parcel of another customer's or another supplier's request has the waybill.

        Nobody else can claim it before this unit of work ends.
        """
        ...

    async def add_address(
        self, after_sales_no: str, use: AddressUse, address: Address, actor: Actor, now: datetime
    ) -> None:
        """Keep an address of a case; earlier ones stay on record, the newest counts."""
        ...

    async def addresses_of(self, after_sales_no: str) -> dict[AddressUse, Address]:
        """The newest address for each use."""
        ...

    async def add_evidence(self, after_sales_no: str, evidence: CaseEvidence) -> None:
        """Keep what a party showed."""
        ...

    async def evidence_of(self, after_sales_no: str) -> list[CaseEvidence]:
        """Oldest first; what came with the request itself is among its details."""
        ...

    async def find_leg(self, refund_no: str) -> tuple[str, RefundLeg] | None:
        """A leg and its case's number."""
        ...

    async def mark_unclear(self, refund_no: str, now: datetime) -> bool:
        """PENDING to UNKNOWN, with a line in the record; False when it was not pending."""
        ...

    async def mark_told(self, told: Mapping[str, int]) -> None:
        """Note the versions that workflows were told of."""
        ...

    async def untold(
        self, before: datetime, limit: int, after: AfterSalesCase | None = None
    ) -> list[AfterSalesCase]:
        """Cases whose newest version the workflow was not told of, changed before an instant.

        Longest untold first; `after` is the last case of the page before.
        """
        ...

    async def overdue(
        self, before: datetime, limit: int, after: AfterSalesCase | None = None
    ) -> list[AfterSalesCase]:
        """Cases whose deadline passed before an instant without having fired.

        Longest overdue first; `after` is the last case of the page before.
        """
        ...

    async def least_recently_checked(self, now: datetime, limit: int) -> list[AfterSalesCase]:
        """Running cases in rotation, marked as checked now."""
        ...

    async def auto_refund_usage(self, customer_id: str, supplier_id: str, since: datetime) -> AutoRefundUsage:
        """Automatic refunds since an instant and the stop switch, with the counters locked."""
        ...


class Policies(Protocol):
    """Versions of the after-sales policy."""

    async def current(self, supplier_id: str) -> AfterSalesPolicy:
        """The newest version for a supplier, else the newest for all."""
        ...

    async def version(self, version: int) -> AfterSalesPolicy:
        """A pinned version; versions never change."""
        ...

    async def publish(
        self, policy: AfterSalesPolicy, supplier_id: str | None, actor: Actor, now: datetime
    ) -> int:
        """Add a version; answers its number."""
        ...


class Suppliers(Protocol):
    """What suppliers told about themselves."""

    async def return_address(self, supplier_id: str) -> Address | None:
        """Where goods are sent back to; None while nobody told."""
        ...

    async def set_return_address(
        self, supplier_id: str, address: Address, actor: Actor, now: datetime
    ) -> None:
        """From now on; requests approved before keep the one they were given."""
        ...


class Switches(Protocol):
    """Stop switches of operations."""

    async def stopped(self, name: str) -> bool: ...

    async def set(self, name: str, *, stopped: bool, reason: str, actor: Actor, now: datetime) -> None: ...


class Idempotency(Protocol):
    """First answers by caller and Idempotency-Key."""

    async def find(self, caller: str, key: str) -> Answered:
        """The stored answer; takes the key's lock so that two equal calls cannot both go on."""
        ...

    async def store(self, caller: str, key: str, answer: StoredAnswer, now: datetime) -> None: ...


class Outbox(Protocol):
    """Outgoing messages: written with the change they tell of, worked through by pumps."""

    async def add(self, messages: Sequence[OutgoingMessage], told: Sequence[Notification] = ()) -> None:
        """Write messages, numbered in this order, due at once; with them what people are `told` of the
        same change, see `Notifications.add`."""
        ...

    async def settle(self, settled: Sequence[Settlement], now: datetime) -> None:
        """Write down what came of attempts, and let the next message of a subject go.

        A settlement whose claim ran out and went to another pump is dropped.
        """
        ...

    async def claim(self, shard: Shard, *, room: int, now: datetime, until: datetime) -> list[ClaimedMessage]:
        """At most `room` messages that are ours until then, once this unit of work is committed.

        Each is due, the first undelivered one of its subject, and no other one of the subject is on its
        way.
        """
        ...

    async def page(self, where: MessageFilter, limit: int, cursor: str | None) -> Page[StoredMessage]:
        """Newest first, by keyset.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...

    async def replay(self, chosen: ReplaySelection, *, limit: int, now: datetime) -> int:
        """Make at most `limit` chosen messages due now, under their old ids and places; answers how many.

        Delivered, dead and waiting ones get a fresh series of attempts; those on their way are left out.
        """
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving it without `commit` takes everything back."""

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
    clocks: Clocks
    boards: Boards
    reminders: Reminders
    timeliness: Timeliness
    contacts: Contacts
    notices: Notices
    notifications: Notifications
    daily_sms: DailySmsRuns

    async def commit(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class UnitOfWorkFactory(Protocol):
    """Opens a unit of work."""

    def __call__(self) -> UnitOfWork: ...
