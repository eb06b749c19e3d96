"""Contacts: who is in charge when, and which way leads to each of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.calendars import CLOSED, Hours
from mallcare.domain.contacts import (
    ROBOT,
    Channel,
    Contact,
    ContactRole,
    SupplierChannels,
    Way,
    duty_begins,
    ever_on_duty,
    on_duty,
    ways,
)
from tests.domain.builders import TICK

pytestmark = pytest.mark.rule("T3")
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MONDAY = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Local midnight, the first instant of a Monday in Beijing."""
OFFICE = Hours(((9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR)))
WORKING_WEEK = (OFFICE,) * 5 + (CLOSED,) * 2


def person(contact_id: str = "staff-1", role: ContactRole = ContactRole.STAFF, **known: object) -> Contact:
    """A contact reached by phone, always on duty, unless told otherwise."""
    return Contact("supplier-1", contact_id, role, "name", **{"phone": "13800000000", **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("hours", "there"),
    [(8.99, False), (9, True), (11.99, True), (12, False), (13, True), (18, False), (5 * 24 + 10, False)],
)
def test_who_has_duty_hours_is_there_within_them(hours: float, there: bool) -> None:
    """From the first instant of a span, not at its end, on the local day of the week."""
    assert on_duty(person(duty=WORKING_WEEK), MONDAY + hours * HOUR) is there


def test_who_has_no_duty_hours_is_always_there() -> None:
    """At any instant, and no duty ever begins."""
    always = person()
    assert on_duty(always, MONDAY + 100 * HOUR)
    assert ever_on_duty(always)
    assert list(duty_begins(always, MONDAY)) == []


def test_a_closed_week_is_no_duty_at_all() -> None:
    """Somebody on leave is never in charge."""
    away = person(duty=(CLOSED,) * 7)
    assert not ever_on_duty(away)
    assert list(duty_begins(away, MONDAY)) == []
    assert ever_on_duty(person(duty=WORKING_WEEK))


def test_duties_begin_in_local_time_for_a_week() -> None:
    """After now, up to the same instant a week later; spans in progress have begun."""
    begins = list(duty_begins(person(duty=WORKING_WEEK), MONDAY + 9 * HOUR))
    assert [(begin - MONDAY) / HOUR for begin in begins] == [
        13,
        *(24 * day + hour for day in range(1, 5) for hour in (9, 13)),
        7 * 24 + 9,
    ]


SPANS = st.lists(st.integers(0, 24), max_size=4, unique=True).map(
    lambda edges: Hours(
        tuple((a * HOUR, b * HOUR) for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
    )
)
WEEKS = st.tuples(*[SPANS] * 7)
INSTANTS = st.integers(0, 21 * 24 * 60).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


@given(WEEKS, INSTANTS)
def test_duty_begins_where_somebody_comes_on_duty(week: tuple[Hours, ...], now: datetime) -> None:
    """At each begin the contact is there; who is not there now and ever is has a begin to wait for."""
    contact = person(duty=week)
    begins = list(duty_begins(contact, now))
    assert begins == sorted(begins)
    assert all(now < begin <= now + WEEK and on_duty(contact, begin) for begin in begins)
    if ever_on_duty(contact) and not on_duty(contact, now):
        first = begins[0]
        assert not on_duty(contact, first - TICK)
        assert not any(on_duty(contact, now + n * (first - now) / 50) for n in range(50))


CHANNELS = SupplierChannels("supplier-1", Channel.WECOM)


def test_whom_the_channel_does_not_reach_gets_an_sms() -> None:
    """One in WeCom, one with a phone, one with neither."""
    people = [
        person("member", wecom_user_id="m"),
        person("caller"),
        person("nobody", phone=None),
    ]
    assert ways(people, CHANNELS) == [Way(Channel.WECOM, "member"), Way(Channel.SMS, "caller")]


def test_a_member_of_wecom_gets_sms_where_the_supplier_wants_sms() -> None:
    """The supplier chose; a phone is needed."""
    sms = SupplierChannels("supplier-1")
    assert ways([person(wecom_user_id="m")], sms) == [Way(Channel.SMS, "staff-1")]
    assert ways([person(wecom_user_id="m", phone=None)], sms) == []


@pytest.mark.parametrize(
    ("channel", "address"),
    [(Channel.WECOM_ROBOT, "wecom_robot_key"), (Channel.DINGTALK, "dingtalk_token")],
)
def test_a_robot_tells_everybody_at_once(channel: Channel, address: str) -> None:
    """One message however many people; without its key or token everybody gets an SMS of their own."""
    people = [person("a"), person("b", phone=None), person("c")]
    told = SupplierChannels("supplier-1", channel, **{address: "secret"})
    assert ways(people, told) == [Way(channel, ROBOT)]
    assert ways(people, SupplierChannels("supplier-1", channel)) == [
        Way(Channel.SMS, "a"),
        Way(Channel.SMS, "c"),
    ]


def test_the_notification_centre_needs_no_message() -> None:
    """A supplier that wants nothing else gets nothing else."""
    assert ways([person(wecom_user_id="m")], SupplierChannels("supplier-1", Channel.IN_APP)) == []


def test_each_way_is_taken_once() -> None:
    """Somebody named twice hears of it once."""
    assert ways([person(), person()], CHANNELS) == [Way(Channel.SMS, "staff-1")]
