"""Webhooks to the mall: one message for each event of a case, ordered per case."""

from __future__ import annotations

from collections.abc import Iterable

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent
from mallcare.domain.vocabulary import Kind
from mallcare.ports import Ids, OutgoingMessage


def _refunded_fen(case: AfterSalesCase) -> int:
    """What the request refunds, or would as it stands; nothing once it ended without a refund.

    An exchange refunds nothing unless it fell back to a refund.
    """
    without = case.state.final or case.kind is Kind.EXCHANGE
    return 0 if without and not case.refund_decided else case.quote.total_fen


def announce(case: AfterSalesCase, events: Iterable[CaseEvent], ids: Ids) -> list[OutgoingMessage]:
    """The messages that tell of events; `data.version` orders them for a receiver too."""
    return [
        OutgoingMessage(
            message_id=ids.message_id(),
            subject=case.after_sales_no,
            type=f"after_sales.{event.name}",
            occurred_at=event.at,
            data={
                "after_sales_no": case.after_sales_no,
                "order_no": case.order_no,
                "supplier_id": case.supplier_id,
                "kind": case.kind.value,
                "version": event.version,
                "from_state": event.from_state.value if event.from_state else None,
                "state": event.to_state.value,
                "actor": event.actor.role.value,
                "total_fen": _refunded_fen(case),
                "facts": dict(event.facts),
            },
        )
        for event in events
    ]
