"""The daily SMS's activities: whose clock they go by, what they fail as, what is counted of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.testing import ActivityEnvironment

from activities.daily_sms import DailySmsActivities
from mallcare.contracts.daily_sms import DailySmsInput, DailySmsReport, NextDailySmsInput
from tests.daily_sms.desk import DAY, HOUR, NINE, Desk

pytestmark = pytest.mark.rule("T4")


@dataclass
class Here:
    """The clock of the worker's machine."""

    at: datetime = NINE

    def now(self) -> datetime:
        return self.at


def asked_again(by: timedelta) -> ActivityEnvironment:
    """An attempt that the server made so long after it was first asked to."""
    environment = ActivityEnvironment()
    first = environment.info.scheduled_time
    environment.info = replace(environment.info, current_attempt_scheduled_time=first + by)
    return environment


def counted(outcome: str) -> float:
    """Messages of this process so far."""
    return REGISTRY.get_sample_value("mallcare_daily_sms_total", {"outcome": outcome}) or 0.0


async def test_the_later_clock_decides(desk: Desk) -> None:
    """A page that waited for a worker until evening is not sent; a workflow whose time is skipped leads."""
    await desk.overdue_supplier("supplier-1")
    here = Here(NINE + 12 * HOUR)
    activities = DailySmsActivities(desk.send, here)
    page = await ActivityEnvironment().run(activities.plan_daily_sms, DailySmsInput(day=DAY, now=NINE))
    assert (page.done, page.planned, desk.told()) == (True, 0, {})
    ahead = NINE + 30 * HOUR
    turn = await ActivityEnvironment().run(activities.next_daily_sms, NextDailySmsInput(now=ahead))
    assert turn.day == DAY, "it is not reported yet"
    await desk.report(at=here.at)
    turn = await ActivityEnvironment().run(activities.next_daily_sms, NextDailySmsInput(now=ahead))
    assert (turn.day, turn.send_at) == (DAY + timedelta(days=1), NINE + 24 * HOUR)
    assert turn.begins_at == turn.send_at - 9 * HOUR


async def test_messages_under_way_are_asked_about_again_without_alarm(desk: Desk) -> None:
    """The server retries it later and later, by the time that went by on the server's own clock."""
    await desk.overdue_supplier("supplier-1")
    await desk.plan()
    activities = DailySmsActivities(desk.send, Here())
    for waited, wait in ((timedelta(0), 1), (timedelta(minutes=4), 4), (timedelta(minutes=100), 20)):
        with pytest.raises(ApplicationError) as raised:
            await asked_again(waited).run(activities.report_daily_sms, DailySmsInput(day=DAY, now=NINE))
        assert raised.value.next_retry_delay == timedelta(minutes=wait)
        assert raised.value.category is ApplicationErrorCategory.BENIGN
    report = await asked_again(2 * HOUR).run(activities.report_daily_sms, DailySmsInput(day=DAY, now=NINE))
    assert report == DailySmsReport(day=DAY, outcomes={"waiting": 1})


async def test_outcomes_are_counted(desk: Desk) -> None:
    """Once for each message, when the day is reported."""
    for number in range(3):
        await desk.overdue_supplier(f"supplier-{number}")
    await desk.plan()
    desk.became("delivered")
    desk.became("failed", of="supplier-1")
    before = counted("delivered"), counted("failed")
    activities = DailySmsActivities(desk.send, Here())
    report = await ActivityEnvironment().run(activities.report_daily_sms, DailySmsInput(day=DAY, now=NINE))
    assert report == DailySmsReport(day=DAY, outcomes={"delivered": 2, "failed": 1})
    assert (counted("delivered") - before[0], counted("failed") - before[1]) == (2, 1)


async def test_nothing_of_a_supplier_crosses_temporal(desk: Desk) -> None:
    """Inputs and answers hold days, instants and counts."""
    await desk.overdue_supplier("supplier-1")
    activities = DailySmsActivities(desk.send, Here())
    page = await ActivityEnvironment().run(activities.plan_daily_sms, DailySmsInput(day=DAY, now=NINE))
    assert page.model_dump() == {"done": True, "suppliers": 1, "planned": 1}
