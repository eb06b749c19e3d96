from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent, OfflineSettlement, Proposal
from mallcare.domain.commands import Approve, Cancel, Reject, RetryRefund
from mallcare.domain.errors import UnitsUnavailable, VersionConflict
from mallcare.domain.inspection import Counts
from mallcare.domain.parcels import Parcel
from mallcare.domain.policy import AutoRefundUsage
from mallcare.domain.quotes import CaseLine
from mallcare.domain.vocabulary import DeadlineEffect, Kind, LegStatus, ParcelPurpose, Role, State
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import CaseDetails, CaseRecord, CommandRecord
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    FINANCE,
    OPERATIONS,
    PLACED_AT,
    SUPPLIER,
    asking,
    cash,
    line,
    order,
    points,
)
from tests.persistence.transactions import REVIEWED_AT, command, number, open_case, read, settled, store

HOUR = timedelta(hours=1)
TWO_TENDERS = order(line("A", 4, 250), tenders=(cash(600), points(400)))


async def held(cleaner: psycopg.Connection, order_no: str = "O1") -> dict[tuple[str, int], tuple[str, bool]]:
    """Who holds which unit, as the table says."""
    rows = cleaner.execute(
        "SELECT line_id, ordinal, after_sales_no, decided FROM unit_holdings WHERE order_no = %s", (order_no,)
    )
    return {(row[0], row[1]): (row[2], row[3]) for row in rows}


async def test_a_stored_case_is_the_case_written(uow: SqlUnitOfWorkFactory) -> None:
    """Every field survives, also those that no command sets together."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 2)), details=CaseDetails("broken", ("https://x/1",)))
    rich = replace(
        case,
        version=2,
        state=State.PENDING_CUSTOMER,
        kind=Kind.EXCHANGE,
        lines=(CaseLine("A", (1, 2), 1, Counts(1, 0, 0, 1), ((150, 100), (151, 99))),),
        parcels=(Parcel(ParcelPurpose.RETURN, "sf", "SF1", REVIEWED_AT, REVIEWED_AT + HOUR, None, None),),
        disputed=True,
        intercept=True,
        escalated_at=REVIEWED_AT,
        deadline_at=REVIEWED_AT + HOUR,
        deadline_effect=DeadlineEffect.DECLINE,
        extended_until=REVIEWED_AT + 2 * HOUR,
        refund_decided_at=REVIEWED_AT,
        proposal=Proposal(Kind.REFUND_ONLY, 120),
        return_address_set=True,
        inspected_at=REVIEWED_AT - HOUR,
        missing_reported=True,
        settlement=OfflineSettlement("finance-1", REVIEWED_AT),
        policy_version=1,
        updated_at=REVIEWED_AT,
    )
    async with uow() as work:
        assert await work.cases.get("nobody") is None
        assert await work.cases.get(case.after_sales_no) == CaseRecord(
            case, CaseDetails("broken", ("https://x/1",))
        )
        await work.cases.save(case, rich, told=False)
        assert (await work.cases.lock(case.after_sales_no)) == CaseRecord(
            rich, CaseDetails("broken", ("https://x/1",))
        )


@pytest.mark.parametrize("kind", Kind)
async def test_every_kind_can_be_stored(uow: SqlUnitOfWorkFactory, kind: Kind) -> None:
    """Whatever the customer asks for."""
    await store(uow, TWO_TENDERS)
    case = replace(await open_case(uow, "O1", asking(("A", 1))), kind=kind, after_sales_no=number())
    async with uow() as work:
        await work.cases.add(CaseRecord(replace(case, lines=()), CaseDetails()))
        record = await work.cases.get(case.after_sales_no)
    assert record is not None
    assert record.case.kind is kind


async def test_a_save_over_another_version_is_refused(uow: SqlUnitOfWorkFactory) -> None:
    """Whoever forgot the lock loses; nothing is overwritten."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 1)))
    newer = replace(case, version=2)
    async with uow() as work:
        await work.cases.save(case, newer, told=False)
        with pytest.raises(VersionConflict):
            await work.cases.save(case, newer, told=False)


@pytest.mark.rule("A4")
async def test_units_are_held_while_the_case_needs_them(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """Held from submit, free again after a cancel, and never free once the refund is decided."""
    await store(uow, order(line("A", 3, 1_000), freight_fen=100))
    gone = await open_case(uow, "O1", asking(("A", 2)))
    kept = await open_case(uow, "O1", asking(("A", 1)))
    assert await held(cleaner) == {
        ("A", 1): (gone.after_sales_no, False),
        ("A", 2): (gone.after_sales_no, False),
        ("A", 3): (kept.after_sales_no, False),
    }
    await command(uow, gone.after_sales_no, Cancel(), CUSTOMER)
    await command(uow, kept.after_sales_no, Approve())
    assert await held(cleaner) == {("A", 3): (kept.after_sales_no, True)}
    rest = await open_case(uow, "O1", asking(("A", 2)))
    rest = await command(uow, rest.after_sales_no, Approve())
    assert rest.quote.freight_fen == 100
    assert await held(cleaner) == {
        ("A", 1): (rest.after_sales_no, True),
        ("A", 2): (rest.after_sales_no, True),
        ("A", 3): (kept.after_sales_no, True),
        ("#freight", 1): (rest.after_sales_no, True),
    }


@pytest.mark.rule("A4")
async def test_a_unit_is_never_held_twice(uow: SqlUnitOfWorkFactory) -> None:
    """Even a caller that forgot every lock is told so, with the domain's word for it."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 2)))
    rival = replace(case, after_sales_no=number(), lines=(CaseLine("A", (2, 3)),))
    async with uow() as work:
        with pytest.raises(UnitsUnavailable):
            await work.cases.add(CaseRecord(rival, CaseDetails()))


@pytest.mark.rule("A1")
async def test_a_cooling_off_refund_is_stored_decided(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """Its legs and its decided units are there from the first moment."""
    await store(uow, order(line("A", 1, 1_000), freight_fen=100))
    case = await open_case(uow, "O1", asking(), now=PLACED_AT + timedelta(minutes=1))
    assert case.cooling_off
    assert case.version == 2
    assert (await read(uow, case.after_sales_no)).case == case
    assert await held(cleaner) == {
        ("A", 1): (case.after_sales_no, True),
        ("#freight", 1): (case.after_sales_no, True),
    }


async def test_legs_follow_their_case(uow: SqlUnitOfWorkFactory) -> None:
    """Failed, retried under its number in the next round, succeeded: each step as the domain left it."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 2)))
    case = await command(uow, case.after_sales_no, Approve())
    first, second = (leg.refund_no for leg in case.legs)
    case = await settled(uow, case, {first: False, second: True})
    assert case.state is State.REFUND_FAILED
    assert (await read(uow, case.after_sales_no)).case == case
    case = await command(uow, case.after_sales_no, RetryRefund(), FINANCE, REVIEWED_AT + HOUR)
    assert (await read(uow, case.after_sales_no)).case == case
    assert case.legs[0].round == 2
    case = await settled(uow, case, {first: True}, REVIEWED_AT + 2 * HOUR)
    assert case.state is State.COMPLETED
    assert (await read(uow, case.after_sales_no)).case == case
    async with uow() as work:
        assert await work.cases.find_leg(first) == (case.after_sales_no, case.legs[0])
        assert await work.cases.find_leg("nobody's") is None


async def test_the_record_keeps_everything_in_order(uow: SqlUnitOfWorkFactory) -> None:
    """Events and refused commands, with who, when, from where to where."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 1)))
    refused = CommandRecord(
        "C1", "approve", "h", FINANCE, REVIEWED_AT, 1, "not_allowed", "no", {"role": "finance"}
    )
    happened = CaseEvent(
        "rejected", SUPPLIER, REVIEWED_AT, 2, State.PENDING_REVIEW, State.REJECTED, {"reason": "x"}
    )
    async with uow() as work:
        await work.cases.refuse(case.after_sales_no, refused, "PENDING_REVIEW")
        await work.cases.record(case.after_sales_no, [happened], "C2")
        await work.cases.record(case.after_sales_no, [], "C3")
        await work.commit()
    async with uow() as work:
        opened, no, yes = await work.cases.events_of(case.after_sales_no)
        assert await work.cases.events_of("nobody") == []
    assert opened.seq < no.seq < yes.seq
    assert (opened.name, opened.from_state, opened.to_state) == ("submitted", None, "PENDING_REVIEW")
    assert opened.actor == CUSTOMER
    assert opened.at == AFTER_COOLING_OFF
    assert (no.refused_code, no.command_id, no.from_state) == ("not_allowed", "C1", "PENDING_REVIEW")
    assert no.to_state is None
    assert no.facts == {"role": "finance"}
    assert (yes.refused_code, yes.command_id, yes.version) == (None, "C2", 2)
    assert (yes.from_state, yes.to_state, yes.facts) == ("PENDING_REVIEW", "REJECTED", {"reason": "x"})


async def test_a_command_is_answered_alike_for_ever(uow: SqlUnitOfWorkFactory) -> None:
    """Accepted and refused answers come back as they were given, per case."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 1)))
    accepted = CommandRecord("C1", "approve", "h1", SUPPLIER, REVIEWED_AT, 2)
    facts = {"left_fen": 10, "names": ["a"], "ok": True, "none": None}
    refused = CommandRecord("C2", "cancel", "h2", CUSTOMER, REVIEWED_AT, 1, "too_late", "no", facts)
    async with uow() as work:
        await work.cases.add_command(case.after_sales_no, accepted)
        await work.cases.add_command(case.after_sales_no, refused)
        await work.commit()
    async with uow() as work:
        assert await work.cases.find_command(case.after_sales_no, Role.SUPPLIER, "C1") == accepted
        assert await work.cases.find_command(case.after_sales_no, Role.CUSTOMER, "C2") == refused
        assert await work.cases.find_command("another", Role.SUPPLIER, "C1") is None
        assert await work.cases.find_command(case.after_sales_no, Role.CUSTOMER, "C1") is None


async def test_only_a_pending_leg_becomes_unclear(uow: SqlUnitOfWorkFactory) -> None:
    """Once, with a line in the record; the case's version stays."""
    await store(uow, TWO_TENDERS)
    case = await open_case(uow, "O1", asking(("A", 1)))
    case = await command(uow, case.after_sales_no, Approve())
    unclear = case.legs[0].refund_no
    async with uow() as work:
        assert await work.cases.mark_unclear(unclear, REVIEWED_AT + HOUR)
        assert not await work.cases.mark_unclear(unclear, REVIEWED_AT + HOUR)
        assert not await work.cases.mark_unclear("nobody's", REVIEWED_AT)
        await work.commit()
    stored = (await read(uow, case.after_sales_no)).case
    assert stored == replace(case, legs=(replace(case.legs[0], status=LegStatus.UNKNOWN), *case.legs[1:]))
    async with uow() as work:
        last = (await work.cases.events_of(case.after_sales_no))[-1]
    assert (last.name, last.actor.role, last.facts) == ("refund_unclear", Role.SYSTEM, {"refund_no": unclear})
    assert (last.at, last.version, last.to_state) == (REVIEWED_AT + HOUR, case.version, "REFUNDING")
    paid = await settled(uow, stored, {leg.refund_no: True for leg in case.legs})
    async with uow() as work:
        assert not await work.cases.mark_unclear(unclear, REVIEWED_AT)
    assert paid.state is State.COMPLETED


class TestHints:
    """What the sweeper needs to know, so that a lost hint heals (P2)."""

    async def untold(self, uow: SqlUnitOfWorkFactory, before: datetime = REVIEWED_AT + HOUR) -> list[str]:
        async with uow() as work:
            return [case.after_sales_no for case in await work.cases.untold(before, 10)]

    @pytest.mark.rule("P2")
    async def test_a_case_is_untold_until_its_newest_version_was_told(
        self, uow: SqlUnitOfWorkFactory
    ) -> None:
        """New, changed, ended: each change counts until it is noted; the workflow's own need no hint."""
        await store(uow, TWO_TENDERS)
        one = await open_case(uow, "O1", asking(("A", 1)))
        two = await open_case(uow, "O1", asking(("A", 1)), now=AFTER_COOLING_OFF + HOUR)
        assert await self.untold(uow, REVIEWED_AT) == [one.after_sales_no]
        assert await self.untold(uow, REVIEWED_AT + 2 * HOUR) == [one.after_sales_no, two.after_sales_no]
        async with uow() as work:
            await work.cases.mark_told({one.after_sales_no: 1, two.after_sales_no: 1, "nobody": 1})
            await work.cases.mark_told({})
            await work.commit()
        assert await self.untold(uow, REVIEWED_AT + 2 * HOUR) == []
        one = await command(uow, one.after_sales_no, Approve())
        two = await command(uow, two.after_sales_no, Reject("no"))
        assert set(await self.untold(uow)) == {one.after_sales_no, two.after_sales_no}
        await settled(uow, one, {leg.refund_no: True for leg in one.legs})
        assert await self.untold(uow) == [two.after_sales_no]

    async def test_notes_never_go_back_nor_beyond(self, uow: SqlUnitOfWorkFactory) -> None:
        """A late note of an old version changes nothing; a note from the future is cut."""
        await store(uow, TWO_TENDERS)
        case = await open_case(uow, "O1", asking(("A", 1)))
        async with uow() as work:
            await work.cases.mark_told({case.after_sales_no: 99})
            await work.cases.mark_told({case.after_sales_no: 0})
            await work.commit()
        assert await self.untold(uow) == []
        await command(uow, case.after_sales_no, Reject("no"))
        assert await self.untold(uow) == [case.after_sales_no]

    async def test_notes_of_many_cases_do_not_wait_in_a_ring(self, uow: SqlUnitOfWorkFactory) -> None:
        """Two writers that name the same cases in opposite orders both end."""
        await store(uow, order(line("A", 12)))
        cases = [await open_case(uow, "O1", asking(("A", 1))) for _ in range(12)]

        async def note(named: list[AfterSalesCase]) -> None:
            async with uow() as work:
                await work.cases.mark_told({case.after_sales_no: 1 for case in named})
                await work.commit()

        await asyncio.gather(*(note(cases[:: (-1) ** i]) for i in range(8)))
        assert await self.untold(uow) == []

    @pytest.mark.rule("P2")
    async def test_overdue_cases_are_found(self, uow: SqlUnitOfWorkFactory) -> None:
        """Those whose deadline passed before an instant, longest overdue first."""
        await store(uow, TWO_TENDERS)
        late = await open_case(uow, "O1", asking(("A", 1)))
        later = await open_case(uow, "O1", asking(("A", 1)), now=AFTER_COOLING_OFF + HOUR)
        ended = await open_case(uow, "O1", asking(("A", 1)))
        await command(uow, ended.after_sales_no, Cancel(), CUSTOMER)
        assert late.deadline_at is not None
        async with uow() as work:
            assert await work.cases.overdue(late.deadline_at, 10) == []
            found = await work.cases.overdue(late.deadline_at + 2 * HOUR, 10)
            assert [case.after_sales_no for case in found] == [late.after_sales_no, later.after_sales_no]
            assert len(await work.cases.overdue(late.deadline_at + 2 * HOUR, 1)) == 1

    @pytest.mark.rule("P2")
    async def test_running_cases_are_checked_in_rotation(self, uow: SqlUnitOfWorkFactory) -> None:
        """Each turn takes those that waited longest; ended cases never, held ones next time."""
        await store(uow, order(line("A", 12)))
        cases = [await open_case(uow, "O1", asking(("A", 1))) for _ in range(5)]
        await command(uow, cases[4].after_sales_no, Cancel(), CUSTOMER)
        running = {case.after_sales_no for case in cases[:4]}
        seen = [await self.turn(uow, i, 2) for i in range(4)]
        assert all(len(turn) == 2 for turn in seen)
        assert set(seen[0] + seen[1]) == running
        assert set(seen[2] + seen[3]) == running
        async with uow() as holder:
            await holder.cases.lock(cases[0].after_sales_no)
            assert set(await self.turn(uow, 5, 10)) == running - {cases[0].after_sales_no}
        assert set(await self.turn(uow, 6, 10)) == running

    async def turn(self, uow: SqlUnitOfWorkFactory, hour: int, limit: int) -> list[str]:
        async with uow() as work:
            found = await work.cases.least_recently_checked(REVIEWED_AT + hour * HOUR, limit)
            await work.commit()
        return [case.after_sales_no for case in found]


class TestAutomaticRefunds:
    """The counters behind the limits of automatic refunds."""

    @pytest.mark.rule("A1")
    async def test_usage_counts_per_customer_and_supplier(self, uow: SqlUnitOfWorkFactory) -> None:
        """Within the period only, and only refunds that no person decided."""
        at = PLACED_AT + timedelta(minutes=1)
        mine = [replace(order(), order_no=f"O{i}") for i in range(3)]
        others = replace(order(), order_no="O8", customer_id="customer-2")
        elsewhere = replace(order(), order_no="O9", supplier_id="supplier-2")
        await store(uow, *mine, others, elsewhere)
        for i in range(2):
            await open_case(uow, f"O{i}", asking(), now=at + i * timedelta(minutes=5))
        await open_case(uow, "O8", asking(), now=at)
        await open_case(uow, "O9", asking(), now=at)
        by_hand = await open_case(uow, "O2", asking())
        await command(uow, by_hand.after_sales_no, Approve())
        async with uow() as work:
            usage = await work.cases.auto_refund_usage("customer-1", "supplier-1", at)
            later = await work.cases.auto_refund_usage("customer-1", "supplier-1", at + timedelta(minutes=1))
        assert usage == AutoRefundUsage(stopped=False, by_customer=3, by_supplier=3)
        assert later == AutoRefundUsage(stopped=False, by_customer=1, by_supplier=1)

    async def test_an_automatic_approval_counts_when_it_is_saved(self, uow: SqlUnitOfWorkFactory) -> None:
        """The instant of the decision counts, and later changes of the case do not move it."""
        await store(uow, TWO_TENDERS)
        case = await open_case(uow, "O1", asking(("A", 1)))
        decided = replace(case, version=2, updated_at=REVIEWED_AT)
        later = replace(decided, version=3, updated_at=REVIEWED_AT + HOUR)
        async with uow() as work:
            await work.cases.save(case, decided, told=True, automatic=True)
            await work.cases.save(decided, later, told=True)
            at = await work.cases.auto_refund_usage("customer-1", "supplier-1", REVIEWED_AT)
            after = await work.cases.auto_refund_usage(
                "customer-1", "supplier-1", REVIEWED_AT + timedelta(seconds=1)
            )
        assert (at.by_customer, at.by_supplier) == (1, 1)
        assert (after.by_customer, after.by_supplier) == (0, 0)

    async def test_the_stop_switch_is_part_of_the_usage(self, uow: SqlUnitOfWorkFactory) -> None:
        """Set and released by operations."""
        for stopped in (True, False):
            async with uow() as work:
                await work.switches.set(
                    "automatic-refunds", stopped=stopped, reason="test", actor=OPERATIONS, now=PLACED_AT
                )
                usage = await work.cases.auto_refund_usage("c", "s", PLACED_AT)
                await work.commit()
            assert usage.stopped is stopped
