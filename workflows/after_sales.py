"""The durable process of one after-sales request: it waits for deadlines and pursues refunds.

PostgreSQL decides. This process holds the last version of its case that it was told of, sleeps until
the case's deadline, lets it fire, and drives every open refund leg to its end. Signals are hints: each
carries a whole snapshot, newer ones win, and losing one loses nothing but time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeKey, SearchAttributeUpdate
from temporalio.exceptions import ApplicationError

from workflows.alarm import Alarm

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.after_sales import CaseSnapshot, FireDeadlineInput, IssueRefundInput, OpenRefund
    from mallcare.contracts.names import ActivityName, Patch, Queue, SearchAttribute, WorkflowName
    from mallcare.domain.vocabulary import State

Attempt = tuple[str, int]
"""A refund's number, and how often finance had it retried."""

STATE = SearchAttributeKey.for_keyword(SearchAttribute.STATE)
KIND = SearchAttributeKey.for_keyword(SearchAttribute.KIND)
DUE = SearchAttributeKey.for_datetime(SearchAttribute.DUE)
DISPUTED = SearchAttributeKey.for_bool(SearchAttribute.DISPUTED)

LOST_AFTER = timedelta(seconds=10)
"""A worker that took a refund and says nothing for so long is dead: another one asks the vendor."""

UNTIL_DONE = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=5)
)


@workflow.defn(name=WorkflowName.AFTER_SALES)
class AfterSalesWorkflow:
    """One case from opening to its end, whatever is killed in between."""

    @workflow.init
    def __init__(self, opened: CaseSnapshot) -> None:
        self._case = opened
        self._shown = opened
        self._refunds: dict[Attempt, asyncio.Task[CaseSnapshot]] = {}
        self._alarm = Alarm() if opened.keeps_alarm else None

    @workflow.run
    async def run(self, opened: CaseSnapshot) -> CaseSnapshot:
        """Wait and act until the case is final; answers its last version."""
        while not self._case.final:
            self._show()
            self._pursue_refunds()
            if await self._news_before_deadline():
                self._take_in_refunds()
            else:
                await self._fire_deadline()
            if workflow.info().is_continue_as_new_suggested() and not self._refunds:
                if workflow.patched(Patch.SHOWN_BEFORE_CONTINUING):
                    self._show()
                workflow.continue_as_new(self._case)
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._case

    @workflow.signal(dynamic=True)
    def hint(self, name: str, args: Sequence[RawValue]) -> None:
        """Any signal: the case changed (`approve`, `cancel`, ...), with its newest snapshot."""
        try:
            newer = workflow.payload_converter().from_payload(args[0].payload, CaseSnapshot)
        except (ApplicationError, ValueError, LookupError, TypeError, RuntimeError):
            newer = None
        if isinstance(newer, CaseSnapshot):
            self._learn(newer)
        else:
            workflow.logger.warning("hint.unreadable", extra={"signal": name})

    def _learn(self, newer: CaseSnapshot) -> None:
        """Believe the higher version; hints come late, twice and out of order."""
        if newer.after_sales_no == self._case.after_sales_no and newer.version > self._case.version:
            self._case = newer

    async def _news_before_deadline(self) -> bool:
        """Wait for a newer version or a finished refund; False when the deadline came first."""
        known = self._case.version

        def news() -> bool:
            return self._case.version > known or any(task.done() for task in self._refunds.values())

        if self._case.deadline_at is None:
            await workflow.wait_condition(news)
            return True
        left = self._case.deadline_at - workflow.now()
        if left <= timedelta(0):
            return False
        effect = self._case.deadline_effect or "deadline"
        summary = f"{effect} at {self._case.deadline_at:%Y-%m-%d %H:%M}Z"
        if self._alarm is None:
            return await _before_a_timer(news, left, summary)
        self._alarm.set(self._case.deadline_at, summary)
        alarm = self._alarm
        await workflow.wait_condition(lambda: news() or alarm.rang)
        return news() or workflow.now() < self._case.deadline_at

    async def _fire_deadline(self) -> None:
        """The deadline passed on this workflow's clock; the database decides what that means."""
        assert self._case.deadline_at is not None
        self._learn(
            await workflow.execute_activity(
                ActivityName.FIRE_DEADLINE,
                FireDeadlineInput(
                    after_sales_no=self._case.after_sales_no,
                    deadline_at=self._case.deadline_at,
                    now=workflow.now(),
                ),
                result_type=CaseSnapshot,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=UNTIL_DONE,
                summary=f"{self._case.deadline_effect}",
            )
        )

    def _pursue_refunds(self) -> None:
        """One activity for each open leg; legs that a callback settled are let go."""
        open_refunds = {(leg.refund_no, leg.round): leg for leg in self._case.open_refunds}
        for attempt in [known for known in self._refunds if known not in open_refunds]:
            let_go = self._refunds.pop(attempt)
            let_go.add_done_callback(_forget)
            let_go.cancel()
        for attempt, leg in open_refunds.items():
            if attempt not in self._refunds:
                self._refunds[attempt] = asyncio.create_task(self._issue_refund(leg))

    async def _issue_refund(self, leg: OpenRefund) -> CaseSnapshot:
        """Ask the vendor until it gives its final word, which may take working days."""
        return await workflow.execute_activity(
            ActivityName.ISSUE_REFUND,
            IssueRefundInput(
                after_sales_no=self._case.after_sales_no, refund_no=leg.refund_no, now=workflow.now()
            ),
            result_type=CaseSnapshot,
            task_queue=Queue.PAYMENTS,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=LOST_AFTER,
            retry_policy=UNTIL_DONE,
            summary=f"{leg.tender} {leg.amount_fen // 100}.{leg.amount_fen % 100:02d} yuan",
        )

    def _take_in_refunds(self) -> None:
        """Learn from finished refunds; an activity that failed for good fails the workflow."""
        for attempt in [known for known, task in self._refunds.items() if task.done()]:
            self._learn(self._refunds.pop(attempt).result())

    def _show(self) -> None:
        """Search attributes and current details, for people in the Temporal UI; written when they change."""
        case, shown = self._case, self._shown
        updates: list[SearchAttributeUpdate[Any]] = [
            *([STATE.value_set(case.state)] if case.state != shown.state else []),
            *([KIND.value_set(case.kind)] if case.kind != shown.kind else []),
            *([DISPUTED.value_set(case.disputed)] if case.disputed != shown.disputed else []),
        ]
        if case.deadline_at != shown.deadline_at:
            updates.append(DUE.value_set(case.deadline_at) if case.deadline_at else DUE.value_unset())
        if updates:
            workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType] the SDK leaves a type argument open
        self._shown = case
        workflow.set_current_details(describe(case))


def _forget(let_go: asyncio.Task[CaseSnapshot]) -> None:
    """A callback settled the leg first: how its activity ended is nobody's concern any more."""
    if not let_go.cancelled():
        let_go.exception()


async def _before_a_timer(news: Callable[[], bool], left: timedelta, summary: str) -> bool:
    """How runs without an alarm wait: a timer of its own for each wait, cancelled by news."""
    try:
        await workflow.wait_condition(news, timeout=left, timeout_summary=summary)
    except TimeoutError:
        return news()
    return True


AWAITED: Mapping[State, str] = {
    State.PENDING_REVIEW: "the supplier's decision",
    State.PENDING_CUSTOMER: "the customer's answer",
    State.AWAITING_RETURN: "the customer, to send the goods back",
    State.RETURN_IN_TRANSIT: "the goods, on their way to the supplier",
    State.INSPECTING: "the supplier's inspection",
    State.AWAITING_RESHIPMENT: "the supplier, to send the replacement",
    State.OUT_OF_STOCK: "the customer's choice: wait, or the money",
    State.RESHIPPED: "the customer, to confirm the replacement",
    State.REFUNDING: "the vendors' word on the refund",
    State.REFUND_FAILED: "finance: a refund failed and has to be retried or settled",
    State.RETURNING_TO_CUSTOMER: "refused goods, on their way back to the customer",
}
"""Who or what each state that can be left waits for."""


def describe(case: CaseSnapshot) -> str:
    """Where a case stands, what is awaited and until when, in Markdown."""
    if case.final:
        return f"**{case.state}** (version {case.version})"
    if case.open_refunds:
        awaited = "the vendor's word on " + ", ".join(
            f"{leg.refund_no} ({leg.tender})" for leg in case.open_refunds
        )
    elif case.escalated and case.state is not State.REFUND_FAILED:
        awaited = "a person: nobody acted in time"
    else:
        awaited = AWAITED[case.state]
    until = (
        f"\n\nuntil {case.deadline_at:%Y-%m-%d %H:%M:%S}Z, then {case.deadline_effect}"
        if case.deadline_at
        else ""
    )
    return f"**{case.state}** (version {case.version})\n\nawaits {awaited}{until}"
