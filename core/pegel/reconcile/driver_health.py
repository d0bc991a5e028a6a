"""Does this driver live? Only a fresh heartbeat, or a recent start, is life; the process list alone proves nothing.

Reasons name instants, not ages, so that the same death reads the same each time it is looked at.
"""

from __future__ import annotations

import signal
from datetime import datetime

from pegel.reconcile.actions import Policy
from pegel.reconcile.job_backend import JobDocument, JobState, Sighting
from pegel.stream.result_rows import Heartbeat


def stopped_on_request(sighting: Sighting, heartbeat: Heartbeat | None) -> bool:
    """Say whether the driver was asked to stop, did so and said so: then nothing is wrong, nothing runs."""
    if sighting.state is not JobState.EXITED or sighting.exit_code != 0 or heartbeat is None:
        return False
    return heartbeat.generation == sighting.generation and heartbeat.state == "stopped"


def cause_of_death(
    sighting: Sighting, heartbeat: Heartbeat | None, job: JobDocument, policy: Policy, now: datetime
) -> str | None:
    """Say why the driver counts as dead; None if it lives."""
    if sighting.state is JobState.EXITED and (sighting.exit_code or 0) < 0:
        return f"killed by {_signal_name(-(sighting.exit_code or 0))}"
    if sighting.state is JobState.EXITED:
        last = sighting.detail.strip().splitlines()[-1:] or ["it left no words"]
        return f"exited with {sighting.exit_code}: {last[0][:200]}"
    if heartbeat is None or heartbeat.generation < sighting.generation:
        if now - sighting.started_at <= policy.start_within:
            return None
        allowed = f"{policy.start_within.total_seconds():.0f} s"
        return f"no heartbeat within {allowed} of its start at {sighting.started_at:%H:%M:%S} UTC"
    limit = max(policy.stale_after, 20 * job.trigger)
    if now - heartbeat.at <= limit:
        return None
    return f"no heartbeat since {heartbeat.at:%H:%M:%S} UTC; allowed are {limit.total_seconds():.0f} s"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
