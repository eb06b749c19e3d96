"""Connecting to Temporal, and preparing its namespace: retention, search attributes, schedules."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    RegisterNamespaceRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode, TLSConfig

from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.contracts.names import Queue, SearchAttribute, WorkflowName

INDEX_TYPES = {
    SearchAttribute.SUPPLIER: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttribute.ORDER: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttribute.KIND: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttribute.STATE: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    SearchAttribute.DUE: IndexedValueType.INDEXED_VALUE_TYPE_DATETIME,
    SearchAttribute.DISPUTED: IndexedValueType.INDEXED_VALUE_TYPE_BOOL,
}
SWEEP_SCHEDULE = "sweep"


async def connect(
    address: str,
    namespace: str,
    *,
    tls: TLSConfig | bool = False,
    api_key: str | None = None,
    lazy: bool = False,
) -> Client:
    """A client with the platform's payload converter; `lazy` connects on first use."""
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=DATA_CONVERTER,
        tls=tls,
        api_key=api_key,
        lazy=lazy,
    )


async def prepare_namespace(client: Client, retention: timedelta) -> None:
    """Create the namespace or set its retention. Repeatable.

    A hosted Temporal may forbid this; then the namespace must exist already.
    """
    keep = Duration()
    keep.FromTimedelta(retention)
    try:
        await client.workflow_service.register_namespace(
            RegisterNamespaceRequest(
                namespace=client.namespace,
                workflow_execution_retention_period=keep,
                description="after-sales and customer service of the mall",
            )
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=keep)
            )
        )
    await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))


async def add_search_attributes(client: Client) -> None:
    """Add the search attributes that are missing. Repeatable."""
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = {a.value: t for a, t in INDEX_TYPES.items() if a.value not in known.custom_attributes}
    if missing:
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
        )


async def upsert_sweep_schedule(client: Client, every: timedelta) -> None:
    """Run the sweeper at an interval: never two at once, none caught up after an outage."""
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            WorkflowName.SWEEP, id="sweep", task_queue=Queue.MAINTENANCE, static_summary="heal lost hints"
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)], time_zone_name="Asia/Shanghai"),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)),
        state=ScheduleState(note="heals what was lost between the database and the engine"),
    )
    await upsert_schedule(client, SWEEP_SCHEDULE, schedule)


async def upsert_schedule(client: Client, schedule_id: str, schedule: Schedule) -> None:
    """Create a schedule, or bring it up to date; one that was paused stays so. Repeatable."""
    try:
        await client.create_schedule(schedule_id, schedule)
    except ScheduleAlreadyRunningError:

        async def replace(given: ScheduleUpdateInput) -> ScheduleUpdate:
            schedule.state = given.description.schedule.state
            return ScheduleUpdate(schedule=schedule)

        await client.get_schedule_handle(schedule_id).update(replace)
