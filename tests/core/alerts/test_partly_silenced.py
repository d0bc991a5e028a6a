"""Alerts of which a part is silenced: the rest is told, the part is told when its silence ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from pegel.alerts.alert import Alert, Change, Mail, MailKind
from pegel.alerts.maintenance import Maintenance
from pegel.alerts.silencing import Silence, SilenceState
from pegel.alerts.update import update
from pegel.data.spans import Span
from pegel.judge.findings import Finding, Verdict
from pegel.stream.result_rows import WindowRow
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_finding, sample_silence, sample_spec, sample_window


class Dispatcher:
    """One pass a minute over a model whose mails may be silenced; keeps what is mailed."""

    def __init__(self, *silences: Silence) -> None:
        """Begin with these silences."""
        self.silences: Sequence[Silence] = silences
        self.alerts: dict[str, Alert] = {}
        self.windows: list[WindowRow] = []
        self.mails: list[tuple[int, Mail]] = []
        self.minute = 0
        self.place = 0

    @property
    def now(self) -> datetime:
        """Return the present instant."""
        return START + self.minute * MINUTE

    def live(self, *features: str, times: int = 1) -> list[Change]:
        """Let windows pass with findings in these features; return the last pass's changes."""
        changes: list[Change] = []
        for _ in range(times):
            found = [sample_finding(self.minute, feature) for feature in features]
            self.windows.append(sample_window(self.minute, verdict=Verdict.DRIFT if features else Verdict.OK))
            changes = self.take_in(found)
        return changes

    def take_in(self, found: Sequence[Finding]) -> list[Change]:
        """Do one pass."""
        self.minute += 1
        numbered = [(self.place + number, finding) for number, finding in enumerate(found, start=1)]
        self.place += len(numbered)
        changes = update(
            self.alerts.values(), numbered, self.windows, self.now, [sample_spec()], silences=self.silences
        )
        self.alerts |= {change.alert.id: change.alert for change in changes if change.alert is not None}
        self.mails += [(self.minute, change.mail) for change in changes if change.mail is not None]
        return changes

    @property
    def told(self) -> list[tuple[int, MailKind, tuple[str, ...]]]:
        """Return when which mail told of which features."""
        return [(minute, mail.kind, mail.alert.names) for minute, mail in self.mails]

    @property
    def alert(self) -> Alert:
        """Return the only alert."""
        (alert,) = self.alerts.values()
        return alert


def of(feature: str, minutes: int = 60, number: int = 1) -> Silence:
    """Return a silence about one feature of any model."""
    return sample_silence(START + minutes * MINUTE, model="*", feature=feature, id=number)


def test_the_rest_is_told_and_the_silenced_part_after_its_silence() -> None:
    """One feature of two is silenced: the mail tells the other alone, and at the silence's end the first is news."""
    dispatcher = Dispatcher(of("distance", 70))
    dispatcher.live("distance", "airline")
    dispatcher.live("distance", times=71)

    assert [
        (1, MailKind.OPENED, ("airline",)),
        (70, MailKind.GROWN, ("distance", "airline")),
    ] == dispatcher.told
    assert ("distance",) == dispatcher.mails[1][1].new_features


def test_what_is_held_back_is_known_with_the_silence_that_does() -> None:
    """The alert says which mail would be due and by whose silences it is not sent; afterwards it says so no more."""
    dispatcher = Dispatcher(of("distance", 70, number=3), of("*", 5, number=4))
    dispatcher.live("distance")
    whole = dispatcher.alert
    dispatcher.live("distance", "airline", times=4)
    dispatcher.live("distance", times=62)
    part = dispatcher.alert
    dispatcher.live("distance", "airline", times=5)

    assert ("opened", (3, 4)) == (whole.held_back, whole.held_by)
    assert ("grown", (3,)) == (part.held_back, part.held_by)
    assert ("", ()) == (dispatcher.alert.held_back, dispatcher.alert.held_by)


def test_an_alert_that_is_wholly_silenced_changes_once() -> None:
    """As long as nothing new comes, a pass over a silenced alert has nothing to save."""
    dispatcher = Dispatcher(of("*"))
    dispatcher.live("distance")

    assert [] == dispatcher.live()
    assert [] == dispatcher.told


def test_what_was_told_before_a_silence_is_not_news_after_it() -> None:
    """A feature that was mailed, then silenced for a while, is not told again as new."""
    dispatcher = Dispatcher()
    dispatcher.live("distance", "airline")
    dispatcher.silences = [of("distance", 70)]
    dispatcher.live("distance", "airline", "origin", times=75)

    assert [
        (1, MailKind.OPENED, ("distance", "airline")),
        (61, MailKind.GROWN, ("airline", "origin")),
    ] == dispatcher.told
    assert {"distance", "airline", "origin"} == set(dispatcher.alert.mailed_magnitudes)


def test_a_repetition_tells_the_rest_alone() -> None:
    """After an hour the mail that repeats has what is not silenced, since when that is found."""
    dispatcher = Dispatcher(of("distance", 600))
    dispatcher.live("distance")
    dispatcher.live("distance", "airline", times=61)
    (_, opened), (at, repeated) = dispatcher.mails

    assert (MailKind.OPENED, START + MINUTE) == (opened.kind, opened.alert.since)
    assert (62, MailKind.REPEATED, ("airline",)) == (at, repeated.kind, repeated.alert.names)
    assert START == dispatcher.alert.since


def test_an_alert_ends_for_both_parts_at_once() -> None:
    """The end tells the rest, and closes the alert with what was silenced: that is over, too."""
    dispatcher = Dispatcher(of("distance", 600))
    dispatcher.live("distance", "airline")
    dispatcher.live(times=17)

    assert [
        (1, MailKind.OPENED, ("airline",)),
        (17, MailKind.OVER, ("airline",)),
    ] == dispatcher.told
    assert dispatcher.alert.over_at == START + 17 * MINUTE
    assert ("distance", "airline") == dispatcher.alert.names


def test_a_mail_that_fails_loses_no_silenced_feature() -> None:
    """As long as nobody has the mail about the rest, the alert is as it was, with both features."""
    dispatcher = Dispatcher(of("distance"))
    (change,) = dispatcher.live("distance", "airline")
    assert change.unmailed is not None
    dispatcher.alerts = {change.unmailed.id: change.unmailed}
    dispatcher.live()

    assert [(1, MailKind.OPENED, ("airline",)), (2, MailKind.OPENED, ("airline",))] == dispatcher.told
    assert ("distance", "airline") == dispatcher.alert.names


def test_an_acknowledgement_holds_beside_a_silence() -> None:
    """What was acknowledged and what is silenced is not mailed; what is neither is."""
    dispatcher = Dispatcher()
    dispatcher.live("distance")
    known = dispatcher.alert
    until = START + 600 * MINUTE
    dispatcher.alerts[known.id] = replace(known, acknowledged_until=until, acknowledged_features=known.names)
    dispatcher.silences = [of("airline", 600)]
    dispatcher.live("distance", "airline", "origin", times=70)

    assert [(1, MailKind.OPENED), (61, MailKind.GROWN)] == [(minute, kind) for minute, kind, _ in dispatcher.told]
    assert ("origin",) == dispatcher.mails[1][1].new_features


def test_a_window_that_comes_again_holds_back_mails_each_time() -> None:
    """In its first minutes each hour nothing is mailed, between them what waited is."""
    every = Maintenance.parse(f"daily {START:%H:%M}-{START + 10 * MINUTE:%H:%M} UTC")
    dispatcher = Dispatcher(sample_silence(None, every=every, id=1))
    dispatcher.live("distance", times=12)

    assert [(10, MailKind.OPENED, ("distance",))] == dispatcher.told


LATE = START - timedelta(hours=2)


@pytest.mark.parametrize(
    ("silence", "now", "state"),
    [
        (sample_silence(START + MINUTE), START, SilenceState.IN_FORCE),
        (sample_silence(START), START, SilenceState.PAST),
        (sample_silence(START + MINUTE, since=START), START, SilenceState.IN_FORCE),
        (sample_silence(START + MINUTE, since=START), LATE, SilenceState.COMING),
        # Said by somebody whose clock is two hours ahead of that of whoever mails.
        (sample_silence(START + MINUTE, said_at=START), LATE, SilenceState.IN_FORCE),
        (sample_silence(START + MINUTE, ended_at=START), LATE, SilenceState.PAST),
        (sample_silence(None, every=Maintenance.parse("sun 02:00-04:00 UTC")), START, SilenceState.COMING),
        (sample_silence(START, every=Maintenance.parse("sun 02:00-04:00 UTC")), START, SilenceState.PAST),
        # START is a Thursday: no Sunday lies before the end.
        (sample_silence(START + 60 * MINUTE, every=Maintenance.parse("sun 02:00-04:00 UTC")), START, SilenceState.PAST),
    ],
)
def test_how_a_silence_stands(silence: Silence, now: datetime, state: SilenceState) -> None:
    """Its end is not within. What was said holds at once, and what was ended does not, on clocks that are late, too."""
    assert state is silence.state(now)


def test_a_window_ends_with_its_silence() -> None:
    """Where the last window reaches beyond the end, it ends there; one that begins within ends it in the middle."""
    every = Maintenance.parse("thu 00:00-04:00 UTC")
    silence = sample_silence(START + 90 * MINUTE, every=every, since=START + 30 * MINUTE)

    assert START + 90 * MINUTE == silence.holds(START + 60 * MINUTE)
    assert [None, None] == [silence.holds(START), silence.holds(START + 90 * MINUTE)]
    assert Span(START + 30 * MINUTE, START + 90 * MINUTE) == silence.next(START)
