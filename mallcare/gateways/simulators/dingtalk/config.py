"""What a DingTalk simulator is told at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mallcare.gateways.simulators.messages.environment import read_environment, write_environment

_PREFIX = "MALLCARE_SIM_DINGTALK_"
_ROBOTS = _PREFIX + "ROBOTS"


class SimulatedRobot(BaseModel):
    """One robot and its security settings; each that is set must be met, none must be set.

    `secret` (`SEC...`) asks for a signature; of `keywords` one must stand in the message; `allowed_ips` are
    the addresses that may call. `stopped`: an administrator switched it off.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_token: str = Field(repr=False)
    secret: str | None = Field(None, repr=False)
    keywords: tuple[str, ...] = ()
    allowed_ips: tuple[str, ...] = ()
    stopped: bool = False


_LIST = TypeAdapter(tuple[SimulatedRobot, ...], config=ConfigDict(hide_input_in_errors=True))


@dataclass(frozen=True, slots=True)
class DingtalkSimulatorConfig:
    """Some groups' robots. Durations in seconds.

    What the vendor does not say in public, or says differently in different places, is marked [M].

    Attributes:
        robots: the robots there are; more can be added through `/admin/robots`.
        ledger_path: SQLite file that survives `kill -9`; None keeps the ledger in memory.
        freshness_seconds: how far a signature's timestamp may be from now, either side.
        per_minute: more from one robot is 130101, [M] over a sliding minute.
        block_seconds: how long it then stays silenced.
        unknown_token_errcode: [M] 300001 or 300005, by what was seen.
        same_text_once_a_day: [M] the same content to the same group is shown once a Beijing day, and
            `errcode` is 0 all the same.
        most_bytes: the longest body taken.
        hold_seconds: how long a timeout fault keeps the caller waiting at most.
        slow_seconds: how long a slow fault lasts unless it says so itself.
    """

    robots: tuple[SimulatedRobot, ...] = field(default=(), repr=False)
    ledger_path: Path | None = None
    freshness_seconds: float = 3600.0
    per_minute: int = 20
    block_seconds: float = 600.0
    unknown_token_errcode: int = 300001
    same_text_once_a_day: bool = True
    most_bytes: int = 20_000
    hold_seconds: float = 30.0
    slow_seconds: float = 2.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DingtalkSimulatorConfig:
        """The configuration in variables named `MALLCARE_SIM_DINGTALK_` + the field in capitals; `..._ROBOTS`
        is a JSON list of `SimulatedRobot`.

        Raises:
            ValueError: one cannot be read; the message names it.
        """
        plain = {name: value for name, value in environment.items() if name != _ROBOTS}
        configuration = read_environment(cls, _PREFIX, plain)
        robots = environment.get(_ROBOTS)
        if robots is None:
            return configuration
        try:
            return replace(configuration, robots=_LIST.validate_json(robots))
        except ValueError as error:
            raise ValueError(f"{_ROBOTS}: {error}") from None

    def to_environment(self) -> dict[str, str]:
        """The same configuration as variables, for a process of its own. Holds secrets."""
        return {
            **write_environment(replace(self, robots=()), _PREFIX),
            _ROBOTS: _LIST.dump_json(self.robots).decode(),
        }
