"""Orders: the mall's snapshots and events, and how an order stands."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Path

from api.deps import Cases, IdempotencyKey
from api.documentation import READING, WRITING, problems
from api.parsing import incoming_order, order_event
from api.rendering.orders import intake_out, order_out
from api.schemas.fields import Id, body_hash
from api.schemas.orders import (
    OrderBatchIn,
    OrderBatchOut,
    OrderEventIn,
    OrderEventOut,
    OrderIn,
    OrderOut,
)
from api.schemas.windows import WindowExtendedOut, WindowExtensionIn
from api.security import SignedIn, SignedInRoute
from mallcare.application.idempotency import Repeatable
from mallcare.domain.errors import InvalidInput

router = APIRouter(tags=["orders"], route_class=SignedInRoute)

OrderNo = Annotated[Id, Path(description="The mall's number of the order.")]


@router.put(
    "/v1/orders/{order_no}",
    summary="Send a snapshot of an order",
    responses=problems(*WRITING, "version_conflict", "order_frozen", "money_does_not_add_up"),
)
async def put_order(order_no: OrderNo, body: OrderIn, caller: SignedIn, cases: Cases) -> OrderOut:
    """Store a version of an order (role mall), and answer the order as it is stored now.

    A version lower than the stored one is accepted and ignored. The stored version with another body is
    `version_conflict`. Sum of tenders = sum of lines + freight - discounts, else
    `money_does_not_add_up`; an order that is not paid may have no tenders yet. Amounts and parties of
    an order with live or refunded units do not change any more: `order_frozen`.
    """
    if body.order_no != order_no:
        raise InvalidInput("order_no of the path and of the body differ", order_no=order_no)
    [result] = await cases.take_in_orders([incoming_order(body)], caller)
    if result.refusal is not None:
        raise result.refusal
    return order_out(await cases.read_order(order_no, caller), caller)


@router.post(
    "/v1/orders:batch",
    summary="Send many snapshots",
    responses=problems(*WRITING),
)
async def put_orders(body: OrderBatchIn, caller: SignedIn, cases: Cases) -> OrderBatchOut:
    """Store up to 1,000 snapshots (role mall); each is stored or refused by itself.

    A snapshot that breaks a rule is `refused` with its problem and leaves the others alone. One that
    cannot be read at all (a float as an amount, a missing member) refuses the whole batch with 422
    before anything is stored; `errors` tells which. May be repeated: what is stored is `unchanged`.
    """
    results = await cases.take_in_orders([incoming_order(order) for order in body.orders], caller)
    return OrderBatchOut(results=[intake_out(result) for result in results])


@router.post(
    "/v1/orders/{order_no}/events",
    summary="Report what happened to an order",
    responses=problems(*WRITING),
)
async def report_order_event(
    order_no: OrderNo, body: OrderEventIn, caller: SignedIn, cases: Cases
) -> OrderEventOut:
    """Keep an event of an order (role mall). Duplicates and any order of arrival are fine.

    An event for an order that is not known yet is `kept` and counts once the order comes. The
    after-sales window counts from the delivery of the last line. A `refunded` event takes units out of
    what can still be asked for: those of `detail.lines`, else whole `line_ids`, else the whole order.
    """
    detail = body.detail.model_dump(mode="json", exclude_unset=True) if body.detail is not None else None
    status = await cases.take_in_order_event(order_no, order_event(body), detail, caller)
    return OrderEventOut(
        order_no=order_no,
        event_id=body.event_id,
        status=cast("Literal['applied', 'kept', 'unchanged']", status),
    )


@router.get(
    "/v1/orders/{order_no}",
    summary="An order as it stands",
    responses=problems(*READING),
)
async def get_order(order_no: OrderNo, caller: SignedIn, cases: Cases) -> OrderOut:
    """The newest snapshot, with the cooling-off, the release, the window, and what is left of each line.

    Personal data is shown in full to mall and operations, masked to all others.
    """
    return order_out(await cases.read_order(order_no, caller), caller)


@router.post(
    "/v1/orders/{order_no}/after-sales-window-extensions",
    summary="Reopen the customer's entry",
    status_code=201,
    responses=problems(*WRITING, "not_found", "window_open", "idempotency_mismatch"),
)
async def extend_after_sales_window(
    order_no: OrderNo,
    body: WindowExtensionIn,
    caller: SignedIn,
    cases: Cases,
    idempotency_key: IdempotencyKey,
) -> WindowExtendedOut:
    """Open an order past its after-sales window for seven more days (售后延长, role operations, rule A5).

    Each opening adds the policy's period to now, or to the end of an extension that is still open. It
    closes by itself. An order whose own window is still open is refused with `window_open`.
    """
    once = Repeatable(idempotency_key, body_hash(body))
    return WindowExtendedOut.model_validate(await cases.extend_window(order_no, body.reason, once, caller))
