"""The signature of a DingTalk robot that is secured by one (加签)."""

from __future__ import annotations

import base64
import hashlib
import hmac


def robot_signature(timestamp_ms: int, secret: str) -> str:
    """Base64 of HMAC-SHA256 under `secret` over the timestamp, a line feed and the secret.

    Not percent-encoded yet: whoever builds the query does that.
    """
    message = f"{timestamp_ms}\n{secret}".encode()
    return base64.b64encode(hmac.digest(secret.encode(), message, hashlib.sha256)).decode()
