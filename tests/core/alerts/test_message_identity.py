"""By what mail programs know a message: the same when it is sent again, and one thread for one alert."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pegel.alerts.alert import Alert
from pegel.alerts.health import HealthAlert
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.message_identity import MailIdentity, message_id, thread_id
from pegel.alerts.update import update
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_spec

ADA, BEN = "ada@example.org", "ben@example.org"


@pytest.fixture
def alert() -> Alert:
    """An alert that nobody was told of."""
    (change,) = update([], [(1, sample_finding())], [], START, [sample_spec()])
    assert change.unmailed is not None
    return change.unmailed


def unwatched(hours: int) -> HealthAlert:
    """Return that nobody watches a group since so many hours."""
    since = START + hours * timedelta(hours=1)
    kind = HealthKind.NOT_WATCHED
    return HealthAlert(kind=kind, about="default", group="default", models=("delays/1",), since=since, reason="silent")


def test_a_mail_that_is_sent_again_has_the_same_id(alert: Alert) -> None:
    """What was found between the two tries does not change it: nobody knows whether the first one came."""
    grown = replace(alert, last_end=alert.last_end + timedelta(minutes=1))
    ids = {message_id([MailIdentity.of_alert(one)], ADA) for one in (alert, grown)}
    over = message_id([MailIdentity.of_alert(alert, is_over=True)], ADA)

    assert 1 == len(ids)
    assert over not in ids


def test_the_next_mail_about_an_alert_is_another_one_of_the_same_thread(alert: Alert) -> None:
    """It has an id of its own, and refers to what the first one referred to."""
    later = replace(alert, mailed_at=START)
    first, second = ([MailIdentity.of_alert(one)] for one in (alert, later))

    assert message_id(first, ADA) != message_id(second, ADA)
    assert thread_id(first, ADA) == thread_id(second, ADA)


def test_each_address_has_messages_of_its_own(alert: Alert) -> None:
    """Two addresses of one person are two messages and two threads: neither mail box drops one for the other."""
    mails = [MailIdentity.of_alert(alert)]

    assert message_id(mails, ADA) != message_id(mails, BEN)
    assert thread_id(mails, ADA) != thread_id(mails, BEN)


def test_one_message_about_several_is_of_no_thread(alert: Alert) -> None:
    """In whatever order it tells them it is the same message."""
    both = [MailIdentity.of_alert(alert), MailIdentity.of_health(unwatched(0))]

    assert None is thread_id(both, ADA)
    assert message_id(both, ADA) == message_id(both[::-1], ADA)


def test_a_group_that_is_watched_again_and_lost_again_begins_a_thread() -> None:
    """What is not watched since another instant is another trouble."""
    threads = {thread_id([MailIdentity.of_health(unwatched(hours))], ADA) for hours in range(2)}

    assert 2 == len(threads)


def test_an_id_is_one_header_line(alert: Alert) -> None:
    """Whatever an address is, the id is of letters and digits."""
    odd = message_id([MailIdentity.of_alert(alert)], "a\r\nBcc: b@c.org")

    assert odd.removeprefix("<").removesuffix("@pegel.invalid>").isalnum()
