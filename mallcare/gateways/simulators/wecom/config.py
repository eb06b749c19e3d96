"""What a WeCom simulator is told at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mallcare.gateways.simulators.messages.environment import read_environment, write_environment

_PREFIX = "MALLCARE_SIM_WECOM_"


@dataclass(frozen=True, slots=True)
class WecomSimulatorConfig:
    """One company with one application and its group robots. Durations in seconds.

    What the vendor does not say in public, or says differently in different places, is marked [M].

    Attributes:
        corp_id, secret, agent_id: who may call.
        robot_keys: the robots there are; more can be added through `/admin/robots`.
        unknown_members, unlicensed_members: user ids that no message reaches; all others are members.
        ledger_path: SQLite file that survives `kill -9`; None keeps the ledger in memory.
        token_seconds: how long a token lives; within it every fetch gives the same one.
        revoked_errcode: [M] what a token that was taken back early answers.
        all_invalid_errcode: what a message that reaches nobody answers; 0 makes it a partial failure.
        member_per_minute, member_per_hour: more to one member is dropped, and `errcode` is 0 all the same.
        robot_per_minute: more is 45009, [M] over a sliding minute.
        robot_block_seconds: how long a robot then stays blocked.
        duplicate_errcode: [M] what a message that the duplicate check drops answers.
        hold_seconds: how long a timeout fault keeps the caller waiting at most.
        slow_seconds: how long a slow fault lasts unless it says so itself.
    """

    corp_id: str
    secret: str = field(repr=False)
    agent_id: int
    robot_keys: tuple[str, ...] = field(default=(), repr=False)
    unknown_members: tuple[str, ...] = ()
    unlicensed_members: tuple[str, ...] = ()
    ledger_path: Path | None = None
    token_seconds: int = 7200
    revoked_errcode: int = 40014
    all_invalid_errcode: int = 81013
    member_per_minute: int = 30
    member_per_hour: int = 1000
    robot_per_minute: int = 20
    robot_block_seconds: float = 60.0
    duplicate_errcode: int = 0
    hold_seconds: float = 30.0
    slow_seconds: float = 2.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> WecomSimulatorConfig:
        """The configuration in variables named `MALLCARE_SIM_WECOM_` + the field in capitals.

        Raises:
            ValueError: one is missing or cannot be read; the message names it.
        """
        return read_environment(cls, _PREFIX, environment)

    def to_environment(self) -> dict[str, str]:
        """The same configuration as variables, for a process of its own. Holds secrets."""
        return write_environment(self, _PREFIX)
