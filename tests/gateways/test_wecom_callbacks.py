"""WeCom callbacks: opened only when signed, fresh, ours and whole. The vectors were made with OpenSSL."""

from __future__ import annotations

import base64
import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from mallcare.gateways.wecom import WecomCallbackCredentials, WecomCallbacks
from mallcare.gateways.wecom.callbacks import callback_signature
from mallcare.ports import GatewayError
from tests.gateways.messaging import FixedClock

pytestmark = pytest.mark.rule("P3")

CREDENTIALS = WecomCallbackCredentials(
    token="tok3nForTests",
    encoding_aes_key="QWxsIG91ciBiYXNlIGFyZSBiZWxvbmcgdG8gdXMhISE",
    receive_id="ww1a2b3c4d5e6f7788",
)
AT = 1767225600
ENCRYPTED = (
    "r9a+9kr0cGbvSYwcq5REL778+Xg9inpaX+emH/eb3CSDF2GT0LC6KQbqh2QVRxQeZ/rG4DJ7JAO/lWdGt20S0W9kttAjQvcz"
    "1Nzukhyvx8+By3646pgBrEspt8Bqb1t6pQmj0UD1klMvxoRkwR2hiz6+jQUGAhH2nWAognRsSoo="
)
SIGNATURE = "613fb282bcfed6a2706cf7a7e26ac40c9c8657b8"
MESSAGE = "<xml><MsgType><![CDATA[event]]></MsgType><Content>超时提醒</Content></xml>"
BODY = f"<xml><ToUserName><![CDATA[ww1]]></ToUserName><Encrypt><![CDATA[{ENCRYPTED}]]></Encrypt></xml>"


def callbacks(at: int = AT, **changes: Any) -> WecomCallbacks:
    return WecomCallbacks(replace(CREDENTIALS, **changes), FixedClock(datetime.fromtimestamp(at, UTC)))


def opened(receiver: WecomCallbacks, **changes: Any) -> bytes:
    given: dict[str, Any] = {"signature": SIGNATURE, "timestamp": str(AT), "nonce": "4455667788"}
    given = {**given, "body": BODY.encode(), **changes}
    return receiver.open_body(**given)


def refused(receiver: WecomCallbacks, **changes: Any) -> str:
    with pytest.raises(GatewayError) as caught:
        opened(receiver, **changes)
    assert not caught.value.retryable
    return caught.value.code


def sealed(plain: bytes) -> str:
    """`plain`, padded to 32 bytes, under the test's key."""
    key = base64.b64decode(CREDENTIALS.encoding_aes_key + "=")
    padding = 32 - len(plain) % 32
    encryptor = Cipher(AES256(key), CBC(key[:16])).encryptor()
    return base64.b64encode(
        encryptor.update(plain + bytes([padding]) * padding) + encryptor.finalize()
    ).decode()


def test_a_callback_is_opened() -> None:
    """A signed, fresh callback of ours yields its message, to the byte."""
    assert opened(callbacks()) == MESSAGE.encode()
    bare = f"<xml><Encrypt>{ENCRYPTED}</Encrypt></xml>".encode()
    assert opened(callbacks(), body=bare) == MESSAGE.encode()


def test_the_first_question_is_answered() -> None:
    """`echostr`, which comes in the query, is opened the same way."""
    plain = callbacks().open(signature=SIGNATURE, timestamp=str(AT), nonce="4455667788", encrypted=ENCRYPTED)
    assert plain == MESSAGE.encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": SIGNATURE.upper()},
        {"signature": ""},
        {"signature": "é"},
        {"timestamp": str(AT + 1)},
        {"nonce": "4455667789"},
        {"body": BODY.replace("r9a+", "r9a/").encode()},
    ],
)
def test_anything_altered_is_refused(changes: dict[str, Any]) -> None:
    """Signature, timestamp, nonce and what is encrypted all belong together."""
    assert refused(callbacks(), **changes) == "bad_signature"


def test_another_token_is_refused() -> None:
    """Who does not know our token cannot sign."""
    assert refused(callbacks(token="another")) == "bad_signature"


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_stale_callback_is_refused(seconds: int) -> None:
    """A callback is good for five minutes, either side of our clock."""
    assert refused(callbacks(AT + seconds)) == "stale_timestamp"
    assert opened(callbacks(AT + seconds // 301 * 300)) == MESSAGE.encode()


def test_a_signed_timestamp_that_is_none_is_refused() -> None:
    """A timestamp of something else than digits is stale, however well it is signed."""
    signature = callback_signature(CREDENTIALS.token, "soon", "4455667788", ENCRYPTED)
    assert refused(callbacks(), signature=signature, timestamp="soon") == "stale_timestamp"


def test_a_callback_for_another_company_is_refused() -> None:
    """The id inside must be ours: another tenant's callback cannot be replayed to us."""
    assert refused(callbacks(receive_id="ww9")) == "bad_response"


@pytest.mark.parametrize(
    "plain",
    [
        b"0123456789abcdef",
        b"0123456789abcdef" + struct.pack(">I", 99) + b"short" + CREDENTIALS.receive_id.encode(),
        b"0123456789abcdef" + struct.pack(">I", 0xFFFFFFFF) + b"short",
    ],
)
def test_a_senseless_inside_is_refused(plain: bytes) -> None:
    """A length that does not fit what is there is not believed."""
    encrypted = sealed(plain)
    signature = callback_signature(CREDENTIALS.token, str(AT), "1", encrypted)
    body = f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode()
    assert refused(callbacks(), signature=signature, nonce="1", body=body) == "bad_response"


@pytest.mark.parametrize("encrypted", ["AAAA", "QWxs=IG91", base64.b64encode(b"x" * 64).decode()])
def test_what_is_not_encrypted_with_our_key_is_refused(encrypted: str) -> None:
    """Bytes that do not decrypt are refused, not guessed at."""
    signature = callback_signature(CREDENTIALS.token, str(AT), "1", encrypted)
    body = f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode()
    assert refused(callbacks(), signature=signature, nonce="1", body=body) == "bad_response"


@pytest.mark.parametrize("body", [b"", b"<xml/>", b"{}", b"<Encrypt></Encrypt>"])
def test_a_body_without_it_is_refused(body: bytes) -> None:
    """A body in which nothing is encrypted is not the vendor's."""
    assert refused(callbacks(), body=body) == "bad_response"


def test_a_key_of_another_length_is_a_mistake() -> None:
    """The key is checked when the adapter is made, not at the first callback; secrets stay out of `repr`."""
    with pytest.raises(ValueError, match="43 characters"):
        callbacks(encoding_aes_key="QUFB" * 10 + "QQ")
    assert CREDENTIALS.token not in repr(CREDENTIALS)
    assert CREDENTIALS.encoding_aes_key not in repr(CREDENTIALS)
