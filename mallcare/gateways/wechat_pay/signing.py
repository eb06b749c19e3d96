"""The cryptography of WeChat Pay V3, on raw bytes: what is signed is what travels.

A request is signed over `METHOD\\nURL\\ntimestamp\\nnonce\\nbody\\n`, an answer or a callback over
`timestamp\\nnonce\\nbody\\n`, both with RSA PKCS#1 v1.5 and SHA-256. What a callback carries is
AES-256-GCM under the APIv3 key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from mallcare.ports import GatewayError

SCHEME = "WECHATPAY2-SHA256-RSA2048"
FRESHNESS = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The four signature headers that come with an answer or a callback."""

    key_id: str
    timestamp: str
    nonce: str
    signature: str


def load_private_key(pem: str) -> RSAPrivateKey:
    """An RSA private key from unencrypted PEM.

    Raises:
        ValueError: something else.
    """
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA private key")
    return key


def load_public_key(pem: str) -> RSAPublicKey:
    """An RSA public key from PEM.

    Raises:
        ValueError: something else.
    """
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA public key")
    return key


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The bytes a request's signature covers; `target` is path and query as they travel."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The bytes the signature of an answer or a callback covers."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def sign(key: RSAPrivateKey, message: bytes) -> str:
    """The signature of `message`, base64. Deterministic."""
    return base64.b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, message: bytes, signature: str) -> bool:
    """Whether `signature` (base64) is the key's signature of exactly these bytes."""
    try:
        key.verify(base64.b64decode(signature, validate=True), message, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error):
        return False
    return True


def authorization(
    *,
    mchid: str,
    serial_no: str,
    key: RSAPrivateKey,
    method: str,
    target: str,
    timestamp: int,
    nonce: str,
    body: bytes,
) -> str:
    """The `Authorization` header of one request, fields in the order of the vendor's examples."""
    signature = sign(key, request_message(method, target, str(timestamp), nonce, body))
    return (
        f'{SCHEME} mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial_no}"'
    )


def is_fresh(timestamp: str, now: datetime) -> bool:
    """Whether a timestamp (decimal Unix seconds) is within five minutes of `now`, either side."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    return abs(now.timestamp() - int(timestamp)) <= FRESHNESS.total_seconds()


class AnswerVerifier:
    """Believes only what WeChat Pay signed, with the expected key, within five minutes.

    `key_id` is compared too: after a rotation the old key is refused rather than tried.
    """

    def __init__(self, key_id: str, public_key_pem: str) -> None:
        self._key_id = key_id
        self._key = load_public_key(public_key_pem)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Accept or raise; `headers` in any case, `body` exactly as received.

        Raises:
            GatewayError: `bad_signature` or `stale_timestamp`, the outcome unknown: an answer that
                cannot be believed says nothing about the refund, neither yes nor no.
        """
        envelope = _envelope(headers)
        message = answer_message(envelope.timestamp, envelope.nonce, body)
        if envelope.key_id != self._key_id:
            raise _not_believed("bad_signature", "signed with another key")
        if not is_signed(self._key, message, envelope.signature):
            raise _not_believed("bad_signature", "signature does not match")
        if not is_fresh(envelope.timestamp, now):
            raise _not_believed("stale_timestamp", "more than five minutes away")


def _envelope(headers: Mapping[str, str]) -> Envelope:
    lowered = {name.lower(): value for name, value in headers.items()}
    found = [lowered.get(f"wechatpay-{name}", "") for name in ("serial", "timestamp", "nonce", "signature")]
    if not all(found):
        raise _not_believed("bad_signature", "not signed")
    if lowered.get("wechatpay-signature-type", SCHEME) != SCHEME:
        raise _not_believed("bad_signature", "unknown signature type")
    return Envelope(*found)


def _not_believed(code: str, detail: str) -> GatewayError:
    return GatewayError(code, detail, retryable=True, outcome_unknown=True)


def encrypt_resource(api_v3_key: str, nonce: str, associated_data: str, plain: bytes) -> str:
    """A callback's resource as it travels, base64. `nonce` is 12 ASCII characters."""
    sealed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain, associated_data.encode())
    return base64.b64encode(sealed).decode()


def decrypt_resource(api_v3_key: str, nonce: str, associated_data: str, ciphertext: str) -> bytes:
    """What a callback's resource says.

    Raises:
        GatewayError: `bad_response`: not encrypted with this key, or altered.
    """
    try:
        sealed = base64.b64decode(ciphertext, validate=True)
        return AESGCM(api_v3_key.encode()).decrypt(nonce.encode(), sealed, associated_data.encode())
    except (InvalidTag, ValueError) as error:
        raise _not_believed("bad_response", "resource cannot be decrypted") from error
