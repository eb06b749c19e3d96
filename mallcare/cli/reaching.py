"""Which platform a command talks to: the one named by its options, else the data folder's own stack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from mallcare.cli.errors import CommandFailed
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.vocabulary import Role
from mallcare.embedded.data_folder import HOST, read_object
from mallcare.settings import Settings

URL_HELP = "Address of the API. Default: the stack of this data folder."
TOKEN_HELP = "Bearer token. Default: one is made for the stack of this data folder."  # noqa: S105 - a text for people
URL_VARIABLE = "MALLCARE_URL"
TOKEN_VARIABLE = "MALLCARE_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class ReachedApi:
    """An API and the right to use it."""

    url: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": f"Bearer {self.token}"}


def reach_api(settings: Settings, url: str | None, token: str | None, role: Role) -> ReachedApi:
    """The API that is meant; without a token, one of `role` that lasts an hour.

    Raises:
        CommandFailed: neither named nor found.
    """
    address = url or f"http://{HOST}:{kept_ports(settings)['api']}"
    if token is None:
        if url is not None:
            raise CommandFailed(f"--url needs a token of that platform: --token or {TOKEN_VARIABLE}")
        token = mint(settings, kept_jwt_key(settings), Claims(role, f"{role.value}-cli"), timedelta(hours=1))
    return ReachedApi(address.rstrip("/"), token)


def reach_temporal(settings: Settings) -> Settings:
    """The settings with Temporal's address, taken from the data folder where none is set.

    Raises:
        CommandFailed: there is none.
    """
    if settings.temporal_address is not None:
        return settings
    ports = kept_ports(settings)
    return settings.model_copy(
        update={
            "temporal_address": f"{HOST}:{ports['temporal']}",
            "temporal_ui_url": settings.temporal_ui_url or f"http://{HOST}:{ports['temporal_ui']}",
        }
    )


def kept_ports(settings: Settings) -> dict[str, int]:
    """The ports the embedded stack listens on, running or not.

    Raises:
        CommandFailed: no stack was ever started on the data folder.
    """
    ports = read_object(settings.data_dir / "ports.json")
    if not ports:
        raise CommandFailed(
            f"no embedded stack was ever started on {settings.data_dir}: start one with `mallcare up`, "
            "name its folder with MALLCARE_DATA_DIR, or name a platform with --url and --token"
        )
    return {name: port for name, port in ports.items() if isinstance(port, int)}


def kept_jwt_key(settings: Settings) -> str:
    """The key the embedded stack signs tokens with.

    Raises:
        CommandFailed: the key is not the embedded stack's own.
    """
    if settings.jwt_key is not None:
        raise CommandFailed(
            "MALLCARE_JWT_KEY is set, so tokens come from whoever holds that key; "
            "mallcare signs only with the key an embedded stack made for itself"
        )
    group = read_object(settings.data_dir / "secrets.json").get("jwt")
    key = cast("dict[str, object]", group).get("MALLCARE_JWT_KEY") if isinstance(group, dict) else None
    if not isinstance(key, str):
        raise CommandFailed(
            f"no embedded stack was ever started on {settings.data_dir}, so there is no key to sign with: "
            "start one with `mallcare up`, or name its folder with MALLCARE_DATA_DIR"
        )
    return key
