"""A database with many cases, written by the server itself."""

from __future__ import annotations

import psycopg

CASES = """
INSERT INTO after_sales (
    after_sales_no, order_no, supplier_id, customer_id, kind, state, version, whole_order, lines, quote,
    reason_code, evidence, policy_version, disputed, cooling_off, escalated_at, deadline_at, deadline_effect,
    created_at, updated_at, told_version, checked_at, auto_refunded_at
)
SELECT
    'AS' || lpad(n::text, 8, '0'), 'O' || n / 2, 'supplier-' || n %% 100, 'customer-' || n %% 5000,
    'refund_only',
    CASE WHEN n %% 50 = 0 THEN 'PENDING_REVIEW' WHEN n %% 50 = 1 THEN 'REFUNDING' ELSE 'COMPLETED' END,
    3, false, '[]', '{"tenders": [], "goods": [], "freight": [], "freight_if_last_fen": 0}',
    'quality', '[]', 1, false, false,
    CASE WHEN n %% 500 = 1 THEN start END,
    CASE WHEN n %% 50 = 0 THEN start + n * interval '1 minute' END,
    CASE WHEN n %% 50 = 0 THEN 'escalate' END,
    start + n * interval '1 second', start + n * interval '1 second',
    CASE WHEN n %% 1000 = 0 THEN 2 ELSE 3 END,
    start + n * interval '1 second',
    CASE WHEN n %% 7 = 0 THEN start + n * interval '1 second' END
FROM generate_series(1, %(cases)s) AS n, (SELECT timestamptz '2026-03-01 00:00+00' AS start) AS s
"""
ORDERS = """
INSERT INTO orders (
    order_no, version, body_hash, supplier_id, channel, customer_id, placed_at, freight_fen,
    tenders, discounts, lines, personal, delivered_at
)
SELECT 'O' || n, 1, 'h', 'supplier-1', 'consumer', 'customer-1', now(), 0, '[]', '[]', '[]', '{}', '{}'
FROM generate_series(0, %(cases)s / 2) AS n
"""
LEGS = """
INSERT INTO refund_legs (
    refund_no, after_sales_no, order_no, tender_seq, tender, provider, transaction_id, amount_fen, status,
    round, created_at, settled_at
)
SELECT
    'R' || after_sales_no, after_sales_no, order_no, 0, 'cash', 'wechat_pay', 'T' || order_no, 100,
    CASE state WHEN 'COMPLETED' THEN 'SUCCEEDED' ELSE 'PENDING' END, 1, created_at,
    CASE state WHEN 'COMPLETED' THEN created_at END
FROM after_sales WHERE state <> 'PENDING_REVIEW'
"""
GOODS = """
INSERT INTO case_parcels
SELECT after_sales_no, 'return', order_no, supplier_id, customer_id, 'sf', 'SF' || after_sales_no, created_at
FROM after_sales;
INSERT INTO case_addresses (after_sales_no, use, address, actor_role, actor_subject, at)
SELECT after_sales_no, 'return', '{}', 'supplier', supplier_id, created_at FROM after_sales;
INSERT INTO case_evidence (after_sales_no, about, urls, actor_role, actor_subject, at)
SELECT after_sales_no, 'request', '[]', 'customer', customer_id, created_at FROM after_sales;
INSERT INTO operations_tasks (task_id, kind, subject, facts, opened_at)
SELECT 'OT' || after_sales_no, 'parcel_abnormal', after_sales_no, '{}', created_at FROM after_sales;
INSERT INTO order_events (order_no, event_id, type, occurred_at, waybill, received_at)
SELECT order_no, after_sales_no, 'in_transit', created_at, 'SF' || after_sales_no, created_at FROM after_sales
"""
"""A parcel, an address, a piece of evidence, a task and a report for every case: more than there will be."""


def fill(url: str, cases: int) -> None:
    """Write `cases` cases: 2 % under review, 2 % being refunded, the rest completed; 100 suppliers."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(ORDERS, {"cases": cases})
        connection.execute(CASES, {"cases": cases})
        connection.execute(LEGS)
        connection.execute(GOODS)
        connection.execute("VACUUM ANALYZE")
