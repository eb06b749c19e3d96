"""How every command on a request is given: once, under its id, answered with the request as it is then."""

from __future__ import annotations

from api.rendering.cases import case_out
from api.schemas.cases import CaseOut
from api.schemas.commands import CommandIn
from api.schemas.fields import body_hash
from mallcare.application.caller import Caller
from mallcare.application.command import GivenCommand
from mallcare.application.papers import NOTHING_BESIDE, Beside
from mallcare.application.use_cases import UseCases
from mallcare.domain.commands import Command


async def give(
    command: Command,
    after_sales_no: str,
    body: CommandIn,
    caller: Caller,
    cases: UseCases,
    beside: Beside = NOTHING_BESIDE,
) -> CaseOut:
    """Give a command with what came beside it, and answer the request as its caller sees it.

    Raises:
        DomainError: the command was refused; sent again, it is refused with the same words.
    """
    given = GivenCommand(
        after_sales_no=after_sales_no,
        command_id=body.command_id,
        command=command,
        body_hash=body_hash(body, command=command.action.value),
        expected_version=body.expected_version,
        beside=beside,
    )
    return case_out(await cases.command(given, caller), caller)
