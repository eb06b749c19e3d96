"""Who calls: bearer tokens verified against one pinned algorithm, issuer, audience and key.

Nothing of a token is believed before its signature is: the algorithm comes from settings, never from
the token's own header.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Annotated, Any, cast

import jwt
from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from api.schemas.fields import is_id, is_subject
from mallcare.application.caller import Caller
from mallcare.domain.vocabulary import Role
from mallcare.settings import NotConfigured, Settings

LEEWAY = timedelta(seconds=30)
LONGEST_TOKEN = 8_192
SHORTEST_SECRET = 32
CLAIMS = ("exp", "iss", "aud", "sub", "role")
CALLERS = frozenset(role for role in Role if role is not Role.SYSTEM)
"""Roles a token may have; SYSTEM is the platform itself and never comes over HTTP."""

BEARER = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description=(
        "Claims: `iss` and `aud` as configured, `exp`, `sub` (who acts), `role` (one of mall, supplier, "
        "customer, operations, finance, auditor); `supplier_id` for a supplier, `customer_id` for a "
        "customer."
    ),
)


class Unauthenticated(Exception):
    """No token, or none that can be believed. `reason` says which claim failed, never its value."""

    def __init__(self, reason: str, *, token_given: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.token_given = token_given


class TokenVerifier:
    """Believes a token only if signature, `iss`, `aud`, `exp`, `sub` and `role` are all right.

    Args:
        algorithm: the one accepted algorithm.
        key: the shared secret for HS256 (>= 32 bytes), else a PEM public key.

    Raises:
        ValueError: an HS256 secret shorter than 32 bytes.
    """

    def __init__(self, *, algorithm: str, issuer: str, audience: str, key: str) -> None:
        if algorithm.startswith("HS") and len(key.encode()) < SHORTEST_SECRET:
            raise ValueError(f"MALLCARE_JWT_KEY must have at least {SHORTEST_SECRET} bytes")
        self._algorithm = algorithm
        self._issuer = issuer
        self._audience = audience
        self._key = key

    def caller_of(self, authorization: str | None) -> Caller:
        """The caller named by an `Authorization` header.

        Raises:
            Unauthenticated: with the reason, for a person to read.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send a bearer token", token_given=False)
        if len(token) > LONGEST_TOKEN:
            raise _refused("the token is too long")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[self._algorithm],
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": list(CLAIMS)},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError) as error:
            raise _refused(f"the token is not valid: {_reason(error)}") from error
        return _caller(claims)


def verifier_of(settings: Settings) -> TokenVerifier:
    """The verifier a deployment's settings ask for.

    Raises:
        NotConfigured: no key is set, or it is too short.
    """
    if settings.jwt_key is None:
        raise NotConfigured("set MALLCARE_JWT_KEY: without it the API cannot tell who calls")
    try:
        return TokenVerifier(
            algorithm=settings.jwt_algorithm,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            key=settings.jwt_key.get_secret_value(),
        )
    except ValueError as error:
        raise NotConfigured(str(error)) from error


def _caller(claims: dict[str, Any]) -> Caller:
    subject, role = claims["sub"], claims["role"]
    if not is_subject(subject):
        raise _refused("the claim sub must be printable ASCII without spaces")
    if not isinstance(role, str) or role not in {known.value for known in CALLERS}:
        raise _refused("the token's role is unknown")
    return Caller(
        role=Role(role),
        subject=subject,
        supplier_id=_id_claim(claims, "supplier_id") if role == Role.SUPPLIER else None,
        customer_id=_id_claim(claims, "customer_id") if role == Role.CUSTOMER else None,
    )


def _id_claim(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    if not is_id(value):
        raise _refused(f"the token needs the claim {name}")
    return cast("str", value)


def _reason(error: Exception) -> str:
    known: dict[type[Exception], str] = {
        jwt.ExpiredSignatureError: "it has expired",
        jwt.InvalidIssuerError: "wrong issuer",
        jwt.InvalidAudienceError: "wrong audience",
        jwt.InvalidAlgorithmError: "wrong algorithm",
        jwt.InvalidSignatureError: "wrong signature",
        jwt.ImmatureSignatureError: "not valid yet",
    }
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"no claim {error.claim}"
    return known.get(type(error), "it cannot be read")


def _refused(reason: str) -> Unauthenticated:
    return Unauthenticated(reason, token_given=True)


class SignedInRoute(APIRoute):
    """A route whose caller is known before a byte of the body is read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the verification of its token."""
        answer = super().get_route_handler()

        async def signed_in(request: Request) -> Response:
            verifier: TokenVerifier = request.app.state.verifier
            request.state.caller = verifier.caller_of(request.headers.get("authorization"))
            return await answer(request)

        return signed_in


async def _signed_in(request: Request, _token: Annotated[object, Depends(BEARER)]) -> Caller:
    return cast("Caller", request.state.caller)


SignedIn = Annotated[Caller, Depends(_signed_in)]
"""The verified caller; only for routes of class `SignedInRoute`."""
