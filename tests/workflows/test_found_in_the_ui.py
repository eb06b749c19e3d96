"""What operations see of a case in the Temporal UI: found by query, readable at a glance (rule P4)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mallcare.contracts.names import SearchAttribute, after_sales_workflow_id
from mallcare.domain.commands import Reject
from mallcare.domain.vocabulary import State
from tests.world import World

pytestmark = pytest.mark.rule("P4")


async def found(world: World, query: str) -> list[str]:
    """Ids of the workflows a query of the UI's filter finds."""
    return [one.id async for one in world.client.list_workflows(query)]


async def until_found(world: World, query: str, workflow_id: str) -> None:
    """Visibility follows within moments, not with the answer."""
    try:
        async with asyncio.timeout(15):
            while workflow_id not in await found(world, query):  # noqa: ASYNC110 - it can only be asked
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not found by {query}")


async def test_a_case_is_found_by_each_of_its_search_attributes(world: World) -> None:
    """By order, supplier, kind, state, deadline and dispute, as `docs/runbook.md` writes the queries."""
    no = await world.opened()
    case, workflow_id = await world.case(no), after_sales_workflow_id(no)
    assert case.deadline_at is not None
    facts = {
        SearchAttribute.SUPPLIER: f"= '{case.supplier_id}'",
        SearchAttribute.KIND: "= 'refund_only'",
        SearchAttribute.STATE: "= 'PENDING_REVIEW'",
        SearchAttribute.DUE: f"< '{case.deadline_at + timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}'",
        SearchAttribute.DISPUTED: "= false",
    }
    mine = f"{SearchAttribute.ORDER} = '{case.order_no}'"
    for name, condition in facts.items():
        await until_found(world, f"{mine} AND {name} {condition}", workflow_id)
    await world.command(no, Reject("used"))
    await world.finished(no)
    await until_found(world, f"{mine} AND {SearchAttribute.STATE} = 'REJECTED'", workflow_id)
    assert await found(world, f"{mine} AND {SearchAttribute.STATE} = 'PENDING_REVIEW'") == []


async def test_a_case_reads_at_a_glance(world: World) -> None:
    """Its summary names case and order, its details the supplier, and none of them a person."""
    no = await world.opened()
    case = await world.case(no)
    handle = world.client.get_workflow_handle(after_sales_workflow_id(no))
    told = await handle.describe()
    assert await told.static_summary() == f"refund_only {no} of order {case.order_no}"
    assert await told.static_details() == f"supplier {case.supplier_id}"
    details = ""
    async with asyncio.timeout(20):
        while State.PENDING_REVIEW not in details:
            details = str(await handle.query("__temporal_workflow_metadata"))
    assert "then escalate" in details
