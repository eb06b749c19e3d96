"""WeCom's callbacks: verified by SHA-1 of what both sides know, then decrypted.

A callback's query carries `msg_signature`, `timestamp` and `nonce`; its XML body carries `Encrypt`. The
sealed bytes are 16 random ones, the length of the message (4 bytes, big-endian), the message, and the id of
whom it is meant for.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
from datetime import timedelta

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from mallcare.gateways.wecom.credentials import WecomCallbackCredentials
from mallcare.ports import Clock, GatewayError

FRESHNESS = timedelta(minutes=5)
_BLOCK_BITS = 256  # the vendor pads to 32 bytes, not to AES's 16
_ENCRYPT = re.compile(rb"<Encrypt>\s*(?:<!\[CDATA\[)?([0-9A-Za-z+/=]+)(?:\]\]>)?\s*</Encrypt>")


class WecomCallbacks:
    """Opens the callbacks of one WeCom application. `clock` must be the wall clock.

    Raises:
        ValueError: `encoding_aes_key` is not 43 characters of base64.
    """

    def __init__(self, credentials: WecomCallbackCredentials, clock: Clock) -> None:
        self._token = credentials.token
        if len(credentials.encoding_aes_key) != 43:
            raise ValueError("encoding_aes_key must be 43 characters")
        self._key = base64.b64decode(credentials.encoding_aes_key + "=", validate=True)
        self._receive_id = credentials.receive_id
        self._clock = clock

    def open_body(self, *, signature: str, timestamp: str, nonce: str, body: bytes) -> bytes:
        """The plain XML inside a callback's raw body.

        Raises:
            GatewayError: `bad_signature`, `stale_timestamp` (more than five minutes away), `bad_response`
                (not ours, or altered). Nothing of the callback is to be believed then.
        """
        found = _ENCRYPT.search(body)
        if found is None:
            raise _not_believed("bad_response", "nothing encrypted")
        return self.open(
            signature=signature, timestamp=timestamp, nonce=nonce, encrypted=found.group(1).decode()
        )

    def open(self, *, signature: str, timestamp: str, nonce: str, encrypted: str) -> bytes:
        """What `encrypted` says; the vendor's first question (`echostr`) is answered with it as it is.

        Raises:
            GatewayError: as `open_body`.
        """
        expected = callback_signature(self._token, timestamp, nonce, encrypted)
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise _not_believed("bad_signature", "signature does not match")
        if not self._is_fresh(timestamp):
            raise _not_believed("stale_timestamp", "more than five minutes away")
        return self._decrypted(encrypted)

    def _is_fresh(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
            return False
        return abs(self._clock.now().timestamp() - int(timestamp)) <= FRESHNESS.total_seconds()

    def _decrypted(self, encrypted: str) -> bytes:
        try:
            decryptor = Cipher(AES256(self._key), CBC(self._key[:16])).decryptor()
            padded = decryptor.update(base64.b64decode(encrypted, validate=True)) + decryptor.finalize()
            unpadder = PKCS7(_BLOCK_BITS).unpadder()
            plain = unpadder.update(padded) + unpadder.finalize()
            (length,) = struct.unpack_from(">I", plain, 16)
        except (ValueError, struct.error) as error:
            raise _not_believed("bad_response", "cannot be decrypted") from error
        message, receiver = plain[20 : 20 + length], plain[20 + length :]
        if len(message) != length or not hmac.compare_digest(receiver, self._receive_id.encode()):
            raise _not_believed("bad_response", "meant for somebody else")
        return message


def callback_signature(token: str, timestamp: str, nonce: str, encrypted: str) -> str:
    """SHA-1 of the four texts, sorted and joined, in lower-case hexadecimal."""
    joined = "".join(sorted((token, timestamp, nonce, encrypted)))
    return hashlib.sha1(joined.encode(errors="replace"), usedforsecurity=False).hexdigest()


def _not_believed(code: str, detail: str) -> GatewayError:
    return GatewayError(code, detail, retryable=False, outcome_unknown=False)
