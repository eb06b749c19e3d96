"""Operations tasks over HTTP: counted, found by supplier, and gone when what they were about is over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.api.calls import Json, answered, problem_of
from tests.api.conftest import LATER, Api
from tests.api.journeys import ANEW, BACK, REFUSED, TO_INSPECTION, TO_RESHIPMENT, asked, go, report

TASKS = "/v1/operations/tasks"
HOUR = timedelta(hours=1)
NOBODY_TO_TELL = OperationsTask("OT1", TaskKind.CONTACTS_MISSING, "supplier-1", LATER, {"reminders": 3})
OTHERS = (
    OperationsTask("OT2", TaskKind.PAID_TWICE, "R1", LATER, {"supplier_id": "supplier-1"}),
    OperationsTask("OT3", TaskKind.CONTACTS_MISSING, "supplier-2", LATER),
    OperationsTask("OT4", TaskKind.RETURN_OVERDUE, "supplier-1", LATER, {"supplier_id": "supplier-2"}),
    OperationsTask("OT5", TaskKind.CALENDAR_ENDS, "supplier-1", LATER),
)


async def opened(uow: SqlUnitOfWorkFactory, *tasks: OperationsTask) -> None:
    """Tasks that ask."""
    async with uow() as work:
        await work.tasks.open(tasks)
        await work.commit()


async def asking(api: Api, kind: str) -> list[str]:
    """Subjects of the kind's unresolved tasks."""
    page = answered(await api.operations.get(f"{TASKS}?kind={kind}&status=open"))
    return [task["subject"] for task in page["items"]]


async def test_what_asks_is_counted_by_kind(api: Api, uow: SqlUnitOfWorkFactory) -> None:
    """Open and claimed ones; resolved ones count no more, and every kind is named."""
    await opened(uow, NOBODY_TO_TELL, *OTHERS)
    answered(await api.operations("POST", f"{TASKS}/OT3/claim"))
    answered(await api.operations("POST", f"{TASKS}/OT2/resolve", {"note": "claimed back"}))
    for reader in (api.operations, api.finance, api.auditor):
        counts = answered(await reader.get(f"{TASKS}/counts"))
        assert (counts["open"], counts["claimed"]) == (3, 1)
        assert [item["kind"] for item in counts["items"]] == list(TaskKind)
        some = {item["kind"]: item for item in counts["items"] if item["open"] or item["claimed"]}
        assert some == {
            "contacts_missing": {"kind": "contacts_missing", "open": 1, "claimed": 1},
            "return_overdue": {"kind": "return_overdue", "open": 1, "claimed": 0},
            "calendar_ends": {"kind": "calendar_ends", "open": 1, "claimed": 0},
        }
    problem_of(await api.supplier.get(f"{TASKS}/counts"), 403, "not_allowed")


async def test_tasks_are_found_by_supplier(api: Api, uow: SqlUnitOfWorkFactory) -> None:
    """By the fact, or by the subject where that is a supplier; a calendar of the same name is none."""
    await opened(uow, NOBODY_TO_TELL, *OTHERS)

    async def of(supplier_id: str, query: str = "") -> list[str]:
        page = answered(await api.operations.get(f"{TASKS}?supplier_id={supplier_id}{query}"))
        return [task["task_id"] for task in page["items"]]

    assert await of("supplier-1") == ["OT2", "OT1"]
    assert await of("supplier-2") == ["OT4", "OT3"]
    assert await of("supplier-2", "&kind=return_overdue&status=open") == ["OT4"]
    assert await of("supplier-3") == []


@pytest.mark.parametrize(
    ("contact", "left"),
    [
        ({"role": "principal", "name": "周", "phone": "13800001234"}, []),
        ({"role": "principal", "name": "周"}, ["supplier-1"]),
        ({"role": "staff", "name": "周", "phone": "13800001234"}, ["supplier-1"]),
    ],
    ids=["reachable principal", "without a phone", "staff"],
)
async def test_a_principal_with_a_phone_is_somebody_to_tell(
    api: Api, uow: SqlUnitOfWorkFactory, contact: Json, left: list[str]
) -> None:
    """Only then the supplier's task is done; other suppliers' stay."""
    await opened(uow, NOBODY_TO_TELL, OTHERS[1])
    answered(await api.supplier("PUT", "/v1/suppliers/supplier-1/contacts/zhou", contact))
    assert await asking(api, "contacts_missing") == ["supplier-2", *left]


@pytest.mark.parametrize(
    ("kind", "steps", "waybill"),
    [
        ("return_refund", TO_INSPECTION[:2], BACK),
        ("exchange", (*TO_RESHIPMENT, "reship"), ANEW),
        ("return_refund", (*TO_INSPECTION, "refuse", "ship-back"), REFUSED),
    ],
)
@pytest.mark.parametrize("news", ["in_transit", "delivered"])
async def test_a_parcel_that_moves_on_asks_no_more(
    api: Api, kind: str, steps: tuple[str, ...], waybill: str, news: str
) -> None:
    """Or arrives; a further exception asks again, a late word from before it ends nothing."""
    no = await asked(api, kind)
    await go(api, no, *steps)
    at = api.clock.at
    await report(api, "exception", waybill, at + 2 * HOUR)
    assert await asking(api, "parcel_abnormal") == [no]
    await report(api, "in_transit", waybill, at + HOUR)
    assert await asking(api, "parcel_abnormal") == [no]
    await report(api, news, waybill, at + 3 * HOUR)
    assert await asking(api, "parcel_abnormal") == []
    task = answered(await api.operations.get(f"{TASKS}?kind=parcel_abnormal"))["items"][0]
    assert (task["status"], task["resolved_by"]) == ("resolved", "system:mallcare")
    if news == "in_transit":
        await report(api, "exception", waybill, at + 4 * HOUR)
        assert await asking(api, "parcel_abnormal") == [no]


@pytest.mark.parametrize(
    ("kind", "steps", "waybill", "end"),
    [
        ("return_refund", TO_INSPECTION[:2], BACK, "receive"),
        ("exchange", (*TO_RESHIPMENT, "reship"), ANEW, "confirm"),
        ("return_refund", (*TO_INSPECTION, "refuse", "ship-back"), REFUSED, "confirm"),
    ],
)
async def test_goods_that_somebody_has_are_not_looked_for(
    api: Api, kind: str, steps: tuple[str, ...], waybill: str, end: str
) -> None:
    """Whatever the carrier said last: the supplier counted them, or the customer has them."""
    no = await asked(api, kind)
    await go(api, no, *steps)
    await report(api, "exception", waybill, api.clock.at + HOUR)
    assert await asking(api, "parcel_abnormal") == [no]
    await go(api, no, end)
    assert await asking(api, "parcel_abnormal") == []
