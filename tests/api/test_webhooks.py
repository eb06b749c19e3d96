"""Outgoing webhooks over HTTP: listing and sending again."""

from __future__ import annotations

MESSAGES = "/v1/webhooks/messages"
REPLAYS = "/v1/webhooks/replays"
