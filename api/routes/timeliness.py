"""Operations: what is promised to customers, and by which calendars it is counted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Cases, IdempotencyKey
from api.documentation import READING, WRITING, problems
from api.rendering.timeliness import (
    calendar_of,
    calendar_out,
    calendar_summary,
    special_of,
    timeliness_policy_of,
    timeliness_policy_out,
)
from api.schemas.fields import LARGEST_INT, Id, body_hash
from api.schemas.timeliness import (
    ServiceCalendarIn,
    ServiceCalendarListOut,
    ServiceCalendarOut,
    SpecialDaysIn,
    TimelinessPolicyIn,
    TimelinessPolicyOut,
)
from api.security import SignedIn, SignedInRoute
from mallcare.application.idempotency import Repeatable
from mallcare.application.service_calendars import SpecialDays

router = APIRouter(tags=["operations"], route_class=SignedInRoute)

POLICIES = "/v1/operations/timeliness-policies"
CALENDARS = "/v1/operations/service-calendars"
ONE_READS = (*READING, "not_allowed")
CalendarId = Annotated[Id, Path(description="Name of the calendar.")]
VersionNumber = Annotated[int, Path(ge=1, le=LARGEST_INT, description="Number of the version.")]


@router.get(
    POLICIES,
    summary="The timeliness policy in force",
    responses=problems("unauthenticated", "not_allowed", "invalid", "engine_unavailable"),
)
async def get_timeliness_policy(
    caller: SignedIn,
    cases: Cases,
    supplier_id: Annotated[
        Id | None, Query(description="The supplier; absent, the policy of all without their own.")
    ] = None,
) -> TimelinessPolicyOut:
    """The policy that clocks are started under now (operations, auditor)."""
    return timeliness_policy_out(await cases.timeliness_policies.current(supplier_id, caller))


@router.post(
    POLICIES,
    summary="Publish a timeliness policy",
    status_code=201,
    responses=problems(*WRITING, "idempotency_mismatch"),
)
async def publish_timeliness_policy(
    body: TimelinessPolicyIn, caller: SignedIn, cases: Cases, idempotency_key: IdempotencyKey
) -> TimelinessPolicyOut:
    """Add a version of targets, calendars and reminders (operations).

    Clocks that were started keep their version; new ones see this one within a second. The same
    `Idempotency-Key` answers the same version again.
    """
    policy, once = timeliness_policy_of(body), Repeatable(idempotency_key, body_hash(body))
    return timeliness_policy_out(
        await cases.timeliness_policies.publish(policy, body.supplier_id, caller, once)
    )


@router.get(
    f"{POLICIES}/{{version}}", summary="A version of the timeliness policy", responses=problems(*ONE_READS)
)
async def get_timeliness_policy_version(
    version: VersionNumber, caller: SignedIn, cases: Cases
) -> TimelinessPolicyOut:
    """A version as it was published (operations, auditor): what a clock of it is counted by."""
    return timeliness_policy_out(await cases.timeliness_policies.version(version, caller))


@router.get(
    CALENDARS,
    summary="List service calendars",
    responses=problems("unauthenticated", "not_allowed", "engine_unavailable"),
)
async def list_service_calendars(caller: SignedIn, cases: Cases) -> ServiceCalendarListOut:
    """The newest version of every calendar, without its days (operations, auditor)."""
    newest = await cases.service_calendars.newest_of_each(caller)
    return ServiceCalendarListOut(items=[calendar_summary(one) for one in newest])


@router.post(
    CALENDARS,
    summary="Add a version of a service calendar",
    status_code=201,
    responses=problems(*WRITING, "idempotency_mismatch"),
)
async def add_service_calendar(
    body: ServiceCalendarIn, caller: SignedIn, cases: Cases, idempotency_key: IdempotencyKey
) -> ServiceCalendarOut:
    """Add the first or the next version of a calendar, whole (operations).

    Clocks that were started keep the version they have. The same `Idempotency-Key` answers the same
    version again.
    """
    calendar, once = calendar_of(body), Repeatable(idempotency_key, body_hash(body))
    return calendar_out(await cases.service_calendars.add(calendar, caller, once))


@router.get(f"{CALENDARS}/{{calendar_id}}", summary="A service calendar", responses=problems(*ONE_READS))
async def get_service_calendar(calendar_id: CalendarId, caller: SignedIn, cases: Cases) -> ServiceCalendarOut:
    """The newest version of a calendar (operations, auditor)."""
    return calendar_out(await cases.service_calendars.read(calendar_id, None, caller))


@router.get(
    f"{CALENDARS}/{{calendar_id}}/versions/{{version}}",
    summary="A version of a service calendar",
    responses=problems(*ONE_READS),
)
async def get_service_calendar_version(
    calendar_id: CalendarId, version: VersionNumber, caller: SignedIn, cases: Cases
) -> ServiceCalendarOut:
    """A version as it was added (operations, auditor): what a clock of it is counted by."""
    return calendar_out(await cases.service_calendars.read(calendar_id, version, caller))


@router.put(
    f"{CALENDARS}/{{calendar_id}}/special-days",
    summary="Import holidays and made-up working days",
    responses=problems(*WRITING, "not_found"),
)
async def set_special_days(
    calendar_id: CalendarId, body: SpecialDaysIn, caller: SignedIn, cases: Cases
) -> ServiceCalendarOut:
    """Add a version with these days, and all others as they are (operations).

    What is known already adds no version, so sending it again is safe. `known_until` only ever grows.
    """
    special = SpecialDays(special_of(body.special), body.known_until)
    return calendar_out(await cases.service_calendars.set_special_days(calendar_id, special, caller))
