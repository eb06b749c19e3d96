"""`mallcare token`: bearer tokens for the embedded stack, signed with the key it made for itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from mallcare.cli.errors import CommandFailed
from mallcare.cli.process import settings_of_process
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a token speaks for. Suppliers and customers are bound to one id each."""

    role: Role
    subject: str
    supplier_id: str | None = None
    customer_id: str | None = None

    def __post_init__(self) -> None:
        if self.role is Role.SYSTEM:
            raise CommandFailed("system is the platform itself: no token speaks for it")
        if (self.role is Role.SUPPLIER) != (self.supplier_id is not None):
            raise CommandFailed("--supplier goes with the role supplier, which needs it")
        if (self.role is Role.CUSTOMER) != (self.customer_id is not None):
            raise CommandFailed("--customer goes with the role customer, which needs it")


def mint(settings: Settings, key: str, claims: Claims, life: timedelta) -> str:
    """A token the embedded stack's API believes for `life`.

    Raises:
        CommandFailed: the API verifies by another algorithm than HS256.
    """
    import jwt

    if settings.jwt_algorithm != "HS256":
        raise CommandFailed(f"tokens of {settings.jwt_algorithm} come from whoever holds the private key")
    now = datetime.now(UTC)
    body: dict[str, object] = {
        "iss": settings.jwt_issuer,
        "aud": settings.jwt_audience,
        "sub": claims.subject,
        "role": claims.role.value,
        "iat": now,
        "exp": now + life,
    }
    if claims.supplier_id is not None:
        body["supplier_id"] = claims.supplier_id
    if claims.customer_id is not None:
        body["customer_id"] = claims.customer_id
    return jwt.encode(body, key, algorithm="HS256")


def token(
    role: Annotated[Role, typer.Argument(help="Who calls.")],
    supplier: Annotated[str | None, typer.Option(help="Id of the supplier, for the role supplier.")] = None,
    customer: Annotated[str | None, typer.Option(help="Id of the customer, for the role customer.")] = None,
    subject: Annotated[str | None, typer.Option(help="Name in the record of what the token does.")] = None,
    hours: Annotated[float, typer.Option(help="How long it is good.", min=0.01, max=24 * 365)] = 12,
) -> None:
    """Print a bearer token for the embedded stack of this data folder."""
    from mallcare.cli.reaching import kept_jwt_key

    settings = settings_of_process()
    claims = Claims(role, subject or f"{role.value}-cli", supplier, customer)
    typer.echo(mint(settings, kept_jwt_key(settings), claims, timedelta(hours=hours)))
