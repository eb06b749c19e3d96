"""The simulated mall's books, in SQLite: tenders given back, webhooks received."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS refunds (
  refund_no TEXT PRIMARY KEY, order_no TEXT NOT NULL, tender TEXT NOT NULL, amount_fen INTEGER NOT NULL,
  status TEXT NOT NULL, outcome TEXT NOT NULL, settles_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS requests (refund_no TEXT PRIMARY KEY, requests INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS payouts (
  id INTEGER PRIMARY KEY, refund_no TEXT NOT NULL, amount_fen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (
  seq INTEGER PRIMARY KEY, webhook_id TEXT NOT NULL, webhook_timestamp TEXT NOT NULL, body TEXT NOT NULL,
  received_at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class TenderRefund:
    """One tender refund; it becomes `outcome` at `settles_at` (Unix seconds)."""

    refund_no: str
    order_no: str
    tender: str
    amount_fen: int
    status: str
    outcome: str
    settles_at: float


class MallBooks:
    """`path` None keeps them in memory. Each change is on disk when the call returns."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def count_request(self, refund_no: str) -> None:
        self._db.execute(
            "INSERT INTO requests VALUES (?, 1) ON CONFLICT DO UPDATE SET requests = requests + 1",
            (refund_no,),
        )

    def accept(self, refund: TenderRefund, now: float) -> TenderRefund:
        """Write a refund unless its number is known; answers what stands under the number, settled if due."""
        values = (
            refund.refund_no,
            refund.order_no,
            refund.tender,
            refund.amount_fen,
            refund.status,
            refund.outcome,
            refund.settles_at,
        )
        self._db.execute("INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values)
        self.settle_due(now)
        known = self.find(refund.refund_no)
        assert known is not None
        return known

    def settle_due(self, now: float) -> None:
        """Give every refund whose time has come its outcome, and the customer the tender."""
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(
            "INSERT INTO payouts (refund_no, amount_fen) SELECT refund_no, amount_fen FROM refunds"
            " WHERE outcome = 'succeeded' AND status = 'processing' AND settles_at <= ?",
            (now,),
        )
        self._db.execute(
            "UPDATE refunds SET status = outcome WHERE status = 'processing' AND settles_at <= ?", (now,)
        )
        self._db.execute("COMMIT")

    def hurry(self, refund_no: str) -> None:
        """Let a processing refund settle at the next look."""
        self._db.execute(
            "UPDATE refunds SET settles_at = 0 WHERE refund_no = ? AND status = 'processing'", (refund_no,)
        )

    def find(self, refund_no: str) -> TenderRefund | None:
        row = self._db.execute("SELECT * FROM refunds WHERE refund_no = ?", (refund_no,)).fetchone()
        return None if row is None else TenderRefund(**dict(row))

    def statement(self) -> list[dict[str, object]]:
        """Every refund with the times it was asked for and paid."""
        rows = self._db.execute(
            "SELECT r.refund_no, r.order_no, r.tender, r.amount_fen, r.status,"
            " COALESCE(q.requests, 0) AS requests,"
            " (SELECT COUNT(*) FROM payouts p WHERE p.refund_no = r.refund_no) AS paid_count"
            " FROM refunds r LEFT JOIN requests q USING (refund_no) ORDER BY r.rowid"
        )
        return [dict(row) for row in rows]

    def keep_webhook(self, webhook_id: str, timestamp: str, body: str, now: float) -> None:
        self._db.execute(
            "INSERT INTO webhooks (webhook_id, webhook_timestamp, body, received_at) VALUES (?, ?, ?, ?)",
            (webhook_id, timestamp, body, now),
        )

    def webhooks(self) -> list[dict[str, object]]:
        """Every webhook in order of arrival; `duplicate` if its id had come before."""
        seen: set[str] = set()
        kept: list[dict[str, object]] = []
        for row in self._db.execute("SELECT * FROM webhooks ORDER BY seq"):
            kept.append(
                {
                    "seq": row["seq"],
                    "webhook_id": row["webhook_id"],
                    "webhook_timestamp": int(row["webhook_timestamp"]),
                    "received_at": datetime.fromtimestamp(row["received_at"], UTC).isoformat(),
                    "payload": json.loads(row["body"]),
                    "duplicate": row["webhook_id"] in seen,
                }
            )
            seen.add(row["webhook_id"])
        return kept
