"""The simulator's books, in SQLite: what was asked, accepted, paid and called back.

The only judge of "paid once": money moves in `payouts`, one row each time, with no constraint that
would hide a second one. Every change is committed before it is answered, so a killed simulator
remembers all it said. Instants are Unix seconds.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

BEIJING = timezone(timedelta(hours=8))

_SCHEMA = """
CREATE TABLE IF NOT EXISTS transactions (
  transaction_id TEXT PRIMARY KEY, out_trade_no TEXT NOT NULL UNIQUE, total_fen INTEGER NOT NULL,
  paid_at REAL);
CREATE TABLE IF NOT EXISTS refunds (
  out_refund_no TEXT PRIMARY KEY, refund_id TEXT NOT NULL UNIQUE, transaction_id TEXT NOT NULL,
  out_trade_no TEXT NOT NULL, amount_fen INTEGER NOT NULL, total_fen INTEGER NOT NULL,
  status TEXT NOT NULL, outcome TEXT NOT NULL, channel TEXT NOT NULL DEFAULT 'ORIGINAL', reason TEXT,
  notify_url TEXT, created_at REAL NOT NULL, settles_at REAL NOT NULL, settled_at REAL);
CREATE INDEX IF NOT EXISTS refunds_of_transaction ON refunds (transaction_id);
CREATE TABLE IF NOT EXISTS posts (
  out_refund_no TEXT PRIMARY KEY, requests INTEGER NOT NULL, last_refusal TEXT);
CREATE TABLE IF NOT EXISTS payouts (
  id INTEGER PRIMARY KEY, out_refund_no TEXT NOT NULL, amount_fen INTEGER NOT NULL, channel TEXT NOT NULL,
  paid_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, seen_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS callbacks (
  id INTEGER PRIMARY KEY, notice_id TEXT NOT NULL, out_refund_no TEXT NOT NULL, event TEXT NOT NULL,
  url TEXT NOT NULL, resource TEXT NOT NULL, created_at REAL NOT NULL, due_at REAL,
  attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'waiting');
"""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A payment that can be refunded."""

    transaction_id: str
    out_trade_no: str
    total_fen: int
    paid_at: float | None


@dataclass(frozen=True, slots=True)
class Refund:
    """One accepted refund. `outcome` is the status it settles to at `settles_at`."""

    out_refund_no: str
    refund_id: str
    transaction_id: str
    out_trade_no: str
    amount_fen: int
    total_fen: int
    status: str
    outcome: str
    channel: str
    reason: str | None
    notify_url: str | None
    created_at: float
    settles_at: float
    settled_at: float | None

    def answer(self, status_field: str = "status") -> dict[str, object]:
        """The refund object as the vendor answers it."""
        answer: dict[str, object] = {
            "refund_id": self.refund_id,
            "out_refund_no": self.out_refund_no,
            "transaction_id": self.transaction_id,
            "out_trade_no": self.out_trade_no,
            "channel": self.channel,
            "user_received_account": "支付用户零钱",
            "create_time": _rfc3339(self.created_at),
            status_field: self.status,
            "funds_account": "AVAILABLE",
            "amount": {
                "total": self.total_fen,
                "refund": self.amount_fen,
                "payer_total": self.total_fen,
                "payer_refund": self.amount_fen,
                "settlement_total": self.total_fen,
                "settlement_refund": self.amount_fen,
                "discount_refund": 0,
                "currency": "CNY",
            },
        }
        if self.status == "SUCCESS" and self.settled_at is not None:
            answer["success_time"] = _rfc3339(self.settled_at)
        return answer


@dataclass(frozen=True, slots=True)
class Callback:
    """One callback still to be delivered; `resource` is its plain JSON."""

    id: int
    notice_id: str
    event: str
    url: str
    resource: str
    created_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class CallbackPlan:
    """How settled refunds call back."""

    mchid: str
    copies: int
    delay_seconds: float


class Ledger:
    """The books of one simulator; `path` None keeps them in memory. One thread at a time."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """All or nothing, on disk when it ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- calls ---------------------------------------------------------------------------------

    def is_new_nonce(self, nonce: str, now: float) -> bool:
        """Remember a nonce for ten minutes; False if it was there."""
        self._db.execute("DELETE FROM nonces WHERE seen_at < ?", (now - 600,))
        return self._db.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", (nonce, now)).rowcount == 1

    def count_post(self, out_refund_no: str) -> None:
        self._db.execute(
            "INSERT INTO posts VALUES (?, 1, NULL) ON CONFLICT DO UPDATE SET requests = requests + 1",
            (out_refund_no,),
        )

    def note_refusal(self, out_refund_no: str, code: str) -> None:
        self._db.execute("UPDATE posts SET last_refusal = ? WHERE out_refund_no = ?", (code, out_refund_no))

    # --- payments ------------------------------------------------------------------------------

    def find_payment(self, transaction_id: str | None, out_trade_no: str | None) -> Transaction | None:
        """A payment by the vendor's number, or else by the merchant's."""
        row = self._db.execute(
            "SELECT * FROM transactions WHERE transaction_id = ? OR (? IS NULL AND out_trade_no = ?)",
            (transaction_id, transaction_id, out_trade_no),
        ).fetchone()
        return None if row is None else Transaction(**dict(row))

    def register_payment(self, payment: Transaction) -> None:
        """Know a payment; one already known keeps its first total."""
        self._db.execute(
            "INSERT INTO transactions VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (payment.transaction_id, payment.out_trade_no, payment.total_fen, payment.paid_at),
        )

    # --- refunds -------------------------------------------------------------------------------

    def find(self, out_refund_no: str) -> Refund | None:
        return self._one("SELECT * FROM refunds WHERE out_refund_no = ?", out_refund_no)

    def find_by_refund_id(self, refund_id: str) -> Refund | None:
        return self._one("SELECT * FROM refunds WHERE refund_id = ?", refund_id)

    def of_payment(self, transaction_id: str) -> list[Refund]:
        """Every refund of a payment, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM refunds WHERE transaction_id = ? ORDER BY created_at", (transaction_id,)
        )
        return [Refund(**dict(row)) for row in rows]

    def created_between(self, start: float, end: float) -> list[Refund]:
        """Refunds asked for in [start, end), oldest first."""
        rows = self._db.execute(
            "SELECT * FROM refunds WHERE created_at >= ? AND created_at < ? ORDER BY created_at", (start, end)
        )
        return [Refund(**dict(row)) for row in rows]

    def add(self, refund: Refund) -> None:
        self._db.execute(
            "INSERT INTO refunds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                refund.out_refund_no,
                refund.refund_id,
                refund.transaction_id,
                refund.out_trade_no,
                refund.amount_fen,
                refund.total_fen,
                refund.status,
                refund.outcome,
                refund.channel,
                refund.reason,
                refund.notify_url,
                refund.created_at,
                refund.settles_at,
                refund.settled_at,
            ),
        )

    def reopen(self, refund: Refund, *, channel: str, settles_at: float) -> None:
        """An abnormal refund goes on, to another account, and will succeed."""
        self._db.execute(
            "UPDATE refunds SET status='PROCESSING', outcome='SUCCESS', channel=?, settles_at=?,"
            " settled_at=NULL WHERE out_refund_no=?",
            (channel, settles_at, refund.out_refund_no),
        )

    def settle_due(self, now: float, plan: CallbackPlan) -> None:
        """Give every refund whose time has come its outcome: pay, and queue its callback."""
        rows = self._db.execute(
            "SELECT out_refund_no FROM refunds WHERE status='PROCESSING' AND settles_at <= ?", (now,)
        ).fetchall()
        for row in rows:
            with self.transaction():
                self._settle(row["out_refund_no"], now, plan)

    def _settle(self, out_refund_no: str, now: float, plan: CallbackPlan) -> None:
        self._db.execute(
            "UPDATE refunds SET status=outcome, settled_at=? WHERE out_refund_no=?", (now, out_refund_no)
        )
        refund = self.find(out_refund_no)
        assert refund is not None
        if refund.status == "SUCCESS":
            self._db.execute(
                "INSERT INTO payouts (out_refund_no, amount_fen, channel, paid_at) VALUES (?, ?, ?, ?)",
                (out_refund_no, refund.amount_fen, refund.channel, now),
            )
        if refund.notify_url is None:
            return
        resource = json.dumps({"mchid": plan.mchid, **refund.answer("refund_status")}, ensure_ascii=False)
        notice = secrets.token_hex(16)
        for _ in range(plan.copies):
            self._db.execute(
                "INSERT INTO callbacks (notice_id, out_refund_no, event, url, resource, created_at, due_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    notice,
                    out_refund_no,
                    f"REFUND.{refund.status}",
                    refund.notify_url,
                    resource,
                    now,
                    now + plan.delay_seconds,
                ),
            )

    def hurry(self, out_refund_no: str, now: float) -> None:
        """Let a processing refund settle now."""
        self._db.execute(
            "UPDATE refunds SET settles_at=? WHERE out_refund_no=? AND status='PROCESSING'",
            (now, out_refund_no),
        )

    def _one(self, query: str, value: str) -> Refund | None:
        row = self._db.execute(query, (value,)).fetchone()
        return None if row is None else Refund(**dict(row))

    # --- callbacks -----------------------------------------------------------------------------

    def due_callbacks(self, now: float, limit: int = 16) -> list[Callback]:
        rows = self._db.execute(
            "SELECT id, notice_id, event, url, resource, created_at, attempts FROM callbacks"
            " WHERE due_at <= ? ORDER BY due_at, id LIMIT ?",
            (now, limit),
        )
        return [Callback(**dict(row)) for row in rows]

    def note_delivery(self, callback: Callback, state: str, next_due_at: float | None) -> None:
        """One attempt was made; `next_due_at` None ends it."""
        self._db.execute(
            "UPDATE callbacks SET attempts=attempts+1, state=?, due_at=? WHERE id=?",
            (state, next_due_at, callback.id),
        )

    def next_due(self) -> float | None:
        """The earliest instant at which something happens by itself."""
        row = self._db.execute(
            "SELECT MIN(at) AS at FROM (SELECT MIN(due_at) AS at FROM callbacks UNION ALL"
            " SELECT MIN(settles_at) FROM refunds WHERE status='PROCESSING')"
        ).fetchone()
        return row["at"]

    # --- for tests and demos -------------------------------------------------------------------

    def statement(self) -> list[dict[str, object]]:
        """Every accepted refund with the times it was asked for and paid."""
        return self._dicts(
            "SELECT r.out_refund_no, r.refund_id, r.transaction_id, r.amount_fen, r.status, r.channel,"
            " COALESCE(p.requests, 0) AS requests,"
            " (SELECT COUNT(*) FROM payouts o WHERE o.out_refund_no = r.out_refund_no) AS paid_count,"
            " (SELECT COALESCE(SUM(o.amount_fen), 0) FROM payouts o WHERE o.out_refund_no = r.out_refund_no)"
            " AS paid_fen FROM refunds r LEFT JOIN posts p USING (out_refund_no) ORDER BY r.created_at"
        )

    def refusals(self) -> list[dict[str, object]]:
        """Refund numbers asked for and never accepted, with the last code they were refused with."""
        return self._dicts(
            "SELECT out_refund_no, requests, last_refusal FROM posts"
            " WHERE out_refund_no NOT IN (SELECT out_refund_no FROM refunds) ORDER BY out_refund_no"
        )

    def callback_log(self) -> list[dict[str, object]]:
        return self._dicts(
            "SELECT notice_id, out_refund_no, event, url, attempts, state FROM callbacks ORDER BY id"
        )

    def _dicts(self, query: str) -> list[dict[str, object]]:
        return [dict(row) for row in self._db.execute(query)]


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(BEIJING).isoformat(timespec="seconds")
