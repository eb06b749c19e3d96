"""What must always be so of one order and its requests, whatever happened."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis.stateful import RuleBasedStateMachine, invariant

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Unit
from mallcare.domain.calendars import always_open
from mallcare.domain.clocks import ClockEvent, ClockEventKind, ClockKey, Reading, elapsed, read
from mallcare.domain.metrics import STAGES, Metric
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.stages import ENDED_WITHOUT_SUPPLIER, StageChange, stages
from mallcare.domain.transitions import CLOCKS, allowed_actions
from mallcare.domain.vocabulary import Kind, LegStatus, ParcelPurpose, Role, State
from tests.domain.ledger import Ledger

ALWAYS = always_open()


class AlwaysTrue(RuleBasedStateMachine):
    """The invariants of `ledger`, checked after every step of a machine that inherits them."""

    ledger: Ledger
    now: datetime

    def __init__(self) -> None:
        super().__init__()
        self.amounts: dict[str, tuple[str, int, int]] = {}
        self.clocks: dict[ClockKey, list[ClockEvent]] = {}
        """Of stages, kept up to `followed` changes as their transactions write them."""
        self.followed = 0

    def live(self) -> list[AfterSalesCase]:
        """Requests that have not ended."""
        return [case for case in self.ledger.cases.values() if not case.state.final]

    @invariant()
    def every_unit_is_in_one_hand_at_most(self) -> None:
        """Reserved + refunded never exceeds bought, and no ordinal is held twice."""
        hands = Counter(holding.unit for holding in self.ledger.holdings())
        assert all(count == 1 for count in hands.values())
        bought = {x.line_id: x.quantity for x in self.ledger.order.lines} | {FREIGHT_LINE: 1}
        assert all(1 <= unit.ordinal <= bought[unit.line_id] for unit in hands)

    @invariant()
    def no_tender_pays_back_more_than_it_paid(self) -> None:
        """Succeeded + pending + unknown + the mall's own stays within each tender."""
        for spent, tender in zip(self.ledger.spent(), self.ledger.order.tenders, strict=True):
            assert 0 <= spent <= tender.amount_fen

    @invariant()
    def a_refund_number_is_one_amount_and_pays_once(self) -> None:
        """A number belongs to one leg of one case for ever, and was paid at most once, offline or not."""
        for no, leg in self.ledger.legs():
            known = (no, leg.tender_seq, leg.amount_fen)
            assert self.amounts.setdefault(leg.refund_no, known) == known
        assert set(self.amounts) == set(self.ledger.mint.minted)
        paid: list[object] = []
        for _, event in self.ledger.events:
            paid += [event.facts["refund_no"]] if event.name == "refund_succeeded" else []
            told = event.facts.get("refund_nos")
            paid += told if event.name == "settled_offline" and isinstance(told, list) else []
        assert len(set(paid)) == len(paid)
        done = {leg.refund_no for _, leg in self.ledger.legs() if leg.status is LegStatus.SUCCEEDED}
        assert set(paid) == done

    @invariant()
    def an_end_is_an_end(self) -> None:
        """A final case runs no clock, offers nothing, and holds no unit but those it refunded."""
        for no, case in self.ledger.cases.items():
            if not case.state.final:
                continue
            assert (case.deadline_at, case.deadline_effect, case.escalated_at) == (None, None, None)
            assert not any(allowed_actions(case, role) for role in Role)
            kept = case.holdings
            assert not kept or (case.state is State.COMPLETED and case.refund_decided)
            assert all(holding.decided and holding.holder == no for holding in kept)
            assert not any(leg.status.open for leg in case.legs)

    @invariant()
    def everything_else_is_driven_on(self) -> None:
        """A live case has a clock of the table, an open leg, or has called for somebody who may act."""
        for case in self.live():
            assert (case.deadline_at is None) == (case.deadline_effect is None)
            assert case.deadline_effect is None or (case.state, case.deadline_effect) in CLOCKS
            open_legs = any(leg.status.open for leg in case.legs)
            person = any(allowed_actions(case, role) for role in Role)
            assert open_legs if case.state is State.REFUNDING else person
            assert case.deadline_at is not None or open_legs or case.escalated_at is not None
            if case.extended_until is not None:
                assert case.deadline_at is not None
                assert case.deadline_at >= case.extended_until

    @invariant()
    def what_belongs_to_one_state_is_found_in_no_other(self) -> None:
        """Offers, calls for a missing parcel, half-confirmed settlements end with the wait they belong to."""
        for case in self.live():
            assert case.proposal is None or case.state is State.PENDING_CUSTOMER
            assert not case.missing_reported or case.state is State.RESHIPPED
            assert case.settlement is None or case.state is State.REFUND_FAILED
            failed = any(leg.status is LegStatus.FAILED for leg in case.legs)
            assert failed is (case.state is State.REFUND_FAILED)
            if case.state is State.REFUND_FAILED:
                assert case.deadline_at is not None or case.taken_over
            if case.state is State.RETURNING_TO_CUSTOMER:
                assert case.refused_units
                assert all(leg.status is LegStatus.SUCCEEDED for leg in case.legs)
            if case.state not in {State.PENDING_REVIEW, State.PENDING_CUSTOMER} and not case.refund_decided:
                assert case.kind is not Kind.REFUND_ONLY

    @invariant()
    def each_unit_of_a_request_has_one_fate(self) -> None:
        """Accepted, refused and missing units are the requested ones, each once, in this order."""
        for case in self.ledger.cases.values():
            for line in case.lines:
                fates = line.accepted + line.refused
                assert fates == line.units[: len(fates)]
                if line.accepted_quantity is not None:
                    assert line.received is not None
                    counts = line.received
                    assert len(fates) == max(counts.arrived, line.accepted_quantity)
                    assert counts.arrived + counts.missing == line.quantity

    @invariant()
    def legs_are_the_executed_quote(self) -> None:
        """A decided case pays its quote to the fen; an undecided one has promised nothing."""
        for case in self.ledger.cases.values():
            promised = tuple(
                sum(leg.amount_fen for leg in case.legs if leg.tender_seq == i)
                for i in range(len(self.ledger.order.tenders))
            )
            assert promised == (case.quote.by_tender if case.refund_decided else tuple(0 for _ in promised))
            if case.refund_decided:
                worth = [line.worth(self.ledger.book()) for line in case.lines]
                assert case.quote.goods == tuple(sum(column) for column in zip(*worth, strict=True))
            if case.state is State.COMPLETED:
                assert all(leg.status is LegStatus.SUCCEEDED for leg in case.legs)

    @invariant()
    def versions_count_the_events(self) -> None:
        """Each event is the next version of its case, and the last one tells its state."""
        told: dict[str, list[int]] = {}
        states: dict[str, State] = {}
        for no, event in self.ledger.events:
            told.setdefault(no, []).append(event.version)
            assert event.from_state == states.get(no, event.from_state)
            states[no] = event.to_state
        for no, case in self.ledger.cases.items():
            assert told[no] == list(range(1, case.version + 1))
            assert states[no] is case.state

    @invariant()
    def when_all_is_refunded_the_sums_are_what_was_paid(self) -> None:
        """All units gone: the goods to the fen; and with the freight everything that was paid."""
        decided = {holding.unit for holding in self.ledger.holdings() if holding.decided}
        units = {Unit(x.line_id, j) for x in self.ledger.order.lines for j in range(1, x.quantity + 1)}
        failed = any(leg.status is LegStatus.FAILED for _, leg in self.ledger.legs())
        lowered = any(x.lowered is not None for case in self.ledger.cases.values() for x in case.lines)
        if not units <= decided or failed or lowered:
            return
        paid = tuple(tender.amount_fen for tender in self.ledger.order.tenders)
        freight = self.ledger.cells.freight
        goods = tuple(a - b for a, b in zip(paid, freight, strict=True))
        assert self.ledger.spent() == (paid if Unit(FREIGHT_LINE, 1) in decided else goods)
        if not self.ledger.parcels and not self.ledger.mall_units:
            assert self.ledger.spent() == paid

    @invariant()
    def a_stage_is_timed_exactly_while_it_waits_on_the_supplier(self) -> None:
        """One open clock for each stage a request is in, none for any other, and none after its end (T2)."""
        running = Counter((key.subject, key.metric) for key, at in self.readings() if not at.ended)
        waiting = {(no, metric) for no, case in self.ledger.cases.items() for metric in stages(case)}
        assert running == Counter(waiting)
        assert not any(self.ledger.cases[no].state.final for no, _ in running)

    @invariant()
    def suppliers_are_not_charged_with_more_than_their_customers_waited(self) -> None:
        """Stages follow each other within a request's life; refused goods go back beside them (T2)."""
        totals: dict[tuple[str, bool], timedelta] = {}
        for key, at in self.readings():
            beside = (key.subject, key.metric is Metric.SHIP_BACK)
            totals[beside] = totals.get(beside, timedelta(0)) + elapsed(at, ALWAYS, self.now)
        for (no, _), total in totals.items():
            case = self.ledger.cases[no]
            end = case.updated_at if case.state.final else self.now
            assert timedelta(0) <= total <= end - case.created_at

    def readings(self) -> list[tuple[ClockKey, Reading]]:
        """The clocks of all stages there have been, as they stand."""
        for case, change in self.ledger.stage_changes[self.followed :]:
            self.follow(case, change)
        self.followed = len(self.ledger.stage_changes)
        return [(key, read(events, ALWAYS)) for key, events in self.clocks.items()]

    def follow(self, case: AfterSalesCase, change: StageChange) -> None:
        """Start a clock under its version, or end the one that runs, in the way that is documented."""
        assert change.metric in STAGES
        no, (metric, kind, at, seq) = case.after_sales_no, (change.metric, change.kind, change.at, change.seq)
        event = ClockEvent(f"{change.because}-{seq}", kind, at)
        if kind is ClockEventKind.START:
            key = ClockKey(metric, no, "", seq)
            assert key not in self.clocks
            self.clocks[key] = [event]
            return
        of_stage = [key for key in self.clocks if (key.metric, key.subject) == (metric, no)]
        newest = self.clocks[max(of_stage, key=lambda key: key.seq)]
        assert len(newest) == 1, "the newest clock of the stage has not ended yet"
        newest.append(event)
        left = case.taken_over or case.disputed or case.state in ENDED_WITHOUT_SUPPLIER
        assert kind is (ClockEventKind.VOID if left else ClockEventKind.FULFIL)
        withdrawn = {"cancelled", "closed", "clock_voided", "taken_over", "refunded_by_the_mall"}
        assert (change.because in withdrawn) is (kind is ClockEventKind.VOID)
        if (metric, kind) == (Metric.SHIP_BACK, ClockEventKind.FULFIL):
            assert case.parcel(ParcelPurpose.SHIP_BACK) is not None
