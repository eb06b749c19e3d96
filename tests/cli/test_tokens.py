"""Tokens of the command line are believed by the API, and made only where the key is the stack's own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
import pytest
from pydantic import SecretStr

from api.security import Unauthenticated
from mallcare.application.caller import Caller
from mallcare.cli.errors import CommandFailed
from mallcare.cli.reaching import kept_jwt_key, kept_ports, reach_api, reach_temporal
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings
from tests.cli.shop import KEY, VERIFIER

HOUR = timedelta(hours=1)


def settings_of(folder: Path, **given: object) -> Settings:
    """Settings of nothing but a data folder."""
    return Settings.model_validate({"data_dir": folder, **given})


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A data folder in which a stack once ran."""
    (tmp_path / "secrets.json").write_text(json.dumps({"jwt": {"MALLCARE_JWT_KEY": KEY}}))
    (tmp_path / "ports.json").write_text(json.dumps({"api": 8123, "temporal": 7234, "temporal_ui": 8234}))
    return tmp_path


@pytest.mark.parametrize(
    ("claims", "caller"),
    [
        (Claims(Role.MALL, "m"), Caller(Role.MALL, "m")),
        (Claims(Role.SUPPLIER, "s", supplier_id="s-1"), Caller(Role.SUPPLIER, "s", supplier_id="s-1")),
        (Claims(Role.CUSTOMER, "c", customer_id="c-1"), Caller(Role.CUSTOMER, "c", customer_id="c-1")),
        (Claims(Role.AUDITOR, "a"), Caller(Role.AUDITOR, "a")),
    ],
)
def test_the_api_believes_a_token(tmp_path: Path, claims: Claims, caller: Caller) -> None:
    """Role, subject and the one id a caller is bound to arrive as they were asked for."""
    token = mint(settings_of(tmp_path), KEY, claims, HOUR)
    assert VERIFIER.caller_of(f"Bearer {token}") == caller


def test_a_token_ends(tmp_path: Path) -> None:
    """It is good for as long as was asked, and no longer."""
    token = mint(settings_of(tmp_path), KEY, Claims(Role.MALL, "m"), HOUR)
    ends = datetime.fromtimestamp(jwt.decode(token, options={"verify_signature": False})["exp"], UTC)
    assert abs(ends - datetime.now(UTC) - HOUR) < timedelta(seconds=5)
    with pytest.raises(Unauthenticated, match="expired"):
        VERIFIER.caller_of(f"Bearer {mint(settings_of(tmp_path), KEY, Claims(Role.MALL, 'm'), -HOUR)}")


@pytest.mark.parametrize(
    ("role", "supplier", "customer"),
    [
        (Role.SYSTEM, None, None),
        (Role.SUPPLIER, None, None),
        (Role.CUSTOMER, None, None),
        (Role.MALL, "s-1", None),
        (Role.SUPPLIER, "s-1", "c-1"),
    ],
)
def test_claims_that_do_not_fit_are_refused(role: Role, supplier: str | None, customer: str | None) -> None:
    """Nobody speaks for the system; ids go with the roles that are bound to them."""
    with pytest.raises(CommandFailed):
        Claims(role, "x", supplier, customer)


def test_the_key_is_the_folders_own(kept: Path) -> None:
    """The key the stack made on its first start signs; a key from outside never does."""
    assert kept_jwt_key(settings_of(kept)) == KEY
    with pytest.raises(CommandFailed, match="MALLCARE_JWT_KEY is set"):
        kept_jwt_key(settings_of(kept, jwt_key=SecretStr(KEY)))


def test_a_folder_without_a_stack_says_what_to_do(tmp_path: Path) -> None:
    """No key, no ports: start one, or name a platform."""
    for ask in (kept_jwt_key, kept_ports, reach_temporal):
        with pytest.raises(CommandFailed, match="mallcare up"):
            ask(settings_of(tmp_path))


def test_asymmetric_tokens_come_from_elsewhere(kept: Path) -> None:
    """Where the API verifies with a public key, nothing here can sign."""
    with pytest.raises(CommandFailed, match="RS256"):
        mint(settings_of(kept, jwt_algorithm="RS256"), KEY, Claims(Role.MALL, "m"), HOUR)


def test_a_command_finds_the_folders_stack(kept: Path) -> None:
    """Address and token come from the folder, unless both are named."""
    found = reach_api(settings_of(kept), None, None, Role.MALL)
    assert found.url == "http://127.0.0.1:8123"
    assert VERIFIER.caller_of(found.headers["Authorization"]).role is Role.MALL
    named = reach_api(settings_of(kept), "https://mall.example.com/", "t", Role.MALL)
    assert (named.url, named.token) == ("https://mall.example.com", "t")
    with pytest.raises(CommandFailed, match="--token"):
        reach_api(settings_of(kept), "https://mall.example.com", None, Role.MALL)


def test_temporal_is_found_in_the_folder_unless_it_is_named(kept: Path) -> None:
    """The same for Temporal and its UI."""
    found = reach_temporal(settings_of(kept))
    assert (found.temporal_address, found.temporal_ui_url) == ("127.0.0.1:7234", "http://127.0.0.1:8234")
    named = settings_of(kept, temporal_address="temporal:7233")
    assert reach_temporal(named) is named
