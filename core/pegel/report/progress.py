"""What a streaming driver gets done, in words: the same on the page, in a report and in the status."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.report.words import length, moment
from pegel.spec.limits import STALE_AFTER
from pegel.spec.plain_numbers import how_many
from pegel.stream.result_rows import Heartbeat

ZERO = timedelta(0)


def progress(beat: Heartbeat, now: datetime, *, launched: int = 0) -> str:
    """Say since when a driver runs, how far it is, and when its stream did something at last.

    `launched`: the newest generation that was started. What an earlier one said, and what was said long ago, says
    nothing of what runs now.
    """
    heard = f"{moment(beat.at, now)} UTC"
    if launched > beat.generation:
        return (
            f"generation {launched} was started, nothing heard of it yet; last heard of generation {beat.generation} "
            f"at {heard}"
        )
    begun = f"{beat.state}, started {moment(beat.started_at, now)} UTC, generation {beat.generation}"
    if beat.state != "stopped" and now - beat.at > STALE_AFTER:
        begun = f"silent since {heard}, until then {begun}"
    unread = f"{how_many(beat.lag, 'record')} behind" if beat.lag else "all records read"
    event = "no event yet" if beat.event_time_head is None else f"newest event {moment(beat.event_time_head, now)} UTC"
    moved = "no progress yet" if beat.progressed_at is None else f"last progress {ago(beat.progressed_at, now)}"
    note = f", {beat.note}" if beat.note else ""
    return f"{begun}: batch {beat.batch_id}, {unread}, {event}, {moved}{note}"


def ago(then: datetime, now: datetime) -> str:
    """Return how long ago something was; of what a clock has still before it, 0 s."""
    return f"{length(max(now - then, ZERO))} ago"
