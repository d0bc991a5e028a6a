"""From findings to mails, without a database: each test is a short history of one model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pegel.alerts.alert import Alert, Change, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.due_mail import who_has
from pegel.alerts.magnitude import Magnitude
from pegel.alerts.silencing import Silence
from pegel.alerts.update import update
from pegel.judge.findings import Finding, Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_finding, sample_silence, sample_spec, sample_window

MINUTE = timedelta(minutes=1)


class History:
    """Feeds one pass a minute; minute k's window is judged in pass k + 1. Remembers the mails."""

    def __init__(self, spec: MonitorSpec | None = None) -> None:
        """Watch `spec`; repeat after an hour, by default."""
        self.specs = [spec or sample_spec()]
        self.alerts: dict[str, Alert] = {}
        self.windows: list[WindowRow] = []
        self.silences: list[Silence] = []
        self.mails: list[tuple[int, MailKind]] = []
        self.minute = 0
        self.place = 0
        self.ahead = timedelta(0)

    @property
    def now(self) -> datetime:
        """Return the present instant, as a clock shows it that may be ahead."""
        return START + self.minute * MINUTE + self.ahead

    def live(self, *features: str, verdict: Verdict = Verdict.OK, times: int = 1) -> list[Change]:
        """Let `times` windows pass, each with findings in `features`; return the last pass's changes."""
        changes: list[Change] = []
        for _ in range(times):
            found = [sample_finding(self.minute, feature) for feature in features]
            row = sample_window(self.minute, verdict=Verdict.DRIFT if features else verdict)
            changes = self.take_in(found, [row])
        return changes

    def take_in(self, findings: Sequence[Finding], windows: Sequence[WindowRow] = ()) -> list[Change]:
        """Do one pass over what is given."""
        self.minute += 1
        self.windows += windows
        numbered = [(self.place + i, finding) for i, finding in enumerate(findings, start=1)]
        self.place += len(numbered)
        changes = update(self.alerts.values(), numbered, self.windows, self.now, self.specs, silences=self.silences)
        for change in changes:
            if change.alert is not None:
                self.alerts[change.alert.id] = change.alert
            if change.mail is not None:
                self.mails.append((self.minute, change.mail.kind))
        return changes


def test_a_window_without_findings_changes_nothing() -> None:
    """Clean windows open no alert."""
    assert [] == History().live(times=20)


def test_one_alert_groups_all_features() -> None:
    """Features that drift together are one alert and one mail; its id is the first finding's."""
    history = History()
    (change,) = history.live("departure_delay", "distance", "airline")

    assert change.alert is not None
    assert ("departure_delay", "distance", "airline") == change.alert.names
    assert sample_finding(0).id == change.alert.id
    assert [(1, MailKind.OPENED)] == history.mails


def test_drift_that_goes_on_says_nothing_new() -> None:
    """A feature that keeps drifting is mailed once an hour, not once a window."""
    history = History()
    history.live("distance", times=125)

    assert [(1, MailKind.OPENED), (61, MailKind.REPEATED), (121, MailKind.REPEATED)] == history.mails


def test_a_further_feature_is_told_once_the_hour_has_passed() -> None:
    """What joins an alert is told by one mail an hour after the last one, and the hour begins again."""
    history = History()
    history.live("distance", times=30)
    history.live("distance", "airline", times=30)
    (change,) = history.live("distance", "airline")
    history.live("airline", times=60)

    assert change.mail is not None
    assert ("airline",) == change.mail.new_features
    assert [(1, MailKind.OPENED), (61, MailKind.GROWN), (121, MailKind.REPEATED)] == history.mails


def test_what_joined_and_is_calm_again_is_told_with_the_repetition() -> None:
    """It is in the next mail, which says that the rest goes on: it is no news that wakes anybody."""
    history = History()
    history.live("distance")
    history.live("distance", "airline")
    history.live("distance", times=58)
    (change,) = history.live("distance")

    assert change.mail is not None
    assert (MailKind.REPEATED, ("airline",)) == (change.mail.kind, change.mail.new_features)
    assert [(1, MailKind.OPENED), (61, MailKind.REPEATED)] == history.mails


def larger(history: History, *effects: float, unit: str = "sigma") -> list[Change]:
    """Let a window pass for each of these effects of one feature; return the last pass's changes."""
    changes: list[Change] = []
    for effect in effects:
        finding = sample_finding(history.minute, "distance", effect=effect, effect_unit=unit)
        changes = history.take_in([finding], [sample_window(history.minute, verdict=Verdict.DRIFT)])
    return changes


@pytest.mark.parametrize(
    ("last", "kind"), [(0.59, MailKind.REPEATED), (-0.61, MailKind.GROWN), (0.3, MailKind.REPEATED)]
)
def test_a_change_that_doubles_is_news_after_an_hour(last: float, kind: MailKind) -> None:
    """What is twice as large as the last mail told it is mailed as grown, once; less is not, nor is a return."""
    history = History()
    larger(history, 0.3, *[0.4, 0.7] * 29, 0.01)
    (change,) = larger(history, last)

    assert change.mail is not None
    assert ([("distance")] if kind is MailKind.GROWN else []) == list(change.mail.grown)
    assert [(1, MailKind.OPENED), (61, kind)] == history.mails


def test_what_becomes_more_severe_is_told_at_once_each_time_worse() -> None:
    """A small drift that becomes one to look at, and one to see at once, is three mails; swaying back, none."""
    history = History()
    larger(history, 0.1, 0.19, 0.21, 0.1, 0.3, 0.81, 0.2, 1.7, 3.5)

    assert [(1, MailKind.OPENED), (3, MailKind.GROWN), (6, MailKind.GROWN)] == history.mails


def test_a_mail_that_is_dated_ahead_holds_back_nothing() -> None:
    """A clock that was a year ahead for one pass keeps nobody from being told what goes on."""
    history = History()
    (change,) = history.live("distance")
    assert change.alert is not None
    ahead = replace(change.alert, mailed_at=START + timedelta(days=365))
    history.alerts[ahead.id] = ahead
    history.live("distance")

    assert [(1, MailKind.OPENED), (2, MailKind.REPEATED)] == history.mails


def test_sizes_of_other_units_are_not_compared() -> None:
    """A shift in sigma that becomes a wider spread has not grown, whatever the numbers are."""
    history = History()
    larger(history, 0.25)
    larger(history, *[1.9] * 60, unit="sd ratio")

    assert [(1, MailKind.OPENED), (61, MailKind.REPEATED)] == history.mails


def odd(history: History, *, share: float = 0.5) -> list[Change]:
    """Let one window pass in which so many of a hundred answers are missing, and nothing else is odd."""
    tests = {"unanswered": {"seen": 100 * share, "n": 100, "tolerated": 0.01}}
    finding = sample_finding(
        history.minute, "missing answers", detector="events", test="unanswered", effect=share, evidence={"tests": tests}
    )
    judgement = {"features": [{"feature": "distance", "verdict": "ok"}]}
    row = sample_window(history.minute, verdict=Verdict.DRIFT, judgement=judgement)
    return history.take_in([finding], [row])


def test_events_and_drift_are_alerts_of_their_own() -> None:
    """Each kind has its own mail, beginning and end; a drift that comes later does not begin with the missing answers.

    Windows in which only events are odd are clean windows of the drift.
    """
    history = History()
    odd(history)
    history.live("distance")
    for _ in range(16):
        odd(history)
    kinds = {alert.kind: (alert.since - START, alert.over_at) for alert in history.alerts.values()}

    assert [(1, MailKind.OPENED), (2, MailKind.OPENED), (18, MailKind.OVER)] == history.mails
    assert {AlertKind.EVENTS: (0 * MINUTE, None), AlertKind.DRIFT: (MINUTE, history.now)} == kinds


def test_failures_that_grow_are_news() -> None:
    """Answers of which 3.3 % are missing, then 19 %, are two mails; the second says how many there were before.

    It comes after an hour, or as soon as half of them are.
    """
    history = History()
    odd(history, share=0.033)
    for _ in range(60):
        (change,) = odd(history, share=0.19)
    odd(history, share=0.51)

    assert [(1, MailKind.OPENED), (61, MailKind.GROWN), (62, MailKind.GROWN)] == history.mails
    assert change.mail is not None
    assert {"missing answers": Magnitude("share of events", 0.033)} == change.mail.grown


def test_a_feature_that_comes_back_is_not_news() -> None:
    """A known feature that pauses and drifts again within the alert is not mailed before the hour."""
    history = History()
    history.live("distance", "airline")
    history.live("distance", times=10)
    history.live("airline")

    assert [(1, MailKind.OPENED)] == history.mails


def test_sixteen_clean_windows_end_an_alert() -> None:
    """The alert is over, with one mail, after sixteen judged windows without a finding."""
    history = History()
    history.live("distance", times=3)
    history.live(times=15)
    before = list(history.mails)
    (change,) = history.live()

    assert [(1, MailKind.OPENED)] == before
    assert [(1, MailKind.OPENED), (19, MailKind.OVER)] == history.mails
    assert change.alert is not None
    assert history.now == change.alert.over_at


def drifting(history: History, *, times: int) -> None:
    """Let windows pass that a chart calls drifting, without findings of their own."""
    for _ in range(times):
        history.take_in([], [sample_window(history.minute, verdict=Verdict.DRIFTING)])


def slow(history: History) -> None:
    """Let one window pass with which a chart alarms."""
    finding = sample_finding(history.minute, "distance", detector="cusum", verdict=Verdict.DRIFTING)
    history.take_in([finding], [sample_window(history.minute, verdict=Verdict.DRIFTING)])


def test_a_chart_opens_an_alert() -> None:
    """A finding of a chart is told like any other."""
    history = History()
    slow(history)

    assert [(1, MailKind.OPENED)] == history.mails


def test_an_alert_lasts_until_its_chart_recovers() -> None:
    """However many windows without a finding pass, the alert is not over while the last one is drifting."""
    history = History()
    slow(history)
    drifting(history, times=50)
    before = list(history.mails)
    history.live()

    assert [(1, MailKind.OPENED)] == before
    assert [(1, MailKind.OPENED), (52, MailKind.OVER)] == history.mails


def test_a_chart_that_recovers_early_waits_for_clean_windows() -> None:
    """Drifting windows count as windows without a finding once the chart has recovered: sixteen in all are needed."""
    history = History()
    slow(history)
    drifting(history, times=5)
    history.live(times=10)
    before = list(history.mails)
    history.live()

    assert [(1, MailKind.OPENED)] == before
    assert [(1, MailKind.OPENED), (17, MailKind.OVER)] == history.mails


def test_a_chart_that_drifts_again_keeps_the_alert_open() -> None:
    """An alarm within the alert is nothing new, but the clean windows begin again."""
    history = History()
    slow(history)
    history.live(times=10)
    slow(history)
    history.live(times=15)
    before = list(history.mails)
    history.live()

    assert [(1, MailKind.OPENED)] == before
    assert [(1, MailKind.OPENED), (28, MailKind.OVER)] == history.mails


def test_windows_that_were_not_judged_prove_nothing() -> None:
    """Windows with too few rows or none neither end an alert nor prolong it."""
    history = History()
    history.live("distance")
    history.live(times=10)
    history.live(verdict=Verdict.INSUFFICIENT, times=30)
    history.live(times=6)

    assert [(1, MailKind.OPENED), (47, MailKind.OVER)] == history.mails


def test_quiet_drift_is_not_repeated() -> None:
    """Without findings since the last mail there is no repetition, however long it has been."""
    history = History()
    history.live("distance")
    history.live(verdict=Verdict.NO_DATA, times=200)

    assert [(1, MailKind.OPENED)] == history.mails


def test_an_acknowledged_alert_is_quiet_but_kept() -> None:
    """Before `until` what was acknowledged is not repeated while state goes on; afterwards it is."""
    history = History()
    (change,) = history.live("distance")
    assert change.alert is not None
    history.alerts[change.alert.id] = acknowledged(change.alert, history.now + 90 * MINUTE)
    history.live("distance", times=95)

    assert 96 == history.alerts[change.alert.id].features[0].windows
    assert [(1, MailKind.OPENED), (91, MailKind.REPEATED)] == history.mails


def test_an_acknowledged_alert_that_grows_is_news() -> None:
    """An acknowledgement covers what was acknowledged: a further feature is mailed after an hour, and alone."""
    history = History()
    (change,) = history.live("distance")
    assert change.alert is not None
    history.alerts[change.alert.id] = acknowledged(change.alert, history.now + 90 * MINUTE)
    history.live("distance", times=5)
    (grown,) = history.live("distance", "airline", times=55)
    history.live("distance", "airline", times=20)

    assert grown.mail is not None
    assert ("airline",) == grown.mail.new_features
    assert [(1, MailKind.OPENED), (61, MailKind.GROWN)] == history.mails


def test_an_acknowledged_alert_ends_unheard() -> None:
    """The end of a drift that somebody acknowledged is not mailed while the acknowledgement lasts."""
    history = History()
    (change,) = history.live("distance")
    assert change.alert is not None
    history.alerts[change.alert.id] = acknowledged(change.alert, history.now + 90 * MINUTE)
    history.live(times=16)

    assert [(1, MailKind.OPENED)] == history.mails
    assert history.now == history.alerts[change.alert.id].over_at


def test_who_has_a_mail_is_not_sent_it_again() -> None:
    """A mail that some of its recipients could not get yet goes to those alone; what is new by then is told to all."""
    spec = sample_spec(alerts={"emails": ["ada@example.org", "grace@example.org"]})
    history = History(spec)
    (change,) = history.live("distance")
    assert change.unmailed is not None
    partly = replace(change.unmailed, told=("ada@example.org",), told_magnitudes=change.unmailed.magnitudes)
    history.alerts[partly.id] = partly
    (rest,) = history.live("distance", "airline")
    (news,) = history.live("distance", "airline", times=60)

    assert rest.mail is not None
    assert (MailKind.OPENED, ("grace@example.org",)) == (rest.mail.kind, rest.mail.recipients)
    assert news.mail is not None
    assert (MailKind.GROWN, ("airline",)) == (news.mail.kind, news.mail.new_features)
    assert spec.alerts.emails == news.mail.recipients


def test_who_has_a_repetition_is_told_the_end_all_the_same() -> None:
    """That it goes on and that it is over are two mails: what reached one of two before the end is not the end."""
    spec = sample_spec(alerts={"emails": ["ada@example.org", "grace@example.org"]})
    history = History(spec)
    history.live("distance")
    (change,) = history.live("distance", times=60)
    kinds = []
    while change.mail is not None and change.unmailed is not None and change.mail.kind is not MailKind.OVER:
        kinds.append((change.mail.kind, change.mail.recipients))
        # The other one's address is left alone for a while.
        partly = replace(change.unmailed, told=("ada@example.org",), told_magnitudes=change.unmailed.magnitudes)
        history.alerts[partly.id] = partly
        (change,) = history.live()
    assert change.mail is not None
    assert change.unmailed is not None
    half = replace(change.unmailed, told=("grace@example.org",), told_over=True)

    assert (MailKind.REPEATED, spec.alerts.emails) == kinds[0]
    assert {(MailKind.REPEATED, ("grace@example.org",))} == set(kinds[1:])
    assert (MailKind.OVER, spec.alerts.emails) == (change.mail.kind, change.mail.recipients)
    assert (("grace@example.org",), ()) == (who_has(half, MailKind.OVER), who_has(half, MailKind.REPEATED))


def test_silence_holds_mails_back_not_alerts() -> None:
    """An alert that begins in silence is told when the silence ends, if it still drifts."""
    history = History()
    history.silences = [sample_silence(START + 10 * MINUTE)]
    history.live("distance", times=12)

    assert [(10, MailKind.OPENED)] == history.mails


def test_an_alert_that_nobody_heard_of_ends_unheard() -> None:
    """When a silence outlasts the drift, nothing is mailed at all."""
    history = History()
    history.silences = [sample_silence(START + 60 * MINUTE)]
    history.live("distance")
    history.live(times=100)

    assert [] == history.mails


def test_a_removed_monitor_ends_its_alert_without_a_mail() -> None:
    """An alert of a model that is no longer watched is closed silently."""
    history = History()
    history.live("distance")
    history.specs = []
    (change,) = history.live()

    assert change.alert is not None
    assert history.now == change.alert.over_at
    assert [(1, MailKind.OPENED)] == history.mails


def test_a_span_judged_again_later_is_not_news() -> None:
    """Findings of a batch run about spans and features that an earlier alert told open no new one."""
    history = History()
    history.live("distance", times=2)
    history.live(times=16)
    changes = history.take_in([sample_finding(1, "distance", revision=1_000)])

    assert [None] == [change.alert for change in changes]
    assert [(1, MailKind.OPENED), (18, MailKind.OVER)] == history.mails


def test_a_late_dispatcher_tells_the_beginning_before_the_end() -> None:
    """After an outage the alert is first told, and its end with the next pass."""
    history = History()
    rows = [sample_window(minute) for minute in range(1, 20)]
    history.take_in([sample_finding(0, "distance")], rows)
    history.take_in([])

    assert [(1, MailKind.OPENED), (2, MailKind.OVER)] == history.mails


def test_models_do_not_mix() -> None:
    """Each model version has its own alert, its own windows and its own end."""
    specs = [sample_spec(), sample_spec(version=2)]
    findings = [(1, sample_finding(0)), (2, sample_finding(0, version=2))]
    windows = [sample_window(minute, version=2) for minute in range(1, 30)]
    first = update([], findings, windows, START, specs)
    known = [change.alert for change in first if change.alert is not None]
    second = update(known, [], windows, START + MINUTE, specs)

    assert [("delays/1", 1), ("delays/2", 2)] == [(change.key, change.cursor) for change in first]
    assert [("delays/2", MailKind.OVER)] == [(change.key, change.mail and change.mail.kind) for change in second]


def test_without_recipients_there_is_an_alert_and_no_mail() -> None:
    """A spec without e-mail addresses keeps alerts for the page."""
    history = History(sample_spec(alerts={"emails": []}))
    history.live("distance")

    assert [] == history.mails
    assert 1 == len(history.alerts)


def acknowledged(alert: Alert, until: datetime) -> Alert:
    """Return the alert as a person acknowledged it."""
    return replace(alert, acknowledged_until=until, acknowledged_why="known", acknowledged_features=alert.names)


def test_what_comes_and_goes_is_one_mail_in_an_hour() -> None:
    """A feature that drifts for a window, is calm for twenty, and drifts again: told, over, then once an hour."""
    history = History()
    for _ in range(6):
        history.live("distance")
        history.live(times=20)

    assert [(1, MailKind.OPENED), (17, MailKind.OVER), (77, MailKind.REPEATED), (80, MailKind.OVER)] == history.mails


def test_what_came_back_and_stays_is_told_again_after_an_hour() -> None:
    """It counts as told by the mail before its pause; from then on it is as if it had not paused."""
    history = History()
    history.live("distance")
    history.live(times=20)
    history.live("distance", times=60)

    assert [(1, MailKind.OPENED), (17, MailKind.OVER), (77, MailKind.REPEATED)] == history.mails


def test_what_came_back_worse_is_news() -> None:
    """A further feature is told once the hour has passed; what is more severe at once, as ever."""
    other, worse = History(), History()
    for history in (other, worse):
        history.live("distance")
        history.live(times=20)
    other.live("distance", "airline", times=56)
    larger(worse, 2.0)

    assert [(1, MailKind.OPENED), (17, MailKind.OVER), (77, MailKind.GROWN)] == other.mails
    assert [(1, MailKind.OPENED), (17, MailKind.OVER), (22, MailKind.OPENED)] == worse.mails


@pytest.mark.parametrize(
    ("ahead", "then"), [((0, 1), (2, MailKind.REPEATED)), ((1, 17), (18, MailKind.OPENED))], ids=["opened", "over"]
)
def test_a_clock_that_was_ahead_mutes_nobody(ahead: tuple[int, int], then: tuple[int, MailKind]) -> None:
    """A mail that is dated days ahead, of an opening or an end, holds back none after the clock is set right."""
    history, (begin, end) = History(), ahead
    for minute in range(end):
        history.ahead = timedelta(days=3) if minute >= begin else timedelta(0)
        history.live(*(("departure_delay",) if not minute else ()))
    history.ahead = timedelta(0)
    history.live("departure_delay", times=2)

    assert then == history.mails[-1]


def test_missing_answers_that_come_back_are_news_each_time() -> None:
    """An outage that ended and comes again is another one."""
    history = History()
    for _ in range(2):
        odd(history)
        history.live(times=20)

    assert [MailKind.OPENED, MailKind.OVER] * 2 == [kind for _, kind in history.mails]


def test_what_does_not_last_is_not_mailed() -> None:
    """With `mail_after`, what is over before is an alert that nobody is mailed of; what lasts is told once it has."""
    spec = sample_spec(alerts={"emails": ["on-call@example.org"], "mail_after": "3m"})
    flapping, lasting = History(spec), History(spec)
    for _ in range(3):
        flapping.live("distance", times=2)
        flapping.live(times=20)
    lasting.live("distance", times=5)

    assert [] == flapping.mails
    assert [True] * 3 == [alert.over_at is not None for alert in flapping.alerts.values()]
    assert [(3, MailKind.OPENED)] == lasting.mails


def test_crowds_of_rows_are_mailed_at_once_whatever_has_to_last() -> None:
    """Whoever asks in crowds is done before a feature has drifted for long: that is told when it is found, once."""
    history = History(sample_spec(alerts={"emails": ["on-call@example.org"], "mail_after": "3m"}))
    for _ in range(2):
        crowd = sample_finding(history.minute, "probing", detector="probing", test="crowd")
        history.take_in([crowd], [sample_window(history.minute, verdict=Verdict.PROBING)])

    assert [(1, MailKind.OPENED)] == history.mails


def test_missing_answers_are_mailed_at_once_whatever_has_to_last() -> None:
    """An outage waits for nothing."""
    history = History(sample_spec(alerts={"emails": ["on-call@example.org"], "mail_after": "3m"}))
    odd(history)

    assert [(1, MailKind.OPENED)] == history.mails
