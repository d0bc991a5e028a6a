"""Does this driver live? Only a fresh heartbeat with progress, or a recent start, is life; a process proves nothing.

Reasons name instants, not ages, so that the same death reads the same each time it is looked at.
"""

from __future__ import annotations

import signal
from datetime import datetime

from pegel.reconcile.exit_words import exited_with
from pegel.reconcile.job_backend import JobState, Sighting
from pegel.spec.limits import FIRST_BATCH_WITHIN, STALE_AFTER, STANDS_STILL_AFTER, START_WITHIN, WEDGED_AFTER
from pegel.stream.result_rows import Heartbeat


def stopped_on_request(sighting: Sighting, heartbeat: Heartbeat | None) -> bool:
    """Say whether the driver was asked to stop, did so and said so: then nothing is wrong, nothing runs."""
    if sighting.state is not JobState.EXITED or sighting.exit_code != 0 or heartbeat is None:
        return False
    return heartbeat.generation == sighting.generation and heartbeat.state == "stopped"


def cause_of_death(sighting: Sighting, heartbeat: Heartbeat | None, now: datetime) -> str | None:
    """Say why the driver counts as dead; None if it lives."""
    if sighting.state is JobState.EXITED and (sighting.exit_code or 0) < 0:
        return f"killed by {_signal_name(-(sighting.exit_code or 0))}"
    if sighting.state is JobState.EXITED:
        return exited_with(sighting)
    # What runs a driver may have started it again, as the same generation, since it was last heard.
    if heartbeat is None or heartbeat.generation < sighting.generation or heartbeat.at < sighting.started_at:
        if now - sighting.started_at <= START_WITHIN:
            return None
        allowed = f"{START_WITHIN.total_seconds():.0f} s"
        return f"no heartbeat within {allowed} of its start at {sighting.started_at:%H:%M:%S} UTC"
    return why_not_watching(heartbeat, now)


def watches(sighting: Sighting, heartbeat: Heartbeat | None, now: datetime) -> bool:
    """Say whether this very driver has spoken since it was started and watches now, whatever else is said of it."""
    if heartbeat is None or heartbeat.generation != sighting.generation or heartbeat.at < sighting.started_at:
        return False
    return why_not_watching(heartbeat, now) is None


def why_not_watching(heartbeat: Heartbeat, now: datetime) -> str | None:
    """Say why a driver that spoke does not watch now: it fell silent, or its stream stands still. None if it watches.

    The limits are inclusive: a heartbeat of exactly `STALE_AFTER` still proves life. A driver that has committed
    nothing yet may take longer, see `FIRST_BATCH_WITHIN`.
    """
    if now - heartbeat.at > STALE_AFTER:
        allowed = f"{STALE_AFTER.total_seconds():.0f} s"
        return f"no heartbeat since {heartbeat.at:%H:%M:%S} UTC; allowed are {allowed}"
    since = heartbeat.progressed_at or heartbeat.started_at
    first = (FIRST_BATCH_WITHIN, " for the first batch of a driver")
    within, batch = (WEDGED_AFTER, "") if heartbeat.batch_id else first
    if now - since > within:
        return f"wedged: no progress since {since:%H:%M:%S} UTC; allowed are {within.total_seconds():.0f} s{batch}"
    return None


def why_doubtful(heartbeat: Heartbeat, now: datetime) -> str | None:
    """Say why nobody should take a group for watched now, also where nothing is to be done about it; None if it is.

    A driver that waits for what is not its own is not restarted, and one that stands still not yet: but its windows
    say nothing of the present.
    """
    why = why_not_watching(heartbeat, now)
    if why is not None:
        return why
    if heartbeat.missing:
        return heartbeat.missing
    since = heartbeat.progressed_at or heartbeat.started_at
    if heartbeat.state == "starting":
        return f"its driver is starting: {heartbeat.doing} since {since:%H:%M:%S} UTC"
    if heartbeat.batch_id and now - since > STANDS_STILL_AFTER:
        return f"no progress since {since:%H:%M:%S} UTC, {heartbeat.doing or 'and it does not say why'}"
    return None


def why_unwatched(heartbeat: Heartbeat | None, now: datetime) -> str | None:
    """Say why nobody watches a group whose driver spoke last with `heartbeat`, if it ever did; None if it is."""
    if heartbeat is None or heartbeat.state == "stopped":
        return "its driver is not running yet"
    return why_doubtful(heartbeat, now)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
