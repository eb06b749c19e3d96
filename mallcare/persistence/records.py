"""The record of a case: what happened, what was refused, and how each command was answered."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Integer, Text, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import CaseEvent
from mallcare.domain.vocabulary import Role
from mallcare.persistence.codec import actor_of, actor_values, instant
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import after_sales_commands, after_sales_events
from mallcare.ports.records import CommandRecord, RecordedEvent

NUMBER = bindparam("number", type_=Text())
APPEND = insert_rows(after_sales_events, [item.name for item in after_sales_events.c if item.name != "id"])
EVENTS = (
    select(after_sales_events)
    .where(
        after_sales_events.c.after_sales_no == NUMBER,
        after_sales_events.c.id > bindparam("after", type_=BigInteger()),
    )
    .order_by(after_sales_events.c.id)
    .limit(bindparam("most", type_=Integer()))
)
ADD_COMMAND = insert(after_sales_commands)
FIND_COMMAND = select(after_sales_commands).where(
    after_sales_commands.c.after_sales_no == NUMBER,
    after_sales_commands.c.actor_role == bindparam("role", type_=Text()),
    after_sales_commands.c.command_id == bindparam("command", type_=Text()),
)


async def append(
    connection: AsyncConnection, after_sales_no: str, events: Sequence[CaseEvent], command_id: str | None
) -> None:
    """Append events to the record, in their order."""
    rows = [
        {
            "after_sales_no": after_sales_no,
            "version": event.version,
            "name": event.name,
            "command_id": command_id,
            **actor_values(event.actor),
            "at": event.at,
            "from_state": event.from_state.value if event.from_state else None,
            "to_state": event.to_state.value,
            "facts": event.facts,
        }
        for event in events
    ]
    if rows:
        await connection.execute(APPEND, {"rows": rows})


async def append_refusal(
    connection: AsyncConnection, after_sales_no: str, command: CommandRecord, state: str
) -> None:
    """Append a refused command: it leads nowhere, so it has no state to go to."""
    row = {
        "after_sales_no": after_sales_no,
        "version": command.version,
        "name": command.name,
        "command_id": command.command_id,
        **actor_values(command.actor),
        "at": command.at,
        "from_state": state,
        "refused_code": command.code,
        "facts": command.facts,
    }
    await connection.execute(APPEND, {"rows": [row]})


async def events_of(
    connection: AsyncConnection, after_sales_no: str, after: int, most: int
) -> list[RecordedEvent]:
    """Lines of the record beyond `after`, oldest first."""
    given = {"number": after_sales_no, "after": after, "most": most}
    rows = (await connection.execute(EVENTS, given)).mappings()
    return [
        RecordedEvent(
            seq=row["id"],
            name=row["name"],
            actor=actor_of(row),
            at=instant(row["at"]),
            version=row["version"],
            from_state=row["from_state"],
            to_state=row["to_state"],
            command_id=row["command_id"],
            refused_code=row["refused_code"],
            facts=row["facts"],
        )
        for row in rows
    ]


async def add_command(connection: AsyncConnection, after_sales_no: str, command: CommandRecord) -> None:
    """Keep the answer to a command."""
    values = {
        "after_sales_no": after_sales_no,
        "command_id": command.command_id,
        "name": command.name,
        "body_hash": command.body_hash,
        **actor_values(command.actor),
        "at": command.at,
        "version": command.version,
        "code": command.code,
        "detail": command.detail,
        "facts": dict(command.facts),
    }
    await connection.execute(ADD_COMMAND, values)


async def find_command(
    connection: AsyncConnection, after_sales_no: str, role: Role, command_id: str
) -> CommandRecord | None:
    """The answer to a command of a role, None if it was never given."""
    given = {"number": after_sales_no, "role": role.value, "command": command_id}
    row = (await connection.execute(FIND_COMMAND, given)).mappings().one_or_none()
    if row is None:
        return None
    return CommandRecord(
        command_id=row["command_id"],
        name=row["name"],
        body_hash=row["body_hash"],
        actor=actor_of(row),
        at=instant(row["at"]),
        version=row["version"],
        code=row["code"],
        detail=row["detail"],
        facts=row["facts"],
    )
