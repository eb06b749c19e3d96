"""The vendor's side of access tokens: one at a time, the same to everybody who asks, taken back at will."""

from __future__ import annotations

import hmac
import secrets

from mallcare.gateways.simulators.messages.desk import VendorRefusal
from mallcare.gateways.simulators.wecom.config import WecomSimulatorConfig
from mallcare.ports import Clock


class TokenOffice:
    """Gives out and checks the tokens of one application. Forgets them when the simulator restarts."""

    def __init__(self, config: WecomSimulatorConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._ends: dict[str, float] = {}
        self._revoked: set[str] = set()
        self._current: str | None = None
        self.fetches = 0

    @property
    def issued(self) -> int:
        """How many different tokens were ever given out."""
        return len(self._ends)

    def give(self, corp_id: str, secret: str) -> dict[str, object]:
        """The answer to `gettoken`: the living token with what is left of its life, or a new one.

        Raises:
            VendorRefusal: 40013 another company, 40001 another secret.
        """
        self.fetches += 1
        if corp_id != self._config.corp_id:
            raise VendorRefusal(40013, "invalid corpid")
        if not hmac.compare_digest(secret.encode(), self._config.secret.encode()):
            raise VendorRefusal(40001, "invalid credential")
        now = self._clock.now().timestamp()
        token = self._current
        if token is None or self._ends[token] <= now:
            token = self._current = secrets.token_urlsafe(48)
            self._ends[token] = now + self._config.token_seconds
        return {"access_token": token, "expires_in": max(1, int(self._ends[token] - now))}

    def check(self, token: str) -> None:
        """Accept a living token.

        Raises:
            VendorRefusal: 41001 none, 40014 unknown, 42001 over, or as configured: taken back.
        """
        if not token:
            raise VendorRefusal(41001, "access_token missing")
        if token not in self._ends:
            raise VendorRefusal(40014, "invalid access_token")
        if token in self._revoked:
            raise VendorRefusal(self._config.revoked_errcode, "access_token was taken back")
        if self._ends[token] <= self._clock.now().timestamp():
            raise VendorRefusal(42001, "access_token expired")

    def revoke(self) -> None:
        """Take the living token back before its end."""
        if self._current is not None:
            self._revoked.add(self._current)
            self._current = None
