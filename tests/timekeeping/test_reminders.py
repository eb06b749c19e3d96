"""Reminders (T3): each rung once, to whom it is for, when they may be told, in one notice for all clocks."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from mallcare.application.clock_looks import LookAtClocks
from mallcare.domain.calendars import CLOSED, Hours
from mallcare.domain.contacts import ROBOT, Channel, ContactRole
from mallcare.domain.metrics import Metric
from mallcare.domain.vocabulary import OrderEventType
from mallcare.ports import shard_of
from tests.domain.builders import TICK
from tests.timekeeping.orders import DUE_AT, Shop
from tests.timekeeping.promises import (
    BEGIN,
    DAY,
    DUE,
    HOUR,
    IGNORED,
    MONDAY,
    NOW,
    SHARD,
    SOON,
    SUPPLIER,
    Desk,
    K,
    event,
    promise,
)

pytestmark = pytest.mark.rule("T3")
OFFICE = (Hours(((9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR))),) * 5 + (CLOSED,) * 2
HALF = timedelta(minutes=30)
OTHER = "supplier-2"
RUNGS = [
    ("soon", SOON, ["staff"], []),
    ("now", NOW, ["staff"], []),
    ("due", DUE, ["boss", "staff"], []),
    ("ignored", IGNORED, ["boss"], ["reminders_ignored"]),
]


# --- the ladder ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "at", "people", "tasks"), RUNGS)
async def test_each_rung_is_told_at_its_instant(
    desk: Desk, level: str, at: datetime, people: list[str], tasks: list[str]
) -> None:
    """Nobody hears of it a microsecond before, the right people at it, and nobody twice afterwards."""
    await desk.staffed()
    await desk.promised(promise())
    await desk.look(at - HALF)  # of what lies below it they heard long enough ago
    before = await desk.look(at - TICK)
    assert before.next_due_at == at
    told = len(desk.notices())
    kept = await desk.look(at)
    assert kept.notices == len(people)
    assert sorted(row.contact_id for row in desk.notices()[told:]) == people
    assert [row.kind for row in desk.tasks()] == tasks
    assert {(row[0], row[2]) for row in desk.reminders()} >= {(level, "told")}
    for later in (at, at + TICK, at + HALF):
        again = await desk.look(later)
        assert (again.planned, again.told, again.notices) == (0, 0, 0)


@pytest.mark.parametrize(("level", "at", "people", "tasks"), RUNGS)
async def test_a_timekeeper_that_comes_late_tells_the_latest_rung(
    desk: Desk, level: str, at: datetime, people: list[str], tasks: list[str]
) -> None:
    """It was away until half an hour after the rung: nobody hears of what lies below."""
    await desk.staffed()
    await desk.promised(promise())
    await desk.look(at + HALF)
    assert {row[0] for row in desk.reminders()} == {level}
    assert sorted(contact for _, contact in desk.told()) == people
    assert [row.kind for row in desk.tasks()] == tasks


async def test_a_whole_life_is_four_rungs(desk: Desk) -> None:
    """Looked at each hour until nobody waits any more: every row once, told, and then no look is to come."""
    await desk.staffed()
    await desk.promised(promise())
    for hour in range(80):
        kept = await desk.look(BEGIN + hour * HOUR)
    assert kept.next_due_at is None
    assert desk.reminders() == [
        ("soon", "staff", "told"),
        ("now", "staff", "told"),
        ("due", "principal", "told"),
        ("due", "staff", "told"),
        ("ignored", "operations", "told"),
        ("ignored", "principal", "told"),
    ]
    assert len(desk.told()) == 5


# --- grouping ------------------------------------------------------------------------------------


async def test_three_clocks_are_one_notice_for_each_person(desk: Desk) -> None:
    """Over pages, levels and metrics: one message, and one entry in the notification centre."""
    await desk.staffed()
    await desk.contact("second")
    await desk.promised(
        promise(BEGIN - DAY),
        promise(BEGIN - DAY, metric=Metric.REVIEW),
        promise(BEGIN + 10 * HOUR),
    )
    kept = await desk.look(DUE - 2 * HOUR, page=1)
    assert (kept.planned, kept.told, kept.notices) == (5, 5, 3)
    assert sorted(desk.told()) == [("sms", "boss"), ("sms", "second"), ("sms", "staff")]
    (batch,) = {row.facts["batch_id"] for row in desk.notices()}
    parties = {row.contact_id: row.facts["parties"] for row in desk.notices()}
    assert parties == {"staff": ["staff"], "second": ["staff"], "boss": ["principal"]}
    assert {row.batch_id for row in desk.rows("SELECT batch_id FROM reminders")} == {batch}
    seen = {row.reader: row.facts for row in desk.notifications()}
    assert {reader: facts["count"] for reader, facts in seen.items()} == {"staff": 3, "second": 3, "boss": 2}
    assert {"metric": "shipment", "level": "soon", "count": 1} in seen["staff"]["by_level"]


async def test_suppliers_hear_of_their_own_clocks(desk: Desk) -> None:
    """Each in notices of its own, of the timekeeper of its own shard."""
    assert shard_of(OTHER) != shard_of(SUPPLIER)
    neighbour = next(name for n in range(999) if shard_of(name := f"next-{n}") == shard_of(SUPPLIER))
    for supplier_id in (SUPPLIER, OTHER, neighbour):
        await desk.staffed(supplier_id)
        await desk.promised(promise(supplier_id=supplier_id))
    await desk.look(SOON, page=1)
    assert {(row.supplier_id, row.contact_id) for row in desk.notices()} == {
        (SUPPLIER, "staff"),
        (neighbour, "staff"),
    }
    await desk.look(SOON, shard=shard_of(OTHER))
    assert desk.notices()[-1].supplier_id == OTHER
    assert len({row.facts["batch_id"] for row in desk.notices()}) == 3


async def test_one_supplier_s_trouble_is_not_its_neighbours(desk: Desk) -> None:
    """Contacts nobody can read keep one supplier's people in the dark, and are looked at again."""
    names = (f"next-{n}" for n in range(999))
    first, second = [name for name in names if shard_of(name) == shard_of(SUPPLIER)][:2]
    for supplier_id in (first, second):
        await desk.staffed(supplier_id)
        await desk.promised(promise(supplier_id=supplier_id))
    desk.rows(f"UPDATE contacts SET duty = '[[\"noon\"]]' WHERE supplier_id = '{first}' RETURNING 1")
    await desk.look(SOON)
    assert {row.supplier_id for row in desk.notices()} == {second}
    desk.rows(f"UPDATE contacts SET duty = NULL WHERE supplier_id = '{first}' RETURNING 1")
    await desk.look(SOON)
    assert {row.supplier_id for row in desk.notices()} == {first, second}


async def test_who_stands_in_for_another_hears_of_both_at_once(desk: Desk) -> None:
    """Without staff the principal is told of what staff would be told of, in the same notice."""
    await desk.contact("boss", ContactRole.PRINCIPAL)
    await desk.promised(promise())
    await desk.look(DUE)
    (notice,) = desk.notices()
    assert (notice.contact_id, notice.facts["parties"]) == ("boss", ["principal", "staff"])
    (entry,) = desk.notifications()
    assert entry.facts["count"] == 1


async def test_what_waited_over_night_is_told_in_one_notice(desk: Desk) -> None:
    """Two rungs of one clock, both in quiet hours: at eight it is told of once, by the later."""
    await desk.staffed()
    await desk.promised(promise(MONDAY + 9 * HOUR), promise(MONDAY - HOUR))
    await desk.look(MONDAY + 45 * HOUR)
    await desk.look(MONDAY + 55 * HOUR)
    assert desk.notices() == []
    kept = await desk.look(MONDAY + 56 * HOUR)
    assert kept.notices == 2
    staff = next(row for row in desk.notifications() if row.reader == "staff")
    assert staff.facts["by_level"] == [
        {"metric": "shipment", "level": "due", "count": 1},
        {"metric": "shipment", "level": "now", "count": 1},
    ]
    assert (staff.facts["count"], staff.facts["overdue"]) == (2, 1)
    assert staff.facts["next_due_at"] == (MONDAY + 57 * HOUR).isoformat()


# --- when ----------------------------------------------------------------------------------------


async def test_quiet_hours_postpone(desk: Desk) -> None:
    """Reached at 22:00, told at 8:00, not before and not twice; the timekeeper knows when to come back."""
    await desk.staffed()
    await desk.promised(promise(MONDAY + 10 * HOUR))
    morning = MONDAY + 56 * HOUR
    kept = await desk.look(MONDAY + 46 * HOUR)
    assert (kept.planned, kept.told, kept.next_due_at) == (1, 0, morning)
    assert (await desk.look(morning - TICK)).notices == 0
    assert (await desk.look(morning)).notices == 1
    assert (await desk.look(morning + HOUR)).notices == 0


async def test_operations_have_no_quiet_hours(desk: Desk) -> None:
    """The principal sleeps until eight, the task is there at once."""
    await desk.staffed()
    await desk.promised(promise(MONDAY + 10 * HOUR - 2 * DAY))
    await desk.look(MONDAY + DAY + 10 * HOUR - TICK)
    kept = await desk.look(MONDAY + DAY + 22 * HOUR)
    assert [row.kind for row in desk.tasks()] == ["reminders_ignored"]
    assert (kept.told, kept.next_due_at) == (1, MONDAY + DAY + 32 * HOUR)


async def test_a_look_that_was_delayed_into_the_night_wakes_nobody(desk: Desk) -> None:
    """Planned at 20:59 by a worker that died then; the next one comes at 23:00 and puts it off."""
    await desk.staffed()
    await desk.promised(promise(MONDAY + 9 * HOUR - TICK))
    at = MONDAY + 45 * HOUR - TICK
    await LookAtClocks(desk.uow, page=500)(SHARD, at)
    assert [row[2] for row in desk.reminders()] == ["planned"]
    kept = await desk.look(MONDAY + 47 * HOUR)
    assert (kept.postponed, kept.told, kept.next_due_at) == (1, 0, at + 10 * HOUR)
    assert (await desk.look(MONDAY + 56 * HOUR - TICK)).notices == 0
    assert (await desk.look(MONDAY + 56 * HOUR)).notices == 1


async def test_staff_off_duty_hear_of_it_when_duty_begins(desk: Desk) -> None:
    """At eight nobody is there; at nine the desk is, and the night watch that has gone home is not told."""
    await desk.contact("desk", duty=OFFICE)
    await desk.contact("night", duty=(Hours(((0 * HOUR, 7 * HOUR),)),) * 7)
    await desk.promised(promise())
    kept = await desk.look(SOON)
    assert (kept.postponed, kept.notices, kept.next_due_at) == (1, 0, SOON + HOUR)
    await desk.look(SOON + HOUR)
    assert desk.told() == [("sms", "desk")]


async def test_the_principal_does_not_wait_for_the_staff(desk: Desk) -> None:
    """At the deadline the desk is closed: the principal hears of it now, the desk in the morning."""
    await desk.contact("desk", duty=OFFICE)
    await desk.contact("boss", ContactRole.PRINCIPAL)
    await desk.promised(promise())
    await desk.look(DUE)
    assert desk.told() == [("sms", "boss")]
    await desk.look(DUE + 13 * HOUR)
    assert desk.told() == [("sms", "boss"), ("sms", "desk")]


# --- what ended meanwhile ------------------------------------------------------------------------


@pytest.mark.parametrize("ended", [K.FULFIL, K.VOID, K.PAUSE])
async def test_what_ended_before_it_was_told_is_moot(desk: Desk, ended: K) -> None:
    """Planned at night, done with before the morning: nobody is woken for it."""
    await desk.staffed()
    (clock,) = await desk.promised(promise(MONDAY + 10 * HOUR))
    await desk.look(MONDAY + 46 * HOUR)
    await desk.happened(clock, event(ended, MONDAY + 50 * HOUR))
    kept = await desk.look(MONDAY + 56 * HOUR)
    assert (kept.moot, kept.told, kept.notices) == (1, 0, 0)
    assert desk.reminders() == [("soon", "staff", "moot")]
    assert desk.notifications() == []


async def test_what_ended_before_the_message_goes_out_is_left_out_of_it(desk: Desk) -> None:
    """The message is written last: of three clocks one is shipped, one paused, then the third is done."""
    await desk.staffed()
    shipped, paused, last = await desk.promised(
        promise(), promise(metric=Metric.REVIEW), promise(BEGIN + HALF)
    )
    await desk.look(DUE + HALF)
    staff = next(row for row in desk.notices() if row.contact_id == "staff")
    batch, parties = staff.facts["batch_id"], staff.facts["parties"]
    now = DUE + HALF
    assert (await desk.left_to_tell(batch, parties, now)).count == 3
    await desk.happened(shipped, event(K.FULFIL, now))
    await desk.happened(paused, event(K.PAUSE, now))
    left = await desk.left_to_tell(batch, parties, now)
    assert (left.count, left.overdue, left.earliest_due_at) == (1, 0, DUE + HALF)
    assert left.next_due_at == DUE + HALF
    assert (await desk.left_to_tell(batch, parties, now + TICK)).overdue == 1
    await desk.happened(last, event(K.VOID, now))
    nothing = await desk.left_to_tell(batch, parties, now)
    assert (nothing.count, nothing.earliest_due_at, nothing.next_due_at) == (0, None, None)


# --- whom, and how -------------------------------------------------------------------------------


async def test_ignoring_leads_to_the_principal_and_to_operations(desk: Desk) -> None:
    """A day after the deadline: a task with figures and without names, one as long as it is unresolved."""
    await desk.staffed()
    await desk.promised(promise(), promise(BEGIN + HALF))
    await desk.look(IGNORED)
    await desk.look(IGNORED + HALF)
    (task,) = desk.tasks()
    assert (task.kind, task.subject) == ("reminders_ignored", SUPPLIER)
    assert task.facts["count"] == 1
    assert task.facts["by_level"] == [{"metric": "shipment", "level": "ignored", "count": 1}]
    ignored = [row for row in desk.reminders() if row[0] == "ignored"]
    assert [row[1:] for row in ignored] == [("operations", "told"), ("principal", "told")] * 2


async def test_a_supplier_without_contacts_is_a_task(desk: Desk) -> None:
    """Its reminders are given up, operations is asked once, and who comes later hears of the next rung."""
    await desk.promised(promise(), promise())
    kept = await desk.look(SOON)
    assert (kept.unaddressed, kept.told, kept.notices) == (2, 0, 0)
    await desk.look(NOW)
    (task,) = desk.tasks()
    assert (task.kind, task.subject) == ("contacts_missing", SUPPLIER)
    assert task.facts == {"parties": ["staff"], "reminders": 2}
    await desk.staffed()
    assert (await desk.look(DUE)).notices == 2


async def test_people_are_reached_by_the_channel_of_their_supplier(desk: Desk) -> None:
    """In WeCom who is a member, by SMS who is not, in the notification centre alone who has no phone."""
    await desk.channel(Channel.WECOM)
    await desk.contact("member", wecom_user_id="m")
    await desk.contact("caller")
    await desk.contact("neither", phone=None)
    await desk.promised(promise())
    await desk.look(SOON)
    assert sorted(desk.told()) == [("sms", "caller"), ("wecom", "member")]
    entries = {row.reader: row for row in desk.notifications()}
    assert set(entries) == {"member", "caller", "neither"}
    assert {row.owner for row in entries.values()} == {SUPPLIER}
    assert entries["neither"].link == f"/v1/boards/timeliness/rows?supplier_id={SUPPLIER}"
    assert entries["neither"].facts["next_due_at"] == DUE.isoformat()


async def test_a_group_s_robot_tells_it_once(desk: Desk) -> None:
    """Staff and principal are in one group: one message, as both; each finds it in their own box."""
    await desk.channel(Channel.DINGTALK, dingtalk_token="t", dingtalk_secret="s")
    await desk.staffed()
    await desk.contact("second")
    await desk.promised(promise())
    await desk.look(DUE + HALF)
    (notice,) = desk.notices()
    assert (notice.channel, notice.contact_id) == ("dingtalk", ROBOT)
    assert notice.facts["parties"] == ["principal", "staff"]
    entries = {row.reader: row.link for row in desk.notifications()}
    assert set(entries) == {"staff", "second", "boss"}
    assert set(entries.values()) == {f"/v1/boards/timeliness/rows?supplier_id={SUPPLIER}&state=overdue"}


async def test_notices_hold_nothing_of_a_person(desk: Desk) -> None:
    """Addresses are looked up just before a message goes out."""
    await desk.contact("staff", phone="13812345678", wecom_user_id="wang")
    await desk.promised(promise())
    await desk.look(SOON)
    written = f"{desk.notices()} {desk.notifications()} {desk.tasks()}"
    assert "13812345678" not in written
    assert "wang" not in written


async def test_an_order_is_reminded_of_until_it_is_shipped(desk: Desk, shop: Shop) -> None:
    """From its release on: the first rung is told, and once the carrier has it no further one is."""
    await desk.staffed()
    order = await shop.bought()
    await shop.look(DUE_AT)
    await desk.look(DUE_AT + 36 * HOUR)
    assert (await desk.look(DUE_AT + 40 * HOUR)).notices == 1
    shop.here.at = DUE_AT + 41 * HOUR
    await shop.report(order, OrderEventType.COLLECTED, waybill="SF1", line_ids=("1",))
    for hours in (46, 48, 72):
        kept = await desk.look(DUE_AT + hours * HOUR)
        assert (kept.planned, kept.breached) == (0, 0)
    (row,) = desk.rows("SELECT outcome FROM clocks WHERE metric = 'shipment'")
    assert row.outcome == "met"


async def test_a_busy_supplier_is_told_together_what_comes_in_half_an_hour(desk: Desk) -> None:
    """Promises that reach a rung one after the other: the first at once, then two messages an hour, and all
    are told."""
    await desk.staffed()
    minute = timedelta(minutes=1)
    await desk.promised(*(promise(BEGIN + 2 * number * minute) for number in range(30)))
    told = [await desk.look(SOON + number * minute) for number in range(91)]
    written = [number for number, kept in enumerate(told) if kept.notices]
    assert written == [0, 30, 60]
    assert [told[number].told for number in written] == [1, 15, 14]
    assert {row[2] for row in desk.reminders()} == {"told"}
    assert told[10].next_due_at == SOON + 12 * minute
    assert told[59].next_due_at == SOON + 60 * minute


async def test_a_phone_that_several_share_rings_once(desk: Desk) -> None:
    """The shop's own phone stands for two of staff and for the principal: one SMS, and three messages in
    the notification centre."""
    await desk.contact("li", phone="13812345678")
    await desk.contact("han", phone="+8613812345678")
    await desk.contact("boss", ContactRole.PRINCIPAL, phone="13812345678")
    await desk.promised(promise())
    kept = await desk.look(DUE)
    assert (kept.notices, len(desk.notices())) == (1, 1)
    assert desk.notices()[0].facts["parties"] == ["principal", "staff"]
    assert len(desk.notifications()) == 3
