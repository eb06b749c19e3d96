"""Operations: policies, and the stop switch of automatic refunds."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Cases, IdempotencyKey
from api.documentation import WRITING, problems
from api.schemas.fields import Id, body_hash
from api.schemas.operations import PolicyIn, PolicyOut, SwitchIn, SwitchOut
from api.security import SignedIn, SignedInRoute
from mallcare.application.idempotency import Repeatable
from mallcare.domain.policy import AfterSalesPolicy

router = APIRouter(tags=["operations"], route_class=SignedInRoute)

SECOND = timedelta(seconds=1)
READS = ("unauthenticated", "not_allowed", "invalid", "engine_unavailable")


@router.get(
    "/v1/policies",
    summary="The policy in force",
    responses=problems(*READS),
)
async def get_policy(
    caller: SignedIn,
    cases: Cases,
    supplier_id: Annotated[
        Id | None, Query(description="The supplier; absent, the policy of all without their own.")
    ] = None,
) -> PolicyOut:
    """The policy that new requests open under (operations, finance, auditor, mall)."""
    return _policy_out(await cases.policies.current(supplier_id, caller))


@router.post(
    "/v1/policies",
    summary="Publish a policy",
    status_code=201,
    responses=problems(*WRITING, "idempotency_mismatch"),
)
async def publish_policy(
    body: PolicyIn, caller: SignedIn, cases: Cases, idempotency_key: IdempotencyKey
) -> PolicyOut:
    """Add a version of the policy (operations). Requests that are open keep the version they have.

    New requests see it within a second. The same `Idempotency-Key` answers the same version again.
    """
    once = Repeatable(idempotency_key, body_hash(body))
    return _policy_out(await cases.policies.publish(policy_of(body), body.supplier_id, caller, once))


@router.get(
    "/v1/switches/automatic-refunds",
    summary="Whether automatic refunds are stopped",
    responses=problems("unauthenticated", "not_allowed", "engine_unavailable"),
)
async def get_automatic_refunds(caller: SignedIn, cases: Cases) -> SwitchOut:
    """Where the stop switch stands (operations, finance, auditor)."""
    return SwitchOut(name="automatic-refunds", stopped=await cases.stop_switch.stopped(caller))


@router.put(
    "/v1/switches/automatic-refunds",
    summary="Stop or allow automatic refunds",
    responses=problems(*WRITING),
)
async def set_automatic_refunds(body: SwitchIn, caller: SignedIn, cases: Cases) -> SwitchOut:
    """Set the stop switch (operations, finance): while it is on, a person decides every refund."""
    await cases.stop_switch.set(stopped=body.stopped, reason=body.reason, caller=caller)
    return SwitchOut(name="automatic-refunds", stopped=body.stopped)


def policy_of(body: PolicyIn) -> AfterSalesPolicy:
    """The policy a body describes; its version is given by the database."""
    usual = AfterSalesPolicy()
    reasons = body.supplier_liable_reasons
    return AfterSalesPolicy(
        window=body.window_seconds * SECOND,
        window_extension=body.window_extension_seconds * SECOND,
        cooling_off=body.cooling_off_seconds * SECOND,
        hold_during_cooling_off=body.hold_during_cooling_off,
        review=body.review_seconds * SECOND,
        review_timeout=body.review_timeout,
        customer_answer=body.customer_answer_seconds * SECOND,
        return_shipment=body.return_shipment_seconds * SECOND,
        return_transit=body.return_transit_seconds * SECOND,
        return_silence=body.return_silence_seconds * SECOND,
        inspection=body.inspection_seconds * SECOND,
        reshipment=body.reshipment_seconds * SECOND,
        stock_choice=body.stock_choice_seconds * SECOND,
        confirm_after_signed=body.confirm_after_signed_seconds * SECOND,
        confirm_untracked=body.confirm_untracked_seconds * SECOND,
        ship_back=body.ship_back_seconds * SECOND,
        ship_back_confirm=body.ship_back_confirm_seconds * SECOND,
        refund_failed_reminder=body.refund_failed_reminder_seconds * SECOND,
        auto_refund_ceiling_fen=body.auto_refund_ceiling_fen,
        auto_refund_period=body.auto_refund_period_seconds * SECOND,
        auto_refunds_per_customer=body.auto_refunds_per_customer,
        auto_refunds_per_supplier=body.auto_refunds_per_supplier,
        supplier_liable_reasons=usual.supplier_liable_reasons if reasons is None else frozenset(reasons),
    )


def _policy_out(policy: AfterSalesPolicy) -> PolicyOut:
    return PolicyOut(
        version=policy.version,
        window_seconds=policy.window // SECOND,
        window_extension_seconds=policy.window_extension // SECOND,
        cooling_off_seconds=policy.cooling_off // SECOND,
        hold_during_cooling_off=policy.hold_during_cooling_off,
        review_seconds=policy.review // SECOND,
        review_timeout=policy.review_timeout,
        customer_answer_seconds=policy.customer_answer // SECOND,
        return_shipment_seconds=policy.return_shipment // SECOND,
        return_transit_seconds=policy.return_transit // SECOND,
        return_silence_seconds=policy.return_silence // SECOND,
        inspection_seconds=policy.inspection // SECOND,
        reshipment_seconds=policy.reshipment // SECOND,
        stock_choice_seconds=policy.stock_choice // SECOND,
        confirm_after_signed_seconds=policy.confirm_after_signed // SECOND,
        confirm_untracked_seconds=policy.confirm_untracked // SECOND,
        ship_back_seconds=policy.ship_back // SECOND,
        ship_back_confirm_seconds=policy.ship_back_confirm // SECOND,
        refund_failed_reminder_seconds=policy.refund_failed_reminder // SECOND,
        auto_refund_ceiling_fen=policy.auto_refund_ceiling_fen,
        auto_refund_period_seconds=policy.auto_refund_period // SECOND,
        auto_refunds_per_customer=policy.auto_refunds_per_customer,
        auto_refunds_per_supplier=policy.auto_refunds_per_supplier,
        supplier_liable_reasons=sorted(policy.supplier_liable_reasons),
    )
