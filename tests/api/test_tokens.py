"""Who is believed: one algorithm, one issuer, one audience, one key, for a while."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from api.security import TokenVerifier, Unauthenticated, verifier_of
from mallcare.domain.vocabulary import Role
from mallcare.settings import NotConfigured, Settings
from tests.api.calls import AUDIENCE, ISSUER, KEY, Calls, claims, problem_of, token
from tests.api.conftest import VERIFIER, Api

NOW = int(time.time())


def signed(key: str = KEY, algorithm: str = "HS256", **changes: object) -> str:
    """A token with some claims changed, or left out where None."""
    body = {**claims("mall"), **changes}
    return jwt.encode({k: v for k, v in body.items() if v is not None}, key, algorithm=algorithm)


def unsigned() -> str:
    """A token of the algorithm `none`."""
    parts = [{"alg": "none", "typ": "JWT"}, claims("mall")]
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts]
    return ".".join((*encoded, ""))


REFUSED = {
    "none as algorithm": unsigned(),
    "another key": signed("another key of more than thirty-two bytes"),
    "another algorithm of the same key": jwt.encode(claims("mall"), KEY * 2, algorithm="HS512"),
    "another issuer": signed(iss="somebody"),
    "no issuer": signed(iss=None),
    "another audience": signed(aud="another-api"),
    "no audience": signed(aud=None),
    "expired beyond the leeway": signed(exp=NOW - 40),
    "no expiry": signed(exp=None),
    "expiry of no number": signed(exp="soon"),
    "not valid yet": signed(nbf=NOW + 3_600),
    "no subject": signed(sub=None),
    "an empty subject": signed(sub=""),
    "a subject of control characters": signed(sub="a\nb"),
    "no role": signed(role=None),
    "an unknown role": signed(role="root"),
    "the platform's own role": signed(role="system"),
    "a list of roles": signed(role=["mall"]),
    "a supplier without its id": signed(role="supplier"),
    "a supplier with an id of another form": signed(role="supplier", supplier_id="a b"),
    "a supplier with a number as id": signed(role="supplier", supplier_id=7),
    "a customer without its id": signed(role="customer"),
    "a customer with a supplier's id": signed(role="customer", supplier_id="supplier-1"),
    "a cut signature": signed()[:-4],
    "a changed body": ".".join((signed().split(".")[0], signed(role="operations").split(".")[1], "AAAA")),
    "no token at all": "",
    "words": "let me in please",
    "bytes": "\x00\xff\xfe",
    "deep json as header": base64.urlsafe_b64encode(b'{"alg":' + b"[" * 5_000).decode() + ".e30.AA",
    "a very long one": "e" * 20_000,
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_token_with_one_fault_is_refused(what: str) -> None:
    """Every single fault is enough, and the reason never repeats what was sent."""
    with pytest.raises(Unauthenticated) as refusal:
        VERIFIER.caller_of(f"Bearer {REFUSED[what]}")
    assert REFUSED[what] == "" or REFUSED[what] not in refusal.value.reason


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Basic bWFsbDp4", "Token abc", "eyJhbGciOiJIUzI1NiJ9.e30.AA"]
)
def test_only_the_bearer_scheme_counts(header: str | None) -> None:
    """Anything else is as good as nothing."""
    with pytest.raises(Unauthenticated) as refusal:
        VERIFIER.caller_of(header)
    assert not refusal.value.token_given


def test_clocks_may_differ_by_half_a_minute() -> None:
    """A token that expired twenty seconds ago is still believed."""
    assert VERIFIER.caller_of(f"bearer {signed(exp=int(time.time()) - 20)}").role is Role.MALL


def test_a_caller_is_bound_to_its_own_id_only() -> None:
    """Ids that do not belong to the role are not taken over."""
    both: dict[str, Any] = {"supplier_id": "s", "customer_id": "c"}
    supplier = VERIFIER.caller_of(f"Bearer {token('supplier', **both)}")
    assert (supplier.supplier_id, supplier.customer_id) == ("s", None)
    mall = VERIFIER.caller_of(f"Bearer {token('mall', **both)}")
    assert (mall.supplier_id, mall.customer_id) == (None, None)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_public_key_is_never_taken_for_a_secret(algorithm: str) -> None:
    """With asymmetric keys: their tokens pass, an HMAC made with the public key does not."""
    private = (
        rsa.generate_private_key(65_537, 2_048)
        if algorithm == "RS256"
        else ec.generate_private_key(ec.SECP256R1())
    )
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    verifier = TokenVerifier(algorithm=algorithm, issuer=ISSUER, audience=AUDIENCE, key=public.decode())
    good = jwt.encode(claims("finance"), secret, algorithm=algorithm)
    assert verifier.caller_of(f"Bearer {good}").role is Role.FINANCE
    header, body = good.split(".")[:2]
    import hashlib
    import hmac

    forged_header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=").decode()
    assert header != forged_header
    mac = hmac.new(public, f"{forged_header}.{body}".encode(), hashlib.sha256).digest()
    forged = f"{forged_header}.{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    with pytest.raises(Unauthenticated):
        verifier.caller_of(f"Bearer {forged}")


def test_settings_without_a_good_key_are_refused() -> None:
    """No key, or a short secret: the API does not start."""
    with pytest.raises(NotConfigured, match="MALLCARE_JWT_KEY"):
        verifier_of(Settings(jwt_key=None))  # pyright: ignore[reportCallIssue]
    with pytest.raises(NotConfigured, match="32 bytes"):
        verifier_of(Settings.model_validate({"jwt_key": "short"}))
    verifier = verifier_of(Settings.model_validate({"jwt_key": KEY}))
    assert verifier.caller_of(f"Bearer {token('mall')}").subject == "mall-subject"


async def test_a_refused_caller_is_told_how_to_come_back(api: Api) -> None:
    """401 with the challenge, before the body is looked at; no body tells of the inside."""
    bare = await api.nobody("POST", "/v1/after-sales", content=b"{not json")
    problem_of(bare, 401, "unauthenticated")
    assert bare.headers["www-authenticate"] == 'Bearer realm="mallcare"'
    expired = await Calls(api.client, signed(exp=NOW - 40))("GET", "/v1/after-sales")
    assert "expired" in problem_of(expired, 401, "unauthenticated")["detail"]
    assert 'error="invalid_token"' in expired.headers["www-authenticate"]
