"""Every declared path of every workflow. A new way that a workflow can go gets a path first."""

from __future__ import annotations

from tests.replay import refund_only_paths, refund_paths, upkeep_paths
from tests.replay.walking import DECLARED

MODULES = (refund_only_paths, refund_paths, upkeep_paths)
"""Importing them declares their paths."""

ALL = dict(DECLARED)
