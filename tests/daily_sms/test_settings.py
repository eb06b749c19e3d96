"""The hours of the daily SMS as settings: the defaults are the rule's, and nonsense stops the process."""

from __future__ import annotations

import pytest

from mallcare.bootstrap import daily_times_of
from mallcare.domain.daily_sms import DailyTimes
from mallcare.settings import NotConfigured, Settings

pytestmark = pytest.mark.rule("T4")


def test_the_settings_say_the_same_as_the_domain() -> None:
    """Nine in the morning in Shanghai, caught up until eight in the evening."""
    assert daily_times_of(Settings.model_validate({})) == DailyTimes(9, 20, "Asia/Shanghai")


def test_each_of_them_can_be_set() -> None:
    """For a deployment with another morning."""
    given = {"daily_sms_hour": 7, "daily_sms_latest_hour": 12, "daily_sms_zone": "Asia/Urumqi"}
    assert daily_times_of(Settings.model_validate(given)) == DailyTimes(7, 12, "Asia/Urumqi")


@pytest.mark.parametrize("given", [{"daily_sms_hour": 20}, {"daily_sms_zone": "Asia/Nowhere"}])
def test_hours_that_make_no_sense_stop_the_process(given: dict[str, object]) -> None:
    """Naming what to set."""
    with pytest.raises(NotConfigured, match="MALLCARE_DAILY_SMS_"):
        daily_times_of(Settings.model_validate(given))
