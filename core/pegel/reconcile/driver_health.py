"""Does this driver live? Only a fresh heartbeat with progress, or a recent start, is life; a process proves nothing.

Reasons name instants, not ages, so that the same death reads the same each time it is looked at.
"""

from __future__ import annotations

import signal
from datetime import datetime

from pegel.reconcile.job_backend import JobState, Sighting
from pegel.spec.limits import FIRST_BATCH_WITHIN, STALE_AFTER, START_WITHIN, WEDGED_AFTER
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
        last = sighting.detail.strip().splitlines()[-1:] or ["its log is empty"]
        code = "an unknown code" if sighting.exit_code is None else sighting.exit_code
        return f"exited with {code}: {last[0][:200]}"
    if heartbeat is None or heartbeat.generation < sighting.generation:
        if now - sighting.started_at <= START_WITHIN:
            return None
        allowed = f"{START_WITHIN.total_seconds():.0f} s"
        return f"no heartbeat within {allowed} of its start at {sighting.started_at:%H:%M:%S} UTC"
    return why_not_watching(heartbeat, now)


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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
