"""Ports and secrets are chosen once and stay."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from mallcare.embedded.data_folder import HOST, choose_ports, free_port, is_free, keep_secrets

pytestmark = pytest.mark.rule("P2")


def test_a_taken_port_is_replaced_and_the_choice_remembered(tmp_path: Path) -> None:
    with socket.socket() as stranger:
        stranger.bind((HOST, 0))
        stranger.listen()
        taken = int(stranger.getsockname()[1])
        assert not is_free(taken)
        chosen = choose_ports(tmp_path, {"api": taken})["api"]
        assert chosen != taken
    assert choose_ports(tmp_path, {"api": taken})["api"] == chosen


def test_a_firm_wish_comes_before_the_memory(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"api": free_port()}))
    wish = free_port()
    assert choose_ports(tmp_path, {"api": wish}, firm={"api"}) == {"api": wish}


def test_two_names_never_share_a_port(tmp_path: Path) -> None:
    wish = free_port()
    ports = choose_ports(tmp_path, {"api": wish, "temporal": wish, "postgres": wish})
    assert len(set(ports.values())) == 3


def test_secrets_are_made_once_per_name(tmp_path: Path) -> None:
    """A maker added by a later version fills its own gap only."""
    first = keep_secrets(tmp_path, {"jwt": lambda: {"KEY": "a"}})
    both = keep_secrets(tmp_path, {"jwt": lambda: {"KEY": "b"}, "webhooks": lambda: {"HOOK": "c"}})
    assert first == {"KEY": "a"}
    assert both == {"KEY": "a", "HOOK": "c"}
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
