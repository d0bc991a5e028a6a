"""Silences and the life of alerts, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pegel.alerts.alert import Alert
from pegel.alerts.alert_event import AlertEvent, AlertEventKind
from pegel.alerts.silencing import Silence, silenced_by
from pegel.report.words import moment, period
from pegel.spec.outside_text import LONGEST_SENTENCE, NAME_LIMIT, shown

NAMED = 2
"""Silences of one alert that are named; the others are counted."""
_JOINED = {AlertEventKind.OPENED: "", AlertEventKind.GROWN: "also "}
"""Events that are about their features alone, and what stands before these."""


def silenced(silence: Silence, now: datetime) -> str:
    """Return about what no mail is sent and until when, or when next; who said so, and why."""
    said = f"said by {shown(silence.by, NAME_LIMIT)} at {moment(silence.said_at, now)} UTC"
    why = shown(silence.why, LONGEST_SENTENCE)
    return f"no mail about {silence.about} {_when(silence, now)}, {said}: {why}"


def _when(silence: Silence, now: datetime) -> str:
    every = "" if silence.every is None else f" (every {silence.every})"
    until, coming = silence.holds(now), silence.next(now)
    if until is not None:
        return f"before {moment(until, now)} UTC{every}"
    if coming is not None:
        return f"from {period(coming.start, coming.end, now)} UTC{every}"
    if silence.ended_at is not None:
        return f"until {shown(silence.ended_by, NAME_LIMIT)} ended it at {moment(silence.ended_at, now)} UTC{every}"
    return f"until {moment(silence.until, now)} UTC{every}" if silence.until is not None else f"any more{every}"


def quiet(alert: Alert, silences: Sequence[Silence], now: datetime) -> str:
    """Return what of an open alert is silenced by whom, and which mail is held back by that; empty if nothing is.

    Of several silences those are named that hold the longest.
    """
    found = silenced_by(alert, silences, now)
    if not found:
        return ""
    by_id = {one.id: one for one in silences}
    several = [by_id[number] for number in sorted({number for ids in found.values() for number in ids})]
    several.sort(key=lambda one: one.holds(now) or now, reverse=True)
    whose = " and ".join(f"{one.id} ({_whose(one, now)})" for one in several[:NAMED])
    whose += f" and {len(several) - NAMED} more" if len(several) > NAMED else ""
    part = "" if len(found) == len(alert.names) else f"{', '.join(shown(name, NAME_LIMIT) for name in found)} "
    held = f"; it holds back the mail that it is {_HELD[alert.held_back]}" if alert.held_back in _HELD else ""
    return f"{part}silenced by {whose}{held}"


_HELD = {"opened": "open", "grown": "grown", "repeated": "still open", "over": "over"}
"""What a mail says of an alert, by the value of its kind."""


def _whose(silence: Silence, now: datetime) -> str:
    until = silence.holds(now)
    end = "" if until is None else f" until {moment(until, now)} UTC"
    return f"{shown(silence.by, NAME_LIMIT)}{end}: {shown(silence.why)}"


def event_words(event: AlertEvent, now: datetime) -> str:
    """Return one line of an alert's history, without its instant: `mailed to ada@example.org (opened: amount)`."""
    names = ", ".join(shown(name, NAME_LIMIT) for name in event.features)
    text = f"{event.kind}: {_JOINED[event.kind]}{names}" if event.kind in _JOINED else event.kind.value
    text += f" to {', '.join(shown(each, NAME_LIMIT) for each in event.recipients)}" if event.recipients else ""
    text += f" by {shown(event.by, NAME_LIMIT)}" if event.by else ""
    numbers = " and ".join(map(str, event.silences))
    text += f" by silence {numbers}" if len(event.silences) == 1 else f" by silences {numbers}" if numbers else ""
    text += f" until {moment(event.until, now)} UTC" if event.until else ""
    about = "" if event.kind in _JOINED else ": ".join(filter(None, [event.mail, names]))
    text += f" ({about})" if about else ""
    return f"{text}: {shown(event.why, LONGEST_SENTENCE)}" if event.why else text
