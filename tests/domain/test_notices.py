"""What a vendor's answer, its silence, or a later receipt makes of a notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations

import pytest

from mallcare.domain.contacts import Channel
from mallcare.domain.notices import (
    ASK_AFTER,
    ASKED_FOR,
    LONGEST_WAIT,
    NO_WORD,
    OPEN,
    REPEATED_FOR,
    RETRY_AFTER,
    STALE,
    Answer,
    News,
    Notice,
    NoticeKind,
    NoticeStatus,
    Outstanding,
    Step,
    after_asking,
    after_receipt,
    after_sending,
    ended,
    handed,
    instead_of,
    may_be_told_otherwise,
    next_step,
    outstanding,
    stale,
)

pytestmark = pytest.mark.rule("T3")
NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REMINDER = Notice("NT1", NoticeKind.REMINDER, Channel.WECOM, "supplier-1", "li", NOW, NOW, {"batch_id": "B1"})
DAILY = replace(REMINDER, kind=NoticeKind.DAILY_SMS, channel=Channel.SMS, facts={"day": "2026-03-02"})
ASKING = handed(REMINDER, NOW, {"count": 3})
TAKEN, REFUSED, UNCLEAR = (
    Answer(News.TAKEN, None, "V1"),
    Answer(News.REFUSED, "60020"),
    Answer(News.UNCLEAR, "timeout"),
)
LATER = Answer(News.LATER, "-1")


def test_handing_over_is_noted_first() -> None:
    """Asking from before the call, with the figures it tells; a repetition keeps both."""
    assert (ASKING.status, ASKING.handed_at, ASKING.attempts) == (NoticeStatus.ASKING, NOW, 1)
    assert ASKING.facts == {"batch_id": "B1", "count": 3}
    again = handed(ASKING, NOW + MINUTE, {"count": 9})
    assert (again.handed_at, again.attempts, again.facts) == (NOW, 2, ASKING.facts)


@pytest.mark.parametrize("repeatable", [True, False])
def test_what_waits_is_sent_until_it_is_too_old(repeatable: bool) -> None:
    """Exactly twelve hours is in time."""
    assert next_step(REMINDER, NOW + timedelta(hours=12), repeatable=repeatable) is Step.SEND
    assert next_step(REMINDER, NOW + timedelta(hours=12, seconds=1), repeatable=repeatable) is Step.DROP


@pytest.mark.rule("T4")
def test_a_daily_sms_is_of_its_day() -> None:
    """The day of Beijing, which ends at 16:00 UTC."""
    midnight = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
    assert not stale(DAILY, midnight - timedelta(microseconds=1))
    assert stale(DAILY, midnight)


@pytest.mark.rule("T4")
def test_a_daily_sms_lasts_as_long_as_it_says() -> None:
    """Five in the afternoon in London is past midnight in Beijing: each knows the evening of its own day."""
    until = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
    daily = replace(DAILY, facts={"day": "2026-03-02", "until": until.isoformat()})
    assert not stale(daily, until - timedelta(microseconds=1))
    assert stale(daily, until)


def test_what_may_have_been_sent_is_asked_for_or_repeated() -> None:
    """Repeated only while its vendor drops the second one, and not for ever."""
    assert next_step(ASKING, NOW, repeatable=False) is Step.ASK
    assert next_step(ASKING, NOW + REPEATED_FOR - MINUTE, repeatable=True) is Step.REPEAT
    assert next_step(ASKING, NOW + REPEATED_FOR, repeatable=True) is Step.GIVE_UP
    tired = replace(ASKING, attempts=len(RETRY_AFTER) + 1)
    assert next_step(tired, NOW, repeatable=True) is Step.GIVE_UP


@pytest.mark.parametrize("status", [status for status in NoticeStatus if status not in OPEN])
def test_what_ended_is_left_alone(status: NoticeStatus) -> None:
    """Whatever way it ended, nothing is sent."""
    assert next_step(ended(REMINDER, status, NOW), NOW, repeatable=True) is Step.NOTHING


@pytest.mark.parametrize(
    ("news", "status"),
    [
        (News.TAKEN, NoticeStatus.SENT),
        (News.ARRIVED, NoticeStatus.DELIVERED),
        (News.NOT_ARRIVED, NoticeStatus.UNDELIVERABLE),
    ],
)
@pytest.mark.parametrize("before", [ASKING, ended(ASKING, NoticeStatus.UNKNOWN, NOW, "timeout")])
def test_a_definite_word_settles(news: News, status: NoticeStatus, before: Notice) -> None:
    """Of what was given up as unknown, too; with the vendor's id, and its code where it did not arrive."""
    answer = Answer(news, "81013", "V1")
    later = NOW + MINUTE
    for after in (after_sending(before, answer, later), after_asking(before, answer, later)):
        assert (after.status, after.settled_at, after.vendor_message_id) == (status, later, "V1")
        assert after.error_code == ("81013" if status is NoticeStatus.UNDELIVERABLE else None)


def test_a_receipt_that_came_first_stays() -> None:
    """The answer adds the vendor's id and takes nothing back; a refusal adds nothing."""
    early = ended(ASKING, NoticeStatus.DELIVERED, NOW)
    assert after_sending(early, TAKEN, NOW) == replace(early, vendor_message_id="V1")
    for answer in (REFUSED, UNCLEAR, LATER):
        assert after_sending(early, answer, NOW) == early
        assert after_asking(early, answer, NOW) == early


def test_put_off_at_growing_intervals_then_failed() -> None:
    """It was not taken for certain, so it waits again, without the figures' time; then it has failed."""
    notice, now = REMINDER, NOW
    waits: list[timedelta] = []
    while notice.status is NoticeStatus.WAITING:
        notice = after_sending(handed(notice, now, {}), LATER, now)
        waits.append(notice.next_attempt_at - now)
        now = max(now, notice.next_attempt_at)
    assert tuple(waits[:-1]) == RETRY_AFTER
    assert (notice.status, notice.error_code) == (NoticeStatus.FAILED, "-1")


@pytest.mark.rule("T4")
def test_an_sms_is_tried_for_as_long_as_it_is_worth_telling() -> None:
    """Nothing could go in its place: a vendor that is away for a morning costs nobody the day's message."""
    notice, now = DAILY, NOW
    while next_step(notice, now, repeatable=False) is Step.SEND:
        notice = after_sending(handed(notice, now, {}), LATER, now)
        assert notice.status is NoticeStatus.WAITING
        assert notice.next_attempt_at - now <= LONGEST_WAIT
        now = notice.next_attempt_at
    assert next_step(notice, now, repeatable=False) is Step.DROP
    assert now - NOW > timedelta(hours=11)


def test_a_vendor_may_ask_for_more_time() -> None:
    """Up to half an hour."""
    wishes = {
        MINUTE * 10: MINUTE * 10,
        timedelta(hours=9): LONGEST_WAIT,
        timedelta(seconds=1): RETRY_AFTER[0],
    }
    for wish, wait in wishes.items():
        after = after_sending(ASKING, replace(LATER, wait=wish), NOW)
        assert (after.status, after.next_attempt_at, after.handed_at) == (
            NoticeStatus.WAITING,
            NOW + wait,
            None,
        )


def test_a_refusal_ends_it_unless_it_is_one_of_a_repetition() -> None:
    """A repetition that is refused, or put off, says nothing about the first time."""
    assert after_sending(ASKING, REFUSED, NOW).status is NoticeStatus.FAILED
    again = handed(ASKING, NOW, {})
    assert after_sending(again, REFUSED, NOW, again=True).status is NoticeStatus.UNKNOWN
    put_off = after_sending(again, LATER, NOW, again=True)
    assert (put_off.status, put_off.handed_at) == (NoticeStatus.ASKING, NOW)


def test_an_unclear_answer_leaves_it_asking() -> None:
    """It is looked at soon again; however often, the last wait is the longest."""
    after = after_sending(ASKING, UNCLEAR, NOW)
    assert (after.status, after.next_attempt_at, after.error_code) == (
        NoticeStatus.ASKING,
        NOW + RETRY_AFTER[0],
        "timeout",
    )
    tired = replace(ASKING, attempts=99)
    assert after_sending(tired, UNCLEAR, NOW).next_attempt_at == NOW + RETRY_AFTER[-1]


def test_records_lag_so_it_is_asked_again_and_then_unknown() -> None:
    """At fixed times since the handing over, wherever the first question fell."""
    notice, now = replace(ASKING, error_code="timeout"), NOW + timedelta(seconds=10)
    asked: list[datetime] = []
    while notice.status is NoticeStatus.ASKING:
        notice = after_asking(notice, Answer(News.NOT_KNOWN), now)
        now = max(now, notice.next_attempt_at)
        asked.append(now)
    assert [at - NOW for at in asked[:-1]] == list(ASK_AFTER)
    assert (notice.status, notice.error_code) == (NoticeStatus.UNKNOWN, "timeout")
    late = after_asking(ASKING, Answer(News.NOT_KNOWN), NOW + timedelta(hours=2))
    assert (late.status, late.error_code) == (NoticeStatus.UNKNOWN, NO_WORD)


def test_a_vendor_that_cannot_be_asked_leaves_it_unknown() -> None:
    """Under the code of what went wrong, if anything is known of that."""
    assert after_asking(ASKING, Answer(News.NOT_TOLD), NOW).error_code == NO_WORD
    assert (
        after_asking(replace(ASKING, error_code="timeout"), Answer(News.NOT_TOLD), NOW).error_code
        == "timeout"
    )
    assert after_asking(ASKING, Answer(News.NOT_TOLD, "no_address"), NOW).error_code == "no_address"


def test_a_question_that_fails_is_asked_for_a_day() -> None:
    """Each wait at least a minute and at most half an hour."""
    notice, now, at = replace(ASKING, handed_at=None), NOW, [NOW]
    while notice.status is NoticeStatus.ASKING:
        notice = after_asking(notice, UNCLEAR, now)
        now = notice.next_attempt_at
        at.append(now)
    waits = [later - earlier for earlier, later in pairwise(at[:-1])]
    assert min(waits) == MINUTE
    assert max(waits) == LONGEST_WAIT
    assert ASKED_FOR <= now - NOW < ASKED_FOR + LONGEST_WAIT
    assert notice.status is NoticeStatus.UNKNOWN


@pytest.mark.parametrize("order", list(permutations([True, False, False])))
@pytest.mark.parametrize("before", [ASKING, ended(ASKING, NoticeStatus.SENT, NOW)])
def test_receipts_in_any_order_say_the_same(order: tuple[bool, ...], before: Notice) -> None:
    """Arrived once is arrived; the first word of its kind gives the time."""
    notice = before
    for arrived in order:
        notice = after_receipt(notice, arrived=arrived, code="X", vendor_id="V1", now=NOW)
    assert (notice.status, notice.error_code, notice.vendor_message_id) == (
        NoticeStatus.DELIVERED,
        None,
        "V1",
    )


def test_a_receipt_twice_changes_nothing_more() -> None:
    """Not even the time."""
    once = after_receipt(ASKING, arrived=False, code="X", vendor_id="V1", now=NOW)
    assert (once.status, once.error_code, once.settled_at) == (NoticeStatus.UNDELIVERABLE, "X", NOW)
    assert after_receipt(once, arrived=False, code="Y", vendor_id="V2", now=NOW + MINUTE) == once


def test_an_sms_goes_in_its_place() -> None:
    """One that is linked to it, the others told once each; a stale one and an SMS are not told otherwise."""
    lost = ended(ASKING, NoticeStatus.UNDELIVERABLE, NOW, "81013")
    first = instead_of(lost, "NT2", "li", NOW, at=NOW + MINUTE, first=True)
    other = instead_of(lost, "NT3", "han", NOW, at=NOW, first=False)
    assert (first.channel, first.fallback_of, first.once) == (Channel.SMS, "NT1", None)
    assert (first.created_at, first.next_attempt_at, first.status) == (
        NOW,
        NOW + MINUTE,
        NoticeStatus.WAITING,
    )
    assert (other.fallback_of, other.once) == (None, "instead/NT1/han")
    assert may_be_told_otherwise(lost)
    assert not may_be_told_otherwise(replace(lost, channel=Channel.SMS))
    assert not may_be_told_otherwise(ended(REMINDER, NoticeStatus.FAILED, NOW, STALE))
    assert not may_be_told_otherwise(ended(ASKING, NoticeStatus.SENT, NOW))


@pytest.mark.parametrize("due", [NOW, None])
def test_figures_come_back_from_facts(due: datetime | None) -> None:
    """What was told is what is kept."""
    told = Outstanding(5, 2, due, NOW, {"shipment": 3, "review": 2})
    assert outstanding(told.facts()) == told
    assert outstanding({**told.facts(), "of": None}).of == {}
