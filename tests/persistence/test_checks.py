"""The schema itself refuses what must never be stored, whoever writes it."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from mallcare.domain.book import Unit
from mallcare.domain.commands import Approve
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.mall_refunds import MallRefund
from mallcare.domain.parcels import Parcel
from mallcare.domain.vocabulary import OrderEventType, ParcelPurpose
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import AddressUse, CaseEvidence, OutgoingMessage, StoredAnswer
from tests.domain.builders import CUSTOMER, PLACED_AT, SUPPLIER, asking, cash, line, order
from tests.persistence.transactions import command, open_case, read, saved, store


@pytest.fixture
async def rows(uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection) -> psycopg.Connection:
    """One row in every table; the case is being refunded."""
    await store(uow, order(line("A", 2), tenders=(cash(2_000, 9_000),)))
    case = await open_case(uow, "O1", asking(("A", 1)))
    await command(uow, case.after_sales_no, Approve())
    parcel = Parcel(ParcelPurpose.RETURN, "sf", "SF1", PLACED_AT)
    decided = (await read(uow, case.after_sales_no)).case
    await saved(uow, decided, replace(decided, parcels=(parcel,)))
    async with uow() as work:
        await work.cases.add_address(case.after_sales_no, AddressUse.RETURN, {}, SUPPLIER, PLACED_AT)
        await work.cases.add_evidence(case.after_sales_no, CaseEvidence("request", CUSTOMER, PLACED_AT))
        await work.suppliers.set_return_address("supplier-1", {}, SUPPLIER, PLACED_AT)
        await work.orders.add_event("O1", OrderEvent("E", OrderEventType.CLOSED, PLACED_AT), None, PLACED_AT)
        await work.orders.add_mall_refund("O1", "M1", MallRefund((10,), (Unit("A", 2),)))
        await work.idempotency.store("mall", "k", StoredAnswer("h", 201, {}), PLACED_AT)
        await work.outbox.add([OutgoingMessage("m1", "s", "t", PLACED_AT, {})])
        await work.commit()
    return cleaner


BROKEN = [
    ("orders", "channel = 'other'", "channel_known"),
    ("orders", "version = -1", "version_not_negative"),
    ("orders", "freight_fen = -1", "freight_fen_not_negative"),
    ("order_events", "type = 'lost'", "type_known"),
    ("unit_holdings", "ordinal = 0", "ordinal_counts_from_one"),
    ("unit_holdings", "after_sales_no = NULL, decided = false", "mall_refund_is_decided"),
    ("mall_refunds", "amount_fen = -1", "amount_fen_not_negative"),
    ("payment_transactions", "total_fen = -1", "total_fen_not_negative"),
    ("after_sales", "kind = 'gift'", "kind_known"),
    ("after_sales", "state = 'LOST'", "state_known"),
    ("after_sales", "deadline_at = now(), deadline_effect = 'explode'", "deadline_effect_known"),
    ("after_sales", "version = 0, told_version = 0", "version_counts_from_one"),
    ("after_sales", "told_version = version + 1", "told_version_exists"),
    ("after_sales", "deadline_at = now()", "deadline_has_effect"),
    ("after_sales", "deadline_effect = 'escalate'", "deadline_has_effect"),
    (
        "after_sales",
        "state = 'COMPLETED', deadline_at = now(), deadline_effect = 'escalate'",
        "final_has_no_deadline",
    ),
    ("after_sales_events", "actor_role = 'stranger'", "actor_role_known"),
    ("refund_legs", "tender = 'gold'", "tender_known"),
    ("refund_legs", "status = 'MAYBE', settled_at = now()", "status_known"),
    ("refund_legs", "amount_fen = 0", "amount_fen_positive"),
    ("refund_legs", "tender_seq = -1", "tender_seq_not_negative"),
    ("refund_legs", "round = 0", "round_counts_from_one"),
    ("refund_legs", "status = 'SUCCEEDED'", "settled_or_open"),
    ("refund_legs", "settled_at = now()", "settled_or_open"),
    ("case_parcels", "purpose = 'gift'", "purpose_known"),
    ("case_addresses", "use = 'holiday'", "use_known"),
    ("case_addresses", "actor_role = 'stranger'", "actor_role_known"),
    ("case_evidence", "actor_role = 'stranger'", "actor_role_known"),
    ("supplier_return_addresses", "set_by_role = 'stranger'", "set_by_role_known"),
    ("idempotency_keys", "status = 99", "status_is_http"),
    ("outgoing_messages", "status = 'lost'", "status_known"),
    ("outgoing_messages", "status = 'delivered'", "delivered_or_not"),
    ("outgoing_messages", "attempts = -1", "attempts_not_negative"),
]


@pytest.mark.parametrize(("table", "change", "name"), BROKEN)
async def test_a_check_refuses(rows: psycopg.Connection, table: str, change: str, name: str) -> None:
    """Each by its own name."""
    with pytest.raises(psycopg.errors.CheckViolation, match=f"ck_{table}_{name}"):
        rows.execute(f"UPDATE {table} SET {change}".encode())


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("INSERT INTO unit_holdings SELECT * FROM unit_holdings", "pk_unit_holdings"),
        (
            'INSERT INTO refund_legs SELECT (jsonb_populate_record(r, \'{"refund_no": "R2"}\')).*'
            " FROM refund_legs r",
            "uq_refund_legs_after_sales_no_tender_seq",
        ),
        ("INSERT INTO case_parcels SELECT * FROM case_parcels", "pk_case_parcels"),
        ("INSERT INTO payment_transactions SELECT * FROM payment_transactions", "pk_payment_transactions"),
        ("INSERT INTO mall_refunds SELECT * FROM mall_refunds", "pk_mall_refunds"),
        ("INSERT INTO order_events SELECT * FROM order_events", "pk_order_events"),
        ("INSERT INTO idempotency_keys SELECT * FROM idempotency_keys", "pk_idempotency_keys"),
    ],
)
async def test_what_is_unique_stays_unique(rows: psycopg.Connection, statement: str, name: str) -> None:
    """Units, tenders and parcels of a case, payments, refunds of the mall, events, keys: each once."""
    with pytest.raises(psycopg.errors.UniqueViolation, match=name):
        rows.execute(statement.encode())
