"""Which stages of a request wait on its supplier, and which changes start and end their clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.clocks import ClockEventKind
from mallcare.domain.commands import Actor, Receive, ReceivedLine, Reship
from mallcare.domain.metrics import Metric
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.stages import ENDED_WITHOUT_SUPPLIER, stage_changes, stages
from mallcare.domain.vocabulary import FINAL_STATES, Action, Kind, OrderEventType, Role, State
from tests.domain import journeys
from tests.domain.builders import CUSTOMER, OPERATIONS, SUPPLIER, asking, mall_refunded, reported
from tests.domain.journeys import COMING_BACK, EX, NO, NOW, REPLACEMENT, RO, RR, only
from tests.domain.ledger import Ledger
from tests.domain.situations import ALL_SITUATIONS, COMMANDS, GONE_BACK, TAKEN_OVER, TO_GO_BACK, situation

pytestmark = pytest.mark.rule("T2")
REVIEW, INSPECTION = Metric.REVIEW, Metric.INSPECTION
RESHIPMENT, SHIP_BACK = Metric.RESHIPMENT, Metric.SHIP_BACK
START, FULFIL, VOID = ClockEventKind.START, ClockEventKind.FULFIL, ClockEventKind.VOID

WAITING = {
    "under review": REVIEW,
    "signed for": INSPECTION,
    "counted": INSPECTION,
    "replacement due": RESHIPMENT,
    "reported missing": RESHIPMENT,
}
"""Situations in which the supplier has to act before anybody else can."""


def waiting_in(name: str) -> set[Metric]:
    """What a situation asks of its supplier, by its name."""
    if name.endswith(TAKEN_OVER):
        return set()
    going_back = name.endswith(TO_GO_BACK) or name == "refused"
    stage = WAITING.get(name.removesuffix(TO_GO_BACK).removesuffix(GONE_BACK))
    return {metric for metric in (stage, SHIP_BACK if going_back else None) if metric is not None}


@pytest.mark.parametrize("name", ALL_SITUATIONS)
def test_a_stage_waits_exactly_while_its_supplier_has_to_act(name: str) -> None:
    """Beside it refused goods wait to go back; nothing does once the mall took over, or all is over."""
    case = only(situation(name, EX))
    assert stages(case) == waiting_in(name)


@pytest.mark.parametrize("name", ALL_SITUATIONS)
def test_a_disputed_request_waits_on_nobody_here(name: str) -> None:
    """Operations decides it; its supplier is not late meanwhile."""
    assert stages(replace(only(situation(name, RR)), disputed=True)) == set()


def test_no_request_has_no_stages() -> None:
    """Before the first version there is nothing to wait for."""
    assert stages(None) == set()


Changes = list[tuple[Metric, ClockEventKind]]


def changes(before: AfterSalesCase | None, after: AfterSalesCase) -> Changes:
    """What a change did, checked to be of its version and instant."""
    found = stage_changes(before, after, "said")
    assert all((x.seq, x.at, x.because) == (after.version, after.updated_at, "said") for x in found)
    return [(x.metric, x.kind) for x in found]


def by(action: Action, role: Role = Role.SUPPLIER) -> Callable[[Ledger], object]:
    """One command."""
    return lambda ledger: ledger.decide(NO, COMMANDS[action], Actor(role, "somebody"), NOW)


def rung(ledger: Ledger) -> None:
    """The present alarm rings."""
    ledger.ring(NO)


def delivered(waybill: str) -> Callable[[Ledger], object]:
    """A parcel arrives."""
    return lambda ledger: ledger.hear(NO, reported(OrderEventType.DELIVERED, NOW, waybill), NOW)


def count(ledger: Ledger) -> None:
    """The supplier says what arrived."""
    ledger.decide(NO, Receive((ReceivedLine("A", good=3),)), SUPPLIER, NOW)


def closed_by_the_mall(ledger: Ledger) -> None:
    """The mall closes the order, and the requests are looked at."""
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)


def refunded_by_the_mall(ledger: Ledger) -> None:
    """The mall refunds all of the order, and the requests are looked at."""
    ledger.mall_refunds(mall_refunded())
    ledger.void_all(NOW)


AUTOMATIC = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)
CUSTOMER_SAYS, BY_OPERATIONS = Role.CUSTOMER, Role.OPERATIONS


@pytest.mark.parametrize(
    ("ledger", "move", "expected"),
    [
        pytest.param(lambda: journeys.requested(RO), by(Action.APPROVE), [(REVIEW, FULFIL)], id="approved"),
        pytest.param(
            lambda: journeys.requested(RR),
            by(Action.APPROVE, BY_OPERATIONS),
            [(REVIEW, FULFIL)],
            id="for them",
        ),
        pytest.param(lambda: journeys.requested(RR), by(Action.REJECT), [(REVIEW, FULFIL)], id="rejected"),
        pytest.param(lambda: journeys.requested(RR), by(Action.PROPOSE), [(REVIEW, FULFIL)], id="proposed"),
        pytest.param(
            lambda: journeys.requested(RR),
            by(Action.REQUEST_EVIDENCE),
            [(REVIEW, FULFIL)],
            id="evidence asked",
        ),
        pytest.param(
            lambda: journeys.requested(RR), by(Action.CANCEL, CUSTOMER_SAYS), [(REVIEW, VOID)], id="withdrawn"
        ),
        pytest.param(
            lambda: journeys.requested(RR, policy=AUTOMATIC), rung, [(REVIEW, FULFIL)], id="automatic"
        ),
        pytest.param(lambda: journeys.requested(RR), rung, [], id="escalated"),
        pytest.param(
            lambda: journeys.requested(RR), by(Action.EXTEND_DEADLINE, BY_OPERATIONS), [], id="extended"
        ),
        pytest.param(
            lambda: situation("offered", RR),
            by(Action.DECLINE_PROPOSAL, CUSTOMER_SAYS),
            [(REVIEW, START)],
            id="declined",
        ),
        pytest.param(lambda: situation("offered", RR), rung, [(REVIEW, START)], id="answer overdue"),
        pytest.param(lambda: situation("to be sent back", RR), rung, [], id="expired"),
        pytest.param(lambda: journeys.sent(RR), delivered(COMING_BACK), [(INSPECTION, START)], id="arrived"),
        pytest.param(
            lambda: journeys.sent(RR),
            count,
            [(INSPECTION, START)],
            id="counted before the carrier said so",
        ),
        pytest.param(lambda: journeys.counted(RR), by(Action.RECEIVE), [], id="counted again"),
        pytest.param(
            lambda: journeys.counted(RR, 1, 2),
            by(Action.ACCEPT),
            [(INSPECTION, FULFIL), (SHIP_BACK, START)],
            id="in part",
        ),
        pytest.param(
            lambda: journeys.counted(EX, 1, 2),
            by(Action.ACCEPT),
            [(INSPECTION, FULFIL), (RESHIPMENT, START), (SHIP_BACK, START)],
            id="to be replaced in part",
        ),
        pytest.param(
            lambda: journeys.counted(RR),
            by(Action.REFUSE),
            [(INSPECTION, FULFIL), (SHIP_BACK, START)],
            id="refused",
        ),
        pytest.param(
            lambda: journeys.counted(RR, 0), by(Action.REFUSE), [(INSPECTION, FULFIL)], id="nothing came"
        ),
        pytest.param(
            lambda: journeys.refused(RR), by(Action.SHIP_BACK), [(SHIP_BACK, FULFIL)], id="sent back"
        ),
        pytest.param(lambda: journeys.accepted(EX), by(Action.RESHIP), [(RESHIPMENT, FULFIL)], id="replaced"),
        pytest.param(
            lambda: journeys.accepted(EX), by(Action.OUT_OF_STOCK), [(RESHIPMENT, FULFIL)], id="out of stock"
        ),
        pytest.param(
            journeys.out_of_stock, by(Action.CHOOSE, CUSTOMER_SAYS), [(RESHIPMENT, START)], id="chose to wait"
        ),
        pytest.param(journeys.out_of_stock, rung, [], id="refunded instead"),
        pytest.param(
            journeys.reshipped,
            by(Action.REPORT_MISSING, CUSTOMER_SAYS),
            [(RESHIPMENT, START)],
            id="reported missing",
        ),
        pytest.param(
            journeys.reported_missing, by(Action.RESHIP), [(RESHIPMENT, FULFIL)], id="sent once more"
        ),
        pytest.param(
            lambda: journeys.reported_missing(2, good=2, damaged=1),
            by(Action.RESHIP),
            [(RESHIPMENT, FULFIL)],
            id="sent once more, refused goods still wait",
        ),
        pytest.param(
            lambda: journeys.reported_missing(2, good=2, damaged=1),
            by(Action.SHIP_BACK),
            [(SHIP_BACK, FULFIL)],
            id="refused goods sent back, the replacement still waits",
        ),
        pytest.param(
            journeys.reported_missing, by(Action.OUT_OF_STOCK), [(RESHIPMENT, FULFIL)], id="none left"
        ),
        pytest.param(
            journeys.reported_missing, by(Action.CONFIRM, CUSTOMER_SAYS), [(RESHIPMENT, FULFIL)], id="found"
        ),
    ],
)
def test_what_people_clocks_and_carriers_do_to_stages(
    ledger: Callable[[], Ledger], move: Callable[[Ledger], object], expected: Changes
) -> None:
    """Whoever acts for the supplier fulfils the stage; a customer who withdraws voids it; ends come first."""
    known = ledger()
    before = only(known)
    move(known)
    after = only(known)
    assert after.version > before.version
    assert changes(before, after) == expected


@pytest.mark.parametrize("move", [closed_by_the_mall, refunded_by_the_mall])
@pytest.mark.parametrize(
    ("ledger", "waited"),
    [
        pytest.param(lambda: journeys.requested(RR), [REVIEW], id="under review"),
        pytest.param(lambda: journeys.counted(RR), [INSPECTION], id="counted"),
        pytest.param(lambda: journeys.accepted(EX), [RESHIPMENT], id="replacement due"),
        pytest.param(
            lambda: journeys.reported_missing(2, good=2, damaged=1), [RESHIPMENT, SHIP_BACK], id="missing"
        ),
        pytest.param(lambda: journeys.refused(RR), [SHIP_BACK], id="refused"),
    ],
)
def test_what_the_mall_takes_over_is_void(
    ledger: Callable[[], Ledger], waited: list[Metric], move: Callable[[Ledger], object]
) -> None:
    """Closing the order or refunding its units ends every stage at once, and no supplier is late by it."""
    known = ledger()
    before = only(known)
    move(known)
    assert changes(before, only(known)) == [(metric, VOID) for metric in waited]
    assert stages(only(known)) == set()


def test_a_dispute_voids_and_its_end_starts_anew() -> None:
    """Each time a request comes back to its supplier it is another instance, for the full time."""
    case = only(journeys.accepted(EX, 2, good=2, damaged=1))
    disputed = replace(case, disputed=True, version=case.version + 1)
    assert changes(case, disputed) == [(RESHIPMENT, VOID), (SHIP_BACK, VOID)]
    settled = replace(disputed, disputed=False, version=disputed.version + 1)
    assert changes(disputed, settled) == [(RESHIPMENT, START), (SHIP_BACK, START)]


def test_a_request_that_operations_resumed_owes_its_way_back_anew() -> None:
    """The failed refund is finance's again, and the refused goods are the supplier's."""
    case = only(situation("refund failed" + TO_GO_BACK, RR))
    taken = replace(case, taken_over=True, version=case.version + 1)
    ledger = journeys.failed(2, good=2, damaged=1)
    ledger.cases[NO] = taken
    resumed = ledger.decide(NO, COMMANDS[Action.RESUME], OPERATIONS, NOW).case
    assert changes(case, taken) == [(SHIP_BACK, VOID)]
    assert changes(taken, resumed) == [(SHIP_BACK, START)]


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_an_end_ends_every_stage(state: State) -> None:
    """By what it came to: refused or completed is an answer, anything else was not the supplier's doing."""
    case = only(journeys.reported_missing(2, good=2, damaged=1))
    ended = replace(case, state=state, version=case.version + 1)
    end = VOID if state in ENDED_WITHOUT_SUPPLIER else FULFIL
    assert changes(case, ended) == [(RESHIPMENT, end), (SHIP_BACK, end)]
    assert changes(ended, replace(ended, version=ended.version + 1)) == []


@pytest.mark.parametrize("kind", Kind)
def test_a_new_request_waits_for_its_review(kind: Kind) -> None:
    """Whatever is asked for, the supplier answers first, from its first version on."""
    case = only(journeys.requested(kind))
    assert changes(None, case) == [(REVIEW, START)]
    assert case.version == 1


def test_a_request_in_the_cooling_off_waits_on_nobody() -> None:
    """It is refunded as it is submitted, and its supplier never hears of it (A1)."""
    ledger = Ledger(journeys.bought())
    case = ledger.submit(asking(), ledger.order.placed_at)
    assert case.cooling_off
    assert changes(None, case) == []


def test_a_stage_that_is_entered_again_is_another_instance() -> None:
    """Two replacements that got lost: each waits under the version that asked for it."""
    ledger = journeys.accepted(EX)
    seqs: list[int] = []
    for waybill in (REPLACEMENT, "SF-AGAIN"):
        ledger.decide(NO, Reship("SF", waybill), SUPPLIER, NOW)
        before = only(ledger)
        after = ledger.decide(NO, COMMANDS[Action.REPORT_MISSING], CUSTOMER, NOW).case
        seqs += [x.seq for x in stage_changes(before, after, "missing_reported")]
    assert len(set(seqs)) == 2
