"""Every declared path of every workflow. A new way that a workflow can go gets a path first."""

from __future__ import annotations

from tests.replay import exchange_paths, refund_only_paths, refund_paths, return_paths, upkeep_paths
from tests.replay.walking import DECLARED

MODULES = (refund_only_paths, refund_paths, return_paths, exchange_paths, upkeep_paths)
"""Importing them declares their paths."""

ALL = dict(DECLARED)
