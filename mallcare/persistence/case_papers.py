"""What people add to a case beside its own facts: addresses and evidence, never part of a payload."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, bindparam, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.commands import Actor
from mallcare.persistence.codec import actor_of, actor_values, instant
from mallcare.persistence.tables import case_addresses, case_evidence
from mallcare.ports.records import Address, AddressUse, CaseEvidence

NUMBER = bindparam("number", type_=Text())
ADD_ADDRESS = insert(case_addresses)
ADDRESSES = (
    select(case_addresses.c.use, case_addresses.c.address)
    .where(case_addresses.c.after_sales_no == NUMBER)
    .distinct(case_addresses.c.use)
    .order_by(case_addresses.c.use, case_addresses.c.id.desc())
)
ADD_EVIDENCE = insert(case_evidence)
EVIDENCE = select(case_evidence).where(case_evidence.c.after_sales_no == NUMBER).order_by(case_evidence.c.id)


async def add_address(
    connection: AsyncConnection,
    after_sales_no: str,
    use: AddressUse,
    address: Address,
    actor: Actor,
    now: datetime,
) -> None:
    """Append an address; the one added last is the newest, whatever `now` says."""
    values = {
        "after_sales_no": after_sales_no,
        "use": use.value,
        "address": dict(address),
        **actor_values(actor),
        "at": now,
    }
    await connection.execute(ADD_ADDRESS, values)


async def addresses_of(connection: AsyncConnection, after_sales_no: str) -> dict[AddressUse, Address]:
    """The newest address for each use that has one."""
    rows = await connection.execute(ADDRESSES, {"number": after_sales_no})
    return {AddressUse(row.use): row.address for row in rows}


async def add_evidence(connection: AsyncConnection, after_sales_no: str, evidence: CaseEvidence) -> None:
    """Append evidence."""
    values = {
        "after_sales_no": after_sales_no,
        "about": evidence.about,
        "urls": list(evidence.urls),
        "text": evidence.text,
        **actor_values(evidence.actor),
        "at": evidence.at,
    }
    await connection.execute(ADD_EVIDENCE, values)


async def evidence_of(connection: AsyncConnection, after_sales_no: str) -> list[CaseEvidence]:
    """In the order it was shown."""
    rows = (await connection.execute(EVIDENCE, {"number": after_sales_no})).mappings()
    return [
        CaseEvidence(row["about"], actor_of(row), instant(row["at"]), tuple(row["urls"]), row["text"])
        for row in rows
    ]
