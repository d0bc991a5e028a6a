"""What the attribution worker of a namespace gets done, in words: the same on the page and in the status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from pegel.report.progress import ago
from pegel.report.words import moment
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many
from pegel.store.worker_beats import ExplainedEvents, WorkerBeat

SILENT_AFTER: Final = timedelta(minutes=2)
"""Age at which a beat no longer proves life: twelve missed ones."""
LONGEST_WHY: Final = 200


def is_silent(beat: WorkerBeat, now: datetime) -> bool:
    """Say whether a worker that was not stopped has said nothing for too long."""
    return beat.state != "stopped" and now - beat.at > SILENT_AFTER


def worker_words(beat: WorkerBeat, now: datetime) -> str:
    """Say since when a worker runs, how many rows it explained, what it refused, and when it was last done with one."""
    rows = sum(events.rows for events in beat.models.values())
    refused = Counter[str]()
    for events in beat.models.values():
        refused.update(events.refused)
    moved = "nothing chosen yet" if beat.progressed_at is None else f"last progress {ago(beat.progressed_at, now)}"
    return f"{_begun(beat, now)}: {_done(rows, refused, beat.newest_event, now)}, {moved}"


def explained_words(beat: WorkerBeat | None, key: str, now: datetime) -> str:
    """Say what the worker of a namespace got done for one of its models; `beat` is None where it never spoke."""
    if beat is None:
        return "The worker that explains predictions has not spoken yet."
    events = beat.models.get(key, ExplainedEvents())
    words = f"Worker {_begun(beat, now)}: {_done(events.rows, events.refused, events.newest_event, now)}"
    return f"{words}; the last refusal: {shown(events.why, LONGEST_WHY)}" if events.why else f"{words}."


def _begun(beat: WorkerBeat, now: datetime) -> str:
    begun = f"{beat.state}, started {moment(beat.started_at, now)} UTC"
    return f"silent since {moment(beat.at, now)} UTC, until then {begun}" if is_silent(beat, now) else begun


def _done(rows: int, refused: Mapping[str, int], newest: datetime | None, now: datetime) -> str:
    explained = f"{how_many(rows, 'row')} explained"
    if newest is not None:
        explained += f", the newest event {moment(newest, now)} UTC"
    if not refused:
        return f"{explained}, none refused"
    reasons = ", ".join(f"{shown(reason, 40)} {count:,}" for reason, count in sorted(refused.items()))
    return f"{explained}, {how_many(sum(refused.values()), 'event')} refused ({reasons})"
