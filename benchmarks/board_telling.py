"""What the triggers of `clocks` cost those who write: commits of one changed clock each."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psycopg

COMMITS: Final = 150
CHANGE: Final = b"UPDATE clocks SET at_risk_at = at_risk_at - interval '1 second' WHERE id = %s"


def telling(url: str) -> dict[str, float]:
    """Seconds of a commit, with and without the triggers, by one writer and by eight."""
    found: dict[str, float] = {}
    with psycopg.connect(url, autocommit=True) as owner:
        open_ones = [
            row[0]
            for row in owner.execute(
                "SELECT id FROM clocks WHERE ended_at IS NULL AND at_risk_at IS NOT NULL LIMIT 800"
            )
        ]
        _seconds(url, open_ones, 8)  # warm
        for writers in (1, 8):
            for word, setting in (("noted", "ENABLE"), ("not noted", "DISABLE")):
                owner.execute(f"ALTER TABLE clocks {setting} TRIGGER USER".encode())
                found[f"{writers} at once, {word}"] = _seconds(url, open_ones, writers)
        owner.execute("ALTER TABLE clocks ENABLE TRIGGER USER")
    return found


def _seconds(url: str, clocks: list[int], writers: int) -> float:
    """Wall time of all commits over how many there were."""

    def write(writer: int) -> None:
        own = clocks[writer::writers]
        with psycopg.connect(url, autocommit=True) as connection:
            for number in range(COMMITS):
                connection.execute(CHANGE, (own[number % len(own)],))

    begun = time.perf_counter()
    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    return (time.perf_counter() - begun) / (COMMITS * writers)
