"""The refund-only case on a real Temporal: every way from opening to an end."""

from __future__ import annotations

import pytest

from mallcare.domain.commands import Approve, Cancel, Reject
from mallcare.domain.vocabulary import LegStatus, State
from tests.world import CUSTOMER, World


@pytest.mark.rule("A4")
async def test_an_approved_request_is_refunded_and_completes(world: World) -> None:
    """Approved: the vendor is asked once with the stored number and the workflow ends with the case."""
    no = await world.opened(quantity=3)
    await world.command(no, Approve())
    assert (await world.finished(no)).state is State.COMPLETED
    case = await world.case(no)
    assert [leg.status for leg in case.legs] == [LegStatus.SUCCEEDED]
    assert world.vendor.paid[case.legs[0].refund_no] == 1
    assert world.vendor.ledger[case.legs[0].refund_no] == case.quote.total_fen == 1_000
    assert await world.events(no) == ["submitted", "approved", "refund_succeeded", "completed"]


async def test_a_rejected_request_ends_without_a_refund(world: World) -> None:
    """Rejected: the workflow ends, nothing was asked of a vendor, the units are free again."""
    no = await world.opened()
    await world.command(no, Reject("used"))
    assert (await world.finished(no)).state is State.REJECTED
    case = await world.case(no)
    assert case.legs == ()
    assert case.holdings == ()


@pytest.mark.rule("A2")
async def test_a_cancelled_request_ends_without_a_refund(world: World) -> None:
    """Cancelled before the supplier handled it: the workflow ends with it."""
    no = await world.opened()
    await world.command(no, Cancel(), CUSTOMER)
    assert (await world.finished(no)).state is State.CANCELLED
