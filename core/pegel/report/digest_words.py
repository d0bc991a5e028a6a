"""A digest in words: what opened, grew and is over, a line for each model and kind of trouble."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pegel.alerts.digest import Digest, DigestPart
from pegel.alerts.health import HealthAlert
from pegel.alerts.health_event import HealthEvent
from pegel.report.happened_words import about, happened
from pegel.report.health_mail import STATES
from pegel.report.mail_message import Rendered
from pegel.report.words import moment, several
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many

MOST_LINES = 50
"""Lines of one part of a digest; the rest is counted."""


def digest_words(digest: Digest, *, page_url: str, now: datetime) -> Rendered | None:
    """Return a digest in plain text; None where there is nothing to tell."""
    if not digest.parts and not digest.wrong and not digest.righted:
        return None
    troubles = _by_trouble(digest.parts)
    over = [one for one in troubles if one[-1].alert.over_at is not None]
    begun = [one for one in troubles if one not in over and any(part.opened for part in one)]
    grew = [one for one in troubles if one not in over and one not in begun]
    counts = [
        *([f"{len(begun):,} opened"] if begun else []),
        *([f"{len(grew):,} grew"] if grew else []),
        *([f"{len(over):,} over"] if over else []),
        *([f"{how_many(len(digest.wrong), 'thing')} wrong with the watching"] if digest.wrong else []),
        *([f"{how_many(len(digest.righted), 'thing')} right again"] if digest.righted else []),
    ]
    since, until = (moment(at, now) for at in (digest.span.start, digest.span.end))
    lines = [
        f"What need not wake anybody, from {since} to {until} UTC.",
        *_section("Wrong with the watching", [_wrong(one, now) for one in digest.wrong]),
        *_section("Right again with the watching", [_righted(one, now) for one in digest.righted]),
        *_section("Opened", [_line(one, now) for one in begun]),
        *_section("Grew", [_line(one, now) for one in grew]),
        *_section("Over", [_line(one, now) for one in over]),
        "",
        f"Look      {page_url.rstrip('/')}",
        *_quiet([*begun, *grew], page_url),
    ]
    subject = f"[pegel] digest: {', '.join(counts)} (since {since} UTC)"
    return Rendered(subject=subject, text="\n".join(lines) + "\n", html=None, picture=None)


def _by_trouble(parts: Sequence[DigestPart]) -> list[list[DigestPart]]:
    """Return alerts of the same model and kind together, the worst first: what comes and goes is one line."""
    found: dict[tuple[str, str], list[DigestPart]] = {}
    for part in sorted(parts, key=lambda part: (part.alert.over_at is None, part.alert.opened_at)):
        found.setdefault((part.alert.key, part.alert.kind.value), []).append(part)
    return sorted(found.values(), key=lambda one: (one[-1].alert.severity.rank, one[-1].alert.key, one[-1].alert.kind))


def _section(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    further = len(lines) - MOST_LINES
    more = [f"  and {further:,} more"] if further > 0 else []
    return ["", title, *(f"  {line}" for line in lines[:MOST_LINES]), *more]


def _line(parts: Sequence[DigestPart], now: datetime) -> str:
    alert = parts[-1].alert
    names = several(list(dict.fromkeys(name for part in parts for name in part.alert.names)))
    since = min(part.alert.since for part in parts)
    times = f", {len(parts):,} times" if len(parts) > 1 else ""
    over = "" if alert.over_at is None else f", over since {moment(alert.over_at, now)} UTC"
    what = about(alert.kind, names)
    begun = f"{what}, since {moment(since, now)} UTC{times}{over}"
    return f"{alert.id[:8]}  {alert.severity.value}  {alert.key}: {begun}. {happened(alert)}"


def _quiet(troubles: Sequence[Sequence[DigestPart]], page_url: str) -> list[str]:
    """Return the command that acknowledges the worst of what goes on; nothing where nothing does."""
    if not troubles:
        return []
    return [
        f'Quiet it  pegel ack {troubles[0][-1].alert.id[:8]} --until 09:00 --why "..."',
        f"      or  {page_url.rstrip('/')}/alerts",
    ]


def _righted(event: HealthEvent, now: datetime) -> str:
    named, state = several(event.models), STATES[event.kind][0]
    times = f"from {moment(event.since, now)} to {moment(event.at, now)} UTC"
    return f"{named}: {state} {times}: {shown(event.reason, LONGEST_SENTENCE)}"


def _wrong(alert: HealthAlert, now: datetime) -> str:
    named, state = several(alert.models), STATES[alert.kind][0]
    return f"{named}: {state} since {moment(alert.since, now)} UTC: {shown(alert.reason, LONGEST_SENTENCE)}"
