"""A messaging simulator's books, in SQLite: what was really shown to whom, and what was not.

The only judge of "told once": each message the vendor took is a row, shown or dropped, with no constraint
that would hide a second one. Every change is committed before it is answered. Instants are Unix seconds.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
  seq INTEGER PRIMARY KEY, channel TEXT NOT NULL, receiver TEXT NOT NULL, vendor_message_id TEXT,
  msgtype TEXT NOT NULL, content TEXT NOT NULL, mentioned TEXT NOT NULL, dropped TEXT,
  truncated INTEGER NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS messages_of_receiver ON messages (channel, receiver, at);
CREATE TABLE IF NOT EXISTS refusals (
  seq INTEGER PRIMARY KEY, operation TEXT NOT NULL, receiver TEXT NOT NULL, errcode INTEGER NOT NULL,
  errmsg TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS silences (
  channel TEXT NOT NULL, receiver TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (channel, receiver));
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message the vendor took for one receiver. `dropped`: why nobody saw it; None: it was shown.

    `mentioned`: the phone numbers that were really called by it. `truncated`: the vendor cut it.
    """

    channel: str
    receiver: str
    msgtype: str
    content: Mapping[str, object]
    at: float
    vendor_message_id: str | None = None
    mentioned: tuple[str, ...] = ()
    dropped: str | None = None
    truncated: bool = False


class MessageLedger:
    """The books of one simulator; `path` None keeps them in memory. One thread at a time."""

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")

    def close(self) -> None:
        self._db.close()

    def take(self, message: Taken) -> None:
        """Write a message down."""
        self._db.execute(
            "INSERT INTO messages (channel, receiver, vendor_message_id, msgtype, content, mentioned,"
            " dropped, truncated, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                message.channel,
                message.receiver,
                message.vendor_message_id,
                message.msgtype,
                _canonical(message.content),
                json.dumps(message.mentioned),
                message.dropped,
                message.truncated,
                message.at,
            ),
        )

    def shown_since(self, channel: str, receiver: str, since: float) -> int:
        """How many messages a receiver was shown after `since`."""
        row = self._db.execute(
            "SELECT COUNT(*) AS n FROM messages WHERE channel=? AND receiver=? AND at > ?"
            " AND dropped IS NULL",
            (channel, receiver, since),
        ).fetchone()
        return int(row["n"])

    def taken_since(self, channel: str, receiver: str, since: float) -> int:
        """How many messages were taken for a receiver after `since`, shown or not."""
        row = self._db.execute(
            "SELECT COUNT(*) AS n FROM messages WHERE channel=? AND receiver=? AND at > ?",
            (channel, receiver, since),
        ).fetchone()
        return int(row["n"])

    def was_shown(self, channel: str, receiver: str, content: Mapping[str, object], since: float) -> bool:
        """Whether a receiver was shown this very content at or after `since`."""
        row = self._db.execute(
            "SELECT 1 FROM messages WHERE channel=? AND receiver=? AND at >= ? AND content=?"
            " AND dropped IS NULL LIMIT 1",
            (channel, receiver, since, _canonical(content)),
        ).fetchone()
        return row is not None

    def silence(self, channel: str, receiver: str, until: float) -> None:
        """Refuse everything for a receiver until then."""
        self._db.execute(
            "INSERT INTO silences VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET until=excluded.until",
            (channel, receiver, until),
        )

    def is_silenced(self, channel: str, receiver: str, now: float) -> bool:
        row = self._db.execute(
            "SELECT 1 FROM silences WHERE channel=? AND receiver=? AND until > ?", (channel, receiver, now)
        ).fetchone()
        return row is not None

    def refuse(self, operation: str, receiver: str, errcode: int, errmsg: str, now: float) -> None:
        """Write a refused call down."""
        self._db.execute(
            "INSERT INTO refusals (operation, receiver, errcode, errmsg, at) VALUES (?, ?, ?, ?, ?)",
            (operation, receiver, errcode, errmsg, now),
        )

    # --- for tests and demos -------------------------------------------------------------------

    def statement(self, receiver: str | None = None) -> list[dict[str, object]]:
        """Every message taken, oldest first: `shown`, and `dropped` with why not."""
        rows = self._db.execute(
            "SELECT * FROM messages WHERE ? IS NULL OR receiver = ? ORDER BY seq", (receiver, receiver)
        )
        return [
            {
                **dict(row),
                "content": json.loads(row["content"]),
                "mentioned": json.loads(row["mentioned"]),
                "shown": row["dropped"] is None,
                "truncated": bool(row["truncated"]),
                "at": _rfc3339(row["at"]),
            }
            for row in rows
        ]

    def refusals(self) -> list[dict[str, object]]:
        """Every refused call, oldest first."""
        rows = self._db.execute("SELECT * FROM refusals ORDER BY seq")
        return [{**dict(row), "at": _rfc3339(row["at"])} for row in rows]


def _canonical(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
