"""What need not wake anybody is told in one mail a day: from a spec through alert dispatch to the mail that arrives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from http_receiver import running_receiver
from mail_servers import Server

from pegel.alerts.digest import Subscription
from pegel.errors import Unavailable
from pegel.judge.findings import Verdict
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.testing.samples import sample_finding, sample_heartbeat, sample_silence, sample_spec, sample_window
from pegel.testing.stream_fakes import speak
from pegel_airflow import alerting, services
from pegel_airflow.mail_sender import MailSender

ADA, BEN = "ada@example.org", "ben@example.org"
DAILY = "daily 08:00 Europe/Berlin"
# Eight o'clock in Berlin in winter.
EIGHT = datetime(2027, 1, 12, 7, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Days:
    """Models whose people want a digest, looked at at any instant."""

    def __init__(self, settings: Settings, server: Server) -> None:
        """Watch nothing yet."""
        self.settings, self.server, self.stores = settings, server, services.stores(settings)

    def watch(self, name: str = "delays", **alerts: Any) -> None:
        """Watch a model."""
        self.stores.registry.put(sample_spec(name, alerts={"emails": [ADA], "digest": DAILY, **alerts}))

    def drift(self, name: str = "delays", window: int = 0, feature: str = "amount", effect: float = 0.1) -> None:
        """Let a model drift in one window."""
        finding = sample_finding(window, feature, model=name, effect=effect)
        self.stores.results.write([sample_window(window, model=name, verdict=Verdict.DRIFT)], [finding])

    def calm(self, name: str = "delays", after: int = 1) -> None:
        """Let it be as in training for long enough."""
        self.stores.results.write([sample_window(at, model=name) for at in range(after, after + 20)])

    def look(self, at: datetime) -> None:
        """Let a pass happen at an instant."""
        with MailSender(self.settings) as sender:
            one = alerting.Pass(self.settings, sender, at)
            one.take_in()
            one.end()

    @property
    def mails(self) -> list[str]:
        """Return to whom what was mailed of models: the state of the watching itself is another matter."""
        told = [" ".join(f"{mail['To']}: {mail['Subject']}".split()) for mail in self.server.kept]
        return [line.replace("[pegel] ", "") for line in told if "not watched" not in line]

    def text(self, at: int = -1) -> str:
        """Return the plain text of a digest."""
        digests = [mail for mail in self.server.kept if "digest" in str(mail["Subject"])]
        return str(digests[at].get_content()).replace("\r\n", "\n")


@pytest.fixture
def days(settings: Settings, server: Server) -> Days:
    """Models that are watched since yesterday."""
    made = Days(settings, server)
    made.watch()
    made.look(EIGHT - 12 * HOUR)
    return made


def test_a_small_drift_is_told_in_the_digest_alone(days: Days) -> None:
    """At eight there is one mail with what opened, and no other before or after it."""
    days.drift()
    for hours in (-6, -1, -0.01):
        days.look(EIGHT + hours * HOUR)
    before = days.mails
    days.look(EIGHT)
    days.look(EIGHT + timedelta(minutes=1))
    days.look(EIGHT + 23 * HOUR)

    assert [] == before
    assert [f"{ADA}: digest: 1 opened (since 2027-01-11 07:00 UTC)"] == days.mails
    (alert,) = services.stores(days.settings).alerts.open_alerts()
    told = f"{alert.id[:8]}  info  delays/1: drift of amount, since 2026-01-01 00:00 UTC. amount shifted up by "
    assert f"\nOpened\n  {told}" in days.text()
    assert f"\nQuiet it  pegel ack {alert.id[:8]} --until 09:00 --why " in days.text()


def test_it_tells_what_grew_and_what_is_over(days: Days) -> None:
    """The second digest has what joined since the first one, the third that it is over."""
    days.drift()
    days.look(EIGHT - HOUR)
    days.look(EIGHT)
    days.drift(window=1, feature="distance")
    days.look(EIGHT + HOUR)
    days.look(EIGHT + 24 * HOUR)
    days.calm(after=2)
    days.look(EIGHT + 25 * HOUR)
    days.look(EIGHT + 48 * HOUR)

    assert ["1 opened", "1 grew", "1 over"] == [line.split(": ")[2].partition(" (")[0] for line in days.mails]
    assert "over since " in days.text()


def test_what_comes_and_goes_is_one_line(days: Days) -> None:
    """Three alerts about the same within a day are told together."""
    for at in range(3):
        days.drift(window=40 * at)
        days.look(EIGHT - (10 - 2 * at) * HOUR)
        days.calm(after=40 * at + 1)
        days.look(EIGHT - (9 - 2 * at) * HOUR)
    days.look(EIGHT)

    assert [f"{ADA}: digest: 1 over (since 2027-01-11 07:00 UTC)"] == days.mails
    assert "drift of amount, since 2026-01-01 00:00 UTC, 3 times, over since " in days.text()


def test_without_anything_to_tell_there_is_none(days: Days) -> None:
    """A calm day is no mail."""
    days.look(EIGHT)

    assert [] == days.mails


def test_what_is_worse_is_mailed_at_once_and_not_again(days: Days) -> None:
    """A usual drift does not wait for the digest, and is not in it."""
    days.drift(effect=0.4)
    days.look(EIGHT - HOUR)
    days.look(EIGHT)

    assert [f"{ADA}: delays v1: amount is drifting"] == [line.partition(" (")[0] for line in days.mails]


def test_a_digest_that_was_missed_is_sent_once_for_all_days(days: Days) -> None:
    """Three days without Airflow, or without a mail server, are one digest of three days."""
    days.drift()
    days.look(EIGHT - HOUR)
    days.server.refusing = "451 later"
    with pytest.raises(Unavailable, match="451 later"):
        days.look(EIGHT)
    days.server.refusing = None
    days.look(EIGHT + 60 * HOUR)
    days.look(EIGHT + 61 * HOUR)

    assert [f"{ADA}: digest: 1 opened (since 2027-01-11 07:00 UTC)"] == days.mails


def test_one_that_is_sent_again_is_the_same_message(days: Days) -> None:
    """Accepted, then not recorded: the next pass sends it under the same id."""
    days.drift()
    days.look(EIGHT - HOUR)
    days.look(EIGHT)
    days.stores.digests.told(Subscription(ADA, DAILY), EIGHT - 24 * HOUR)
    days.look(EIGHT + timedelta(minutes=1))

    names = {mail["Message-ID"] for mail in days.server.kept if "digest" in mail["Subject"]}

    assert (2, 1) == (len(days.mails), len(names))


@pytest.mark.parametrize(
    ("before", "eight"),
    [
        # The night in which clocks are put forward, and that in which they are put back.
        (datetime(2027, 3, 27, 7, 0, tzinfo=UTC), datetime(2027, 3, 28, 6, 0, tzinfo=UTC)),
        (datetime(2027, 10, 30, 6, 0, tzinfo=UTC), datetime(2027, 10, 31, 7, 0, tzinfo=UTC)),
    ],
)
def test_eight_is_eight_by_the_clocks_there(
    settings: Settings, server: Server, before: datetime, eight: datetime
) -> None:
    """23 or 25 hours after the one before it, and not a minute earlier."""
    days = Days(settings, server)
    days.watch()
    days.look(before)
    days.drift()
    days.look(before + HOUR)
    days.look(eight - timedelta(minutes=1))
    early = days.mails
    days.look(eight)

    assert ([], 1) == (early, len(days.mails))


def test_a_time_that_is_skipped_or_comes_twice_has_one_digest(settings: Settings, server: Server) -> None:
    """At half past two: once in the night without that time, once in the night that has it twice."""
    days = Days(settings, server)
    days.watch(digest="daily 02:30 Europe/Berlin")
    days.look(datetime(2027, 3, 27, 12, tzinfo=UTC))
    days.drift()
    for minutes in range(0, 16 * 60, 20):
        days.look(datetime(2027, 3, 27, 13, tzinfo=UTC) + timedelta(minutes=minutes))
    spring = len(days.mails)
    days.look(datetime(2027, 10, 30, 12, tzinfo=UTC))
    days.drift(window=1, feature="distance")
    for minutes in range(0, 16 * 60, 20):
        days.look(datetime(2027, 10, 30, 13, tzinfo=UTC) + timedelta(minutes=minutes))

    assert (1, 2) == (spring, len(days.mails))


def test_a_silence_holds_back_a_digest(days: Days) -> None:
    """What is silenced as a whole is not told."""
    days.drift()
    days.look(EIGHT - HOUR)
    days.stores.silences.say(sample_silence(EIGHT + HOUR))
    days.look(EIGHT)

    assert [] == days.mails


def test_a_route_sends_to_a_digest(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the severity is; a chat has its digest, too, and others are told at once."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    routes = [{"kind": "drift", "digest": True, "to": ["slack:chat", BEN], "continue": True}]
    days.watch("fraud", digest=None, routes=routes)
    days.settings = days.settings.model_copy(update={"digest": DAILY})
    days.settings = days.settings.model_copy(update={"digest": DAILY})
    with running_receiver() as receiver:
        monkeypatch.setenv("AIRFLOW_CONN_PEGEL_CHAT", receiver.connection("/chat"))
        days.look(EIGHT - 2 * HOUR)
        days.drift("fraud", effect=0.4)
        days.look(EIGHT - HOUR)
        days.look(EIGHT)
        (said,) = receiver.kept("/chat")

    assert said["text"].startswith("digest: 1 opened (since ")
    assert [f"{ADA}: fraud v1: amount is drifting", f"{BEN}: digest: 1 opened"] == [
        line.partition(" (")[0] for line in days.mails
    ]


def test_what_came_and_went_of_the_watching_is_in_it(days: Days) -> None:
    """A driver that was silent for an hour since the last digest is told once, with when it was so."""
    days.watch(routes=[{"kind": "not watched", "digest": True, "to": BEN}])
    days.look(EIGHT - 5 * HOUR)
    days.look(EIGHT - 4 * HOUR)
    speak(connect(days.settings.database), sample_heartbeat(EIGHT - 3 * HOUR))
    days.look(EIGHT - 3 * HOUR)
    speak(connect(days.settings.database), sample_heartbeat(EIGHT))
    days.look(EIGHT)
    speak(connect(days.settings.database), sample_heartbeat(EIGHT + 24 * HOUR))
    days.look(EIGHT + 24 * HOUR)

    assert [f"{BEN}: digest: 1 thing right again"] == [line.partition(" (")[0] for line in days.mails]
    assert "delays/1: not watched from " in days.text()


def test_what_is_wrong_with_the_watching_is_in_it(days: Days) -> None:
    """Where a route sends it there, and as long as it lasts."""
    days.watch(routes=[{"kind": "not watched", "digest": True, "to": BEN}])
    days.look(EIGHT - 2 * HOUR)
    days.look(EIGHT)

    assert [f"{BEN}: digest: 1 thing wrong with the watching"] == [line.partition(" (")[0] for line in days.mails]
    assert "delays/1: not watched since " in days.text()


def test_what_has_just_begun_of_the_watching_is_not_in_it(days: Days) -> None:
    """A driver that fell silent a minute before eight is told by the next digest, if it lasts until then."""
    days.watch(routes=[{"kind": "not watched", "digest": True, "to": BEN}])
    speak(connect(days.settings.database), sample_heartbeat(EIGHT - timedelta(minutes=3)))
    days.look(EIGHT - timedelta(minutes=3))
    days.look(EIGHT - timedelta(minutes=1))
    days.look(EIGHT)
    days.look(EIGHT + 24 * HOUR)

    # Nobody had watched since the day before.
    assert [f"{BEN}: digest: 1 thing right again", f"{BEN}: digest: 1 thing wrong with the watching"] == [
        line.partition(" (")[0] for line in days.mails
    ]


def test_a_clock_that_was_a_year_ahead_ends_no_digests(days: Days) -> None:
    """A pass of next year, and the clock is set right: from the next digest on all is told as ever, once."""
    days.look(EIGHT + timedelta(days=365))
    days.look(EIGHT - HOUR)
    days.drift()
    days.look(EIGHT - 0.5 * HOUR)
    days.look(EIGHT)
    days.look(EIGHT + HOUR)

    assert [f"{ADA}: digest: 1 opened (since 2027-01-11 07:00 UTC)"] == days.mails
