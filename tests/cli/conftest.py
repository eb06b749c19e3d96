"""A shop that is served, and tokens for it."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta

import pytest

from mallcare.cli.reaching import ReachedApi
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings
from tests.cli.shop import KEY, Shop
from tests.gateways.serving import Served


@pytest.fixture
def shop() -> Shop:
    """An empty shop."""
    return Shop()


@pytest.fixture
def mall_token() -> str:
    """A token of the mall's backend."""
    return mint(Settings.model_validate({}), KEY, Claims(Role.MALL, "mall"), timedelta(minutes=5))


@pytest.fixture
def reached(shop: Shop, mall_token: str) -> Generator[ReachedApi]:
    """The shop behind the real API, over real HTTP."""
    with Served(shop.app()) as served:
        yield ReachedApi(served.url, mall_token)
