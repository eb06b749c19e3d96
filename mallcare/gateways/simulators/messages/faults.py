"""Faults of a messaging simulator, asked for by a test or a demo, each consumed a fixed number of times."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FaultKind = Literal["timeout_after_commit", "timeout_before", "error_500", "errcode", "slow"]


class MessageFault(BaseModel):
    """A fault to strike the next `times` calls of `operation`, for `receiver` or for anybody.

    Only WeCom has the operations `robot` and `gettoken`; a robot's receiver is its key or access token.

    `errcode`: what a fault of that kind answers, nothing being done. `delay_seconds` None: the simulator's
    own default.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    operation: Literal["send", "robot", "gettoken"] = "send"
    receiver: str | None = None
    errcode: int | None = None
    times: int = Field(1, ge=1)
    delay_seconds: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _says_what_it_answers(self) -> MessageFault:
        if (self.kind == "errcode") != (self.errcode is not None):
            raise ValueError("errcode comes with kind 'errcode', and only with it")
        return self


class MessageFaults:
    """Faults in the order they were asked for; the first that matches strikes."""

    def __init__(self) -> None:
        self._faults: list[MessageFault] = []

    def add(self, fault: MessageFault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def pending(self) -> list[MessageFault]:
        """What has not been used up yet."""
        return list(self._faults)

    def strike(self, operation: str, receiver: str) -> MessageFault | None:
        """The fault that hits this call, counted as used; None if the call is spared."""
        for index, fault in enumerate(self._faults):
            if fault.operation == operation and fault.receiver in (None, receiver):
                if fault.times > 1:
                    self._faults[index] = fault.model_copy(update={"times": fault.times - 1})
                else:
                    del self._faults[index]
                return fault
        return None
