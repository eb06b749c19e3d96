"""The simulator's books, in SQLite: what was asked, sent, received, and reported.

The only judge of "sent once": a row of `messages` is one short message on somebody's telephone, with no
constraint that would hide a second one. Every change is committed before it is answered. Instants are Unix
seconds.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from mallcare.gateways.simulators.aliyun_sms.rules import Question, Submission

BEIJING = timezone(timedelta(hours=8))
WAITING, FAILED, RECEIVED = 1, 2, 3
DELIVERED = "DELIVERED"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
  biz_id TEXT PRIMARY KEY, out_id TEXT NOT NULL, phone TEXT NOT NULL, sign_name TEXT NOT NULL,
  template_code TEXT NOT NULL, template_param TEXT NOT NULL, content TEXT NOT NULL, sent_at REAL NOT NULL,
  outcome TEXT NOT NULL, settles_at REAL NOT NULL, status INTEGER NOT NULL, settled_at REAL);
CREATE INDEX IF NOT EXISTS messages_of_phone ON messages (phone, sent_at);
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY, out_id TEXT NOT NULL, template_code TEXT NOT NULL, at REAL NOT NULL, code TEXT);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, seen_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS unreachable (phone TEXT PRIMARY KEY, code TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (
  id INTEGER PRIMARY KEY, biz_id TEXT NOT NULL, copy INTEGER NOT NULL, due_at REAL,
  attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One short message that really went out. `outcome` is the code it settles with at `settles_at`."""

    biz_id: str
    out_id: str
    phone: str
    sign_name: str
    template_code: str
    template_param: str
    content: str
    sent_at: float
    outcome: str
    settles_at: float
    status: int
    settled_at: float | None

    def detail(self) -> dict[str, object]:
        """The message as QuerySendDetails tells it, which is without its BizId."""
        detail: dict[str, object] = {
            "PhoneNum": self.phone,
            "SendStatus": self.status,
            "TemplateCode": self.template_code,
            "Content": self.content,
            "SendDate": local(self.sent_at),
            "OutId": self.out_id,
        }
        if self.settled_at is not None:
            detail |= {"ErrCode": self.outcome, "ReceiveDate": local(self.settled_at)}
        return detail

    def report(self) -> dict[str, object]:
        """The message as SmsReport pushes it."""
        assert self.settled_at is not None, "only what is settled is reported"
        received = self.status == RECEIVED
        return {
            "phone_number": self.phone,
            "send_time": local(self.sent_at),
            "report_time": local(self.settled_at),
            "success": received,
            "err_code": self.outcome,
            "err_msg": "用户接收成功" if received else "用户接收失败",
            "sms_size": str(1 if len(self.content) <= 70 else -(-len(self.content) // 67)),
            "biz_id": self.biz_id,
            "out_id": self.out_id,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """One copy of one receipt still to be pushed."""

    id: int
    biz_id: str
    copy: int
    attempts: int


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

    def is_new_nonce(self, nonce: str, now: float, remembered: float) -> bool:
        """Remember a nonce for `remembered` seconds; False if it was there."""
        self._db.execute("DELETE FROM nonces WHERE seen_at < ?", (now - remembered,))
        return self._db.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", (nonce, now)).rowcount == 1

    def note_request(self, out_id: str, template_code: str, now: float) -> int:
        """A SendSms was asked for; answers the note's number."""
        cursor = self._db.execute(
            "INSERT INTO requests (out_id, template_code, at) VALUES (?, ?, ?)", (out_id, template_code, now)
        )
        assert cursor.lastrowid is not None, "an inserted row has a number"
        return cursor.lastrowid

    def note_answer(self, request: int, code: str) -> None:
        self._db.execute("UPDATE requests SET code = ? WHERE id = ?", (code, request))

    # --- messages ------------------------------------------------------------------------------

    def sent_since(self, submission: Submission, start: float) -> int:
        """Messages to its number under its signature and template after `start`."""
        row = self._db.execute(
            "SELECT COUNT(*) FROM messages WHERE phone=? AND sign_name=? AND template_code=? AND sent_at > ?",
            (submission.phone, submission.sign_name, submission.template_code, start),
        ).fetchone()
        return row[0]

    def send(self, submission: Submission, outcome: str | None, now: float, settles_at: float) -> str:
        """The message goes out; answers its BizId. `outcome` None: whatever the number deserves."""
        biz_id = "".join(secrets.choice("0123456789") for _ in range(18)) + "^0"
        row = self._db.execute("SELECT code FROM unreachable WHERE phone=?", (submission.phone,)).fetchone()
        self._db.execute(
            "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (
                biz_id,
                submission.out_id,
                submission.phone,
                submission.sign_name,
                submission.template_code,
                submission.template_param,
                submission.content,
                now,
                outcome or (row["code"] if row else DELIVERED),
                settles_at,
                WAITING,
            ),
        )
        return biz_id

    def details(self, question: Question, known_before: float) -> tuple[int, Sequence[Message]]:
        """How many messages the day has that were sent before `known_before`, and the page asked for."""
        start = question.day.timestamp()
        where = "phone=? AND sent_at >= ? AND sent_at < ? AND sent_at <= ? AND (? IS NULL OR biz_id = ?)"
        values = (question.phone, start, start + 86400, known_before, question.biz_id, question.biz_id)
        total = self._db.execute(f"SELECT COUNT(*) FROM messages WHERE {where}", values).fetchone()[0]  # noqa: S608 - constant text
        rows = self._db.execute(
            f"SELECT * FROM messages WHERE {where} ORDER BY sent_at DESC, rowid DESC LIMIT ? OFFSET ?",  # noqa: S608 - constant text
            (*values, question.size, (question.page - 1) * question.size),
        )
        return total, [Message(**dict(row)) for row in rows]

    def make_unreachable(self, phone: str, code: str | None) -> None:
        """From now on messages to the number fail with `code`; None: they arrive again."""
        self._db.execute("DELETE FROM unreachable WHERE phone=?", (phone,))
        if code is not None:
            self._db.execute("INSERT INTO unreachable VALUES (?, ?)", (phone, code))

    def settle_due(self, now: float, copies: int, delay: float, *, held: bool) -> None:
        """Let every message whose time has come arrive or fail, and queue copies of its receipt."""
        with self.transaction():
            rows = self._db.execute(
                "UPDATE messages SET status=CASE outcome WHEN ? THEN ? ELSE ? END, settled_at=?"
                " WHERE status=? AND settles_at <= ? RETURNING biz_id, sent_at",
                (DELIVERED, RECEIVED, FAILED, now, WAITING, now),
            ).fetchall()
            for row in sorted(rows, key=lambda row: row["sent_at"]):
                for copy in range(copies):
                    self._db.execute(
                        "INSERT INTO reports (biz_id, copy, due_at, state) VALUES (?, ?, ?, ?)",
                        (
                            row["biz_id"],
                            copy,
                            None if held else now + delay * (copy + 1),
                            "held" if held else "waiting",
                        ),
                    )

    # --- receipts ------------------------------------------------------------------------------

    def due_reports(self, now: float, limit: int = 20) -> list[Report]:
        rows = self._db.execute(
            "SELECT id, biz_id, copy, attempts FROM reports WHERE due_at <= ?"
            " ORDER BY due_at, copy, id LIMIT ?",
            (now, limit),
        )
        return [Report(**dict(row)) for row in rows]

    def body_of(self, report: Report) -> dict[str, object]:
        row = self._db.execute("SELECT * FROM messages WHERE biz_id=?", (report.biz_id,)).fetchone()
        return Message(**dict(row)).report()

    def note_push(self, report: Report, state: str, next_due_at: float | None) -> None:
        """One push was made; `next_due_at` None ends it."""
        self._db.execute(
            "UPDATE reports SET attempts=attempts+1, state=?, due_at=? WHERE id=?",
            (state, next_due_at, report.id),
        )

    def release_reports(self, now: float, *, newest_first: bool) -> None:
        """Let what is held be pushed now, one by one in this order."""
        rows = self._db.execute("SELECT id FROM reports WHERE state='held' ORDER BY id").fetchall()
        ids = [row["id"] for row in (reversed(rows) if newest_first else rows)]
        for place, report in enumerate(ids):
            self._db.execute(
                "UPDATE reports SET state='waiting', due_at=? WHERE id=?", (now + place * 1e-6, report)
            )

    def next_due(self) -> float | None:
        """The earliest instant at which something happens by itself."""
        row = self._db.execute(
            "SELECT MIN(at) AS at FROM (SELECT MIN(due_at) AS at FROM reports UNION ALL"
            " SELECT MIN(settles_at) FROM messages WHERE status=1)"
        ).fetchone()
        return row["at"]

    # --- for tests and demos -------------------------------------------------------------------

    def statement(self) -> list[dict[str, object]]:
        """Every message on a telephone, oldest first."""
        return self._dicts(
            "SELECT biz_id, out_id, phone, sign_name, template_code, template_param, content, sent_at,"
            " status, CASE WHEN status=1 THEN NULL ELSE outcome END AS code FROM messages ORDER BY rowid"
        )

    def requests(self) -> list[dict[str, object]]:
        """Every SendSms asked for, with the code it was answered; None: no answer was given."""
        return self._dicts("SELECT out_id, template_code, code FROM requests ORDER BY id")

    def report_log(self) -> list[dict[str, object]]:
        return self._dicts("SELECT biz_id, copy, attempts, state FROM reports ORDER BY id")

    def _dicts(self, query: str) -> list[dict[str, object]]:
        return [dict(row) for row in self._db.execute(query)]


def local(at: float) -> str:
    """An instant as the vendor writes it in answers and receipts: Beijing's wall clock, no offset."""
    return datetime.fromtimestamp(at, UTC).astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
