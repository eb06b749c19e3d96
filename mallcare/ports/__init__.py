"""What the platform needs from outside, as Protocols; adapters live behind them.

Use cases and activities see these names only. `mallcare.bootstrap` decides what stands behind
each of them.
"""

from mallcare.ports.clock import Clock, Ids
from mallcare.ports.engine import CaseEngine, EngineUnavailable, Hints, NobodyListens, Pumps
from mallcare.ports.intercepts import InterceptFilter, Intercepts
from mallcare.ports.payment import (
    BILLED_AS_PAID,
    BillRow,
    GatewayError,
    PaymentGateway,
    PaymentGateways,
    RefundBills,
    RefundCallbacks,
    RefundReport,
    RefundRequest,
    RefundStanding,
)
from mallcare.ports.queries import CaseFilter, CaseQueries, Page
from mallcare.ports.reconciliation import (
    BilledMerchant,
    ReconciledDay,
    Reconciler,
    ReconciliationRun,
    Reconciliations,
)
from mallcare.ports.records import (
    Address,
    AddressUse,
    Answered,
    CaseDetails,
    CaseEvidence,
    CaseRecord,
    CommandRecord,
    OrderRecord,
    OutgoingMessage,
    PersonalData,
    RecordedEvent,
    StorageUnavailable,
    StoredAnswer,
    WindowExtension,
)
from mallcare.ports.storage import UnitOfWork, UnitOfWorkFactory
from mallcare.ports.tasks import TaskFilter, Tasks
from mallcare.ports.timekeeping import (
    TIMEKEEPERS,
    DueRelease,
    Releases,
    Timekeepers,
    Wakes,
    shard_of,
)
from mallcare.ports.webhooks import (
    ClaimedMessage,
    MessageFilter,
    MessageStatus,
    ReplaySelection,
    Settlement,
    Shard,
    StoredMessage,
    WebhookSender,
)

__all__ = [
    "Address",
    "AddressUse",
    "Answered",
    "BILLED_AS_PAID",
    "BillRow",
    "BilledMerchant",
    "CaseDetails",
    "CaseEngine",
    "CaseEvidence",
    "CaseFilter",
    "CaseQueries",
    "CaseRecord",
    "ClaimedMessage",
    "Clock",
    "CommandRecord",
    "DueRelease",
    "EngineUnavailable",
    "GatewayError",
    "Hints",
    "Ids",
    "InterceptFilter",
    "Intercepts",
    "MessageFilter",
    "MessageStatus",
    "NobodyListens",
    "OrderRecord",
    "OutgoingMessage",
    "Page",
    "PaymentGateway",
    "PaymentGateways",
    "PersonalData",
    "Pumps",
    "ReconciledDay",
    "Releases",
    "Reconciler",
    "ReconciliationRun",
    "Reconciliations",
    "RecordedEvent",
    "RefundBills",
    "RefundCallbacks",
    "RefundReport",
    "RefundRequest",
    "RefundStanding",
    "ReplaySelection",
    "Settlement",
    "Shard",
    "StorageUnavailable",
    "StoredAnswer",
    "StoredMessage",
    "TaskFilter",
    "TIMEKEEPERS",
    "Tasks",
    "Timekeepers",
    "UnitOfWork",
    "UnitOfWorkFactory",
    "WebhookSender",
    "Wakes",
    "WindowExtension",
    "shard_of",
]
