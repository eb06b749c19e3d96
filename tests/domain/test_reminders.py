"""Looking at clocks: each rung and the breach at their instants, once; and whom each rung is for."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.calendars import CLOSED, Hours, ServiceCalendar, WeekPlan, always_open
from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey, Outcome
from mallcare.domain.contacts import Contact, ContactRole, on_duty
from mallcare.domain.metrics import Metric
from mallcare.domain.reminders import Rung, after_quiet, look, whom
from mallcare.domain.timeliness import LADDER, Level, Party, TimelinessPolicy
from tests.domain.builders import TICK
from tests.domain.test_calendars import CALENDARS, DESK
from tests.domain.test_clocks import EVENTS
from tests.domain.test_contacts import MONDAY, WEEKS, WORKING_WEEK, person

pytestmark = pytest.mark.rule("T3")
HOUR = timedelta(hours=1)
DAY = 24 * HOUR
TARGET = 48 * HOUR
ALWAYS = always_open()
POLICY = TimelinessPolicy()
BEGIN = MONDAY
DUE = BEGIN + TARGET
K = ClockEventKind


def clock(*told: tuple[ClockEventKind, timedelta], **changes: object) -> Clock:
    """A shipment clock that started at BEGIN, with further events so long after it."""
    events = ((K.START, 0 * HOUR), *told)
    return replace(
        Clock(
            ClockKey(Metric.SHIPMENT, "O1", "1"),
            "O1",
            "supplier-1",
            1,
            CalendarVersion("24x7", 1),
            TARGET,
            tuple(ClockEvent(f"{kind}{after}", kind, BEGIN + after) for kind, after in told_once(events)),
        ),
        **changes,  # type: ignore[arg-type]
    )


def told_once(
    events: tuple[tuple[ClockEventKind, timedelta], ...],
) -> list[tuple[ClockEventKind, timedelta]]:
    """Without repetitions."""
    return list(dict.fromkeys(events))


# --- the ladder ----------------------------------------------------------------------------------


@pytest.mark.parametrize("done", range(len(LADDER)))
def test_a_rung_is_reached_at_its_instant(done: int) -> None:
    """Not a microsecond before; at it and after it, dated by it, and the next look is at the next rung."""
    at = DUE - LADDER[done].before
    before = look(clock(levels_done=done), ALWAYS, POLICY, at - TICK)
    assert before.rung is None
    assert before.clock.levels_done == done
    for now in (at, at + TICK, at + timedelta(minutes=30)):
        found = look(clock(levels_done=done), ALWAYS, POLICY, now)
        assert found.rung == Rung(LADDER[done], at)
        assert found.clock.levels_done == done + 1
        assert look(found.clock, ALWAYS, POLICY, now).rung is None


def test_missed_rungs_are_left_out() -> None:
    """The timekeeper was away for two days: one reminder, of the latest rung."""
    found = look(clock(), ALWAYS, POLICY, DUE + HOUR)
    assert found.rung == Rung(LADDER[2], DUE)
    assert found.clock.levels_done == 3
    assert found.standing.next_at == DUE + DAY


def test_after_the_last_rung_nothing_is_looked_at() -> None:
    """A clock that nobody ever ends costs nothing once everybody heard of it."""
    found = look(clock(), ALWAYS, POLICY, DUE + 2 * DAY)
    assert found.rung == Rung(LADDER[3], DUE + DAY)
    assert found.standing.next_at is None


@pytest.mark.parametrize("stopped", [K.PAUSE, K.FULFIL, K.VOID])
def test_a_clock_that_does_not_run_reaches_nothing(stopped: ClockEventKind) -> None:
    """Whatever the hour; a pause ends in the rungs that are left."""
    still = clock((stopped, HOUR))
    found = look(still, ALWAYS, POLICY, DUE + 9 * DAY)
    assert (found.rung, found.breached) == (None, False)
    assert (found.clock, found.standing.next_at) == (still, None)


def test_a_pause_moves_the_rungs() -> None:
    """Ten hours of waiting on the customer make every rung ten hours later."""
    paused = clock((K.PAUSE, HOUR), (K.RESUME, 11 * HOUR))
    soon = DUE - 12 * HOUR + 10 * HOUR
    assert look(paused, ALWAYS, POLICY, soon - TICK).rung is None
    assert look(paused, ALWAYS, POLICY, soon).rung == Rung(LADDER[0], soon)


def test_a_late_report_of_a_pause_repeats_no_rung() -> None:
    """The rung was reached as far as anybody knew; a correction moves those to come, and only those."""
    told = look(clock(), ALWAYS, POLICY, DUE - 12 * HOUR).clock
    corrected = told.having(
        ClockEvent("p", K.PAUSE, BEGIN + HOUR), ClockEvent("r", K.RESUME, BEGIN + 11 * HOUR)
    )
    again = look(corrected, ALWAYS, POLICY, DUE - 2 * HOUR)
    assert again.rung is None
    assert again.standing.next_at == DUE - 2 * HOUR + 10 * HOUR


# --- the breach ----------------------------------------------------------------------------------


@pytest.mark.rule("T2")
def test_a_breach_is_seen_beyond_the_deadline() -> None:
    """Exactly the target is in time; the first instant beyond is not, and bears the instant of the look."""
    assert not look(clock(), ALWAYS, POLICY, DUE).breached
    found = look(clock(), ALWAYS, POLICY, DUE + TICK)
    assert found.breached
    assert found.clock.breach_recorded_at == DUE + TICK
    late = look(clock(), ALWAYS, POLICY, DUE + 5 * HOUR)
    assert late.clock.breach_recorded_at == DUE + 5 * HOUR


@pytest.mark.rule("T2")
def test_a_breach_is_recorded_once_whatever_is_reported_later() -> None:
    """A pause told too late takes the clock back before its deadline: when it passes that, nothing is new."""
    broken = look(clock(), ALWAYS, POLICY, DUE + TICK).clock
    corrected = broken.having(
        ClockEvent("p", K.PAUSE, BEGIN + HOUR), ClockEvent("r", K.RESUME, BEGIN + 11 * HOUR)
    )
    found = look(corrected, ALWAYS, POLICY, DUE + 11 * HOUR)
    assert not found.breached
    assert found.clock.breach_recorded_at == DUE + TICK


@pytest.mark.rule("T2")
def test_a_clock_that_ended_late_before_the_look_raises_no_alarm() -> None:
    """Its outcome says that it was late; an alarm about what is done would help nobody."""
    found = look(clock((K.FULFIL, TARGET + HOUR)), ALWAYS, POLICY, DUE + 2 * HOUR)
    assert not found.breached
    assert found.clock.breach_recorded_at is None
    assert found.standing.outcome is Outcome.BREACHED


@pytest.mark.rule("T2")
def test_a_promise_due_when_the_desk_closes_is_kept_until_it_opens() -> None:
    """Eight hours from 9:00 with an hour of lunch end at 18:00; the breach comes at 9:00 the next morning."""
    begin = MONDAY + 9 * HOUR
    started = replace(clock(), target=8 * HOUR, events=(ClockEvent("s", K.START, begin),))
    closing, opening = MONDAY + 18 * HOUR, MONDAY + DAY + 9 * HOUR
    found = look(started, DESK, POLICY, closing + HOUR)
    assert not found.breached
    assert found.rung == Rung(LADDER[2], closing)
    assert found.standing.next_at == opening + TICK
    assert look(found.clock, DESK, POLICY, opening + TICK).breached


NEVER = ServiceCalendar("never", 1, DESK.zone, (WeekPlan(BEGIN.date(), (CLOSED,) * 7),))


def test_a_calendar_that_never_opens_is_never_looked_at() -> None:
    """There is no such instant, and nothing loops."""
    found = look(clock(), NEVER, POLICY, DUE)
    assert (found.rung, found.breached, found.standing.next_at) == (None, False, None)


LADDERS = st.lists(st.integers(-60, 60), max_size=5, unique=True).map(
    lambda hours: tuple(
        Level(f"level {n}", hour * HOUR, (Party.STAFF,)) for n, hour in enumerate(sorted(hours, reverse=True))
    )
)
LOOKS = st.lists(st.integers(0, 400), min_size=1, max_size=8).map(
    lambda hours: [BEGIN + hour * HOUR for hour in sorted(hours)]
)


@given(CALENDARS, EVENTS, LADDERS, LOOKS)
def test_looks_go_on_and_repeat_nothing(
    calendar: ServiceCalendar,
    events: list[ClockEvent],
    ladder: tuple[Level, ...],
    looks: list[datetime],
) -> None:
    """Whatever calendar, events and ladder: the next look lies ahead, no rung comes twice, one breach."""
    policy, seen = replace(POLICY, ladder=ladder), replace(clock(), events=tuple(events))
    rungs: list[str] = []
    breaches = 0
    for now in looks:
        found = look(seen, calendar, policy, now)
        assert found.standing.next_at is None or found.standing.next_at > now
        again = look(found.clock, calendar, policy, now)
        assert (again.rung, again.breached, again.clock) == (None, False, found.clock)
        if found.rung is not None:
            assert found.rung.reached_at <= now
            rungs.append(found.rung.level.name)
        breaches += found.breached
        seen = found.clock
    assert len(set(rungs)) == len(rungs)
    assert breaches <= 1


@given(CALENDARS, EVENTS, LADDERS, LOOKS, st.data())
def test_reports_in_any_order_between_looks_double_nothing(
    calendar: ServiceCalendar,
    events: list[ClockEvent],
    ladder: tuple[Level, ...],
    looks: list[datetime],
    data: st.DataObject,
) -> None:
    """Events arrive late, twice and permuted while the timekeeper looks: still each rung and breach once."""
    policy, seen = replace(POLICY, ladder=ladder), replace(clock(), events=())
    rungs: list[str] = []
    breaches = 0
    for now in looks:
        known = data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else []
        found = look(seen.having(*known), calendar, policy, now)
        rungs += [found.rung.level.name] if found.rung else []
        breaches += found.breached
        assert found.clock.breach_recorded_at in (seen.breach_recorded_at, now)
        seen = found.clock
    assert len(set(rungs)) == len(rungs)
    assert breaches <= 1


# --- quiet hours ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hour", "told_at"),
    [(20.99, 20.99), (21, 32), (23.5, 32), (24, 32), (31.99, 32), (32, 32), (12, 12)],
)
def test_quiet_hours_over_midnight_end_in_the_morning(hour: float, told_at: float) -> None:
    """From 21:00 to 8:00 by the clock of Beijing: postponed to their end, on the right day."""
    assert after_quiet(POLICY, MONDAY + hour * HOUR) == MONDAY + told_at * HOUR


@pytest.mark.parametrize(("hour", "told_at"), [(11.99, 11.99), (12, 14), (13.99, 14), (14, 14)])
def test_quiet_hours_within_a_day_end_on_it(hour: float, told_at: float) -> None:
    """A rest at noon."""
    noon = replace(POLICY, quiet_from=12 * HOUR, quiet_until=14 * HOUR)
    assert after_quiet(noon, MONDAY + hour * HOUR) == MONDAY + told_at * HOUR


@given(st.integers(0, 24), st.integers(0, 24), st.integers(0, 4 * 24 * 60))
def test_the_end_of_quiet_hours_is_not_quiet(begin: int, end: int, minutes: int) -> None:
    """Nothing is postponed for ever, nor by more than a day; what begins and ends at once is never quiet."""
    policy = replace(POLICY, quiet_from=begin * HOUR, quiet_until=end * HOUR)
    now = MONDAY + timedelta(minutes=minutes)
    told_at = after_quiet(policy, now)
    assert now <= told_at <= now + DAY
    assert after_quiet(policy, told_at) == told_at
    assert told_at.tzinfo is now.tzinfo
    if begin % 24 == end % 24:
        assert told_at == now


# --- whom ----------------------------------------------------------------------------------------

BOSS = person("boss", ContactRole.PRINCIPAL)
DESK_WORKER = person("desk", duty=WORKING_WEEK)
WEEKENDER = person("weekend", duty=(CLOSED,) * 5 + (Hours(((10 * HOUR, 16 * HOUR),)),) * 2)
NIGHT = person("night", duty=(Hours(((0 * HOUR, 6 * HOUR),)),) * 7)
AWAY = person("away", duty=(CLOSED,) * 7)
MORNING = MONDAY + 10 * HOUR


def told(contacts: list[Contact], party: Party, now: datetime) -> tuple[list[str], timedelta] | None:
    """Names of people, and how much later."""
    telling = whom(contacts, party, POLICY, now)
    return telling and ([one.contact_id for one in telling.people], telling.at - now)


def test_staff_are_those_on_duty() -> None:
    """On Monday morning the desk, on Saturday noon the other one."""
    everybody = [BOSS, DESK_WORKER, WEEKENDER, AWAY]
    assert told(everybody, Party.STAFF, MORNING) == (["desk"], timedelta(0))
    assert told(everybody, Party.STAFF, MORNING + 5 * DAY) == (["weekend"], timedelta(0))


def test_when_nobody_is_on_duty_the_next_one_hears_of_it() -> None:
    """Over lunch, over night, over a weekend on which nobody works: postponed, not lost."""
    assert told([DESK_WORKER], Party.STAFF, MONDAY + 12 * HOUR) == (["desk"], HOUR)
    assert told([DESK_WORKER], Party.STAFF, MONDAY + 20 * HOUR) == (["desk"], 13 * HOUR)
    assert told([DESK_WORKER], Party.STAFF, MORNING + 5 * DAY) == (["desk"], 2 * DAY - HOUR)
    assert told([DESK_WORKER, WEEKENDER], Party.STAFF, MORNING + 4 * DAY + 9 * HOUR) == (
        ["weekend"],
        15 * HOUR,
    )


def test_who_works_in_quiet_hours_alone_hears_of_it_afterwards() -> None:
    """The night shift is not woken by the platform, and what it missed waits until eight."""
    assert told([NIGHT], Party.STAFF, MONDAY + 2 * HOUR) == (["night"], 6 * HOUR)
    assert told([NIGHT], Party.STAFF, MORNING) == (["night"], timedelta(0))


def test_the_principal_hears_of_it_outside_quiet_hours() -> None:
    """Duty hours of a principal are theirs alone."""
    on_leave = replace(BOSS, duty=(CLOSED,) * 7)
    assert told([on_leave, DESK_WORKER], Party.PRINCIPAL, MORNING) == (["boss"], timedelta(0))
    assert told([BOSS], Party.PRINCIPAL, MONDAY + 22 * HOUR) == (["boss"], 10 * HOUR)


def test_one_stands_in_for_the_other() -> None:
    """Without staff that ever work the principal is told, without a principal the staff on duty."""
    assert told([BOSS, AWAY], Party.STAFF, MORNING) == (["boss"], timedelta(0))
    assert told([DESK_WORKER], Party.PRINCIPAL, MONDAY + 12 * HOUR) == (["desk"], HOUR)


@pytest.mark.parametrize("party", [Party.STAFF, Party.PRINCIPAL])
@pytest.mark.parametrize("contacts", [[], [AWAY]])
def test_where_nobody_is_there_is_nobody_to_tell(contacts: list[Contact], party: Party) -> None:
    """Not even at another time."""
    assert told(contacts, party, MORNING) is None


def test_operations_are_not_a_supplier_s() -> None:
    """They have a list of tasks."""
    with pytest.raises(ValueError, match="task"):
        whom([BOSS], Party.OPERATIONS, POLICY, MORNING)


@given(
    st.lists(WEEKS.map(lambda week: person(duty=week)), max_size=3),
    st.sampled_from([Party.STAFF, Party.PRINCIPAL]),
    st.integers(0, 24),
    st.integers(0, 24),
    st.integers(0, 14 * 24 * 60),
)
def test_whoever_waits_is_told_within_a_week_and_a_day(
    contacts: list[Contact], party: Party, begin: int, end: int, minutes: int
) -> None:
    """Never in quiet hours, and at that instant it is not postponed again."""
    policy = replace(POLICY, quiet_from=begin * HOUR, quiet_until=end * HOUR)
    now = MONDAY + timedelta(minutes=minutes)
    telling = whom(contacts, party, policy, now)
    if telling is None:
        return
    assert telling.people
    assert now <= telling.at <= now + 8 * DAY
    assert after_quiet(policy, telling.at) == telling.at
    assert whom(contacts, party, policy, telling.at) == telling
    if now < telling.at != after_quiet(policy, now):
        assert all(on_duty(one, telling.at) for one in telling.people)
        assert not any(on_duty(one, now) for one in contacts) or after_quiet(policy, now) > now
