"""Hypothesis for this folder: examples differ from run to run, and none has a deadline.

The machine that runs the suite may be busy, so time per example says nothing about the domain.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("ci", derandomize=False, deadline=None)
if settings.get_current_profile_name() == "default":  # a profile named on the command line wins
    settings.load_profile("ci")
