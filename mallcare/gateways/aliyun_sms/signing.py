"""Aliyun's request signature V3, ACS3-HMAC-SHA256: pure, shared by the adapter and its simulator."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

SCHEME = "ACS3-HMAC-SHA256"
HOST = "host"
ACTION = "x-acs-action"
VERSION = "x-acs-version"
DATE = "x-acs-date"
NONCE = "x-acs-signature-nonce"
CONTENT_SHA256 = "x-acs-content-sha256"
SIGNED = (HOST, ACTION, CONTENT_SHA256, DATE, NONCE, VERSION)
"""The headers that are always signed. More may be; the vendor's SDK signs all it sends."""


def content_hash(body: bytes) -> str:
    """The body's SHA-256, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def acs_date(now: datetime) -> str:
    """An instant as the vendor writes it: UTC, whole seconds, `Z`."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Parameters sorted by name and encoded by RFC 3986, as they are signed and as we send them."""
    return "&".join(f"{_encoded(name)}={_encoded(parameters[name])}" for name in sorted(parameters))


def signature(
    secret: str,
    *,
    method: str,
    path: str,
    query: str,
    headers: Sequence[tuple[str, str]],
    payload_sha256: str,
) -> str:
    """The request's signature over exactly `headers`, in hexadecimal.

    `query` is canonical already; `headers` are all that is signed, names in any case, a repeated name
    counts as one with its values joined.
    """
    joined = _joined(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in joined.items())
    canonical = "\n".join((method, path or "/", query, lines, ";".join(joined), payload_sha256))
    to_sign = f"{SCHEME}\n{content_hash(canonical.encode())}"
    return hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def authorization(
    access_key_id: str,
    secret: str,
    *,
    method: str,
    path: str,
    query: str,
    headers: Sequence[tuple[str, str]],
    payload_sha256: str,
) -> str:
    """The Authorization header of a request, signed over exactly `headers`."""
    signed = signature(
        secret, method=method, path=path, query=query, headers=headers, payload_sha256=payload_sha256
    )
    names = ";".join(_joined(headers))
    return f"{SCHEME} Credential={access_key_id},SignedHeaders={names},Signature={signed}"


def _joined(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Values by lower-case name, in the order they are signed in."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.lower(), []).append(value.strip())
    return {name: ",".join(sorted(values[name])) for name in sorted(values)}


def _encoded(text: str) -> str:
    return quote(text, safe="~")
