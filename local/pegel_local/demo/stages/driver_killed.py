"""Stage 8: the streaming driver is killed in the middle of traffic; its successor loses and doubles nothing."""

from __future__ import annotations

import os
import signal
import time
from datetime import UTC, datetime

from pegel.reconcile.actions import Kind
from pegel.store.action_log import ActionLog
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import StageFailed, eventually, require
from pegel_local.demo.stage import Demo
from pegel_local.demo.stages.monitor_running import watches

COUNT = 300
"""15 s of traffic, most of it sent while the driver is dead."""
RESTART_WITHIN_S = 150.0


def show(demo: Demo) -> str:
    """Kill the driver five seconds into the traffic, wait for its successor, and count."""
    sending = flight_traffic.send(demo, "january", count=COUNT, skip=2_000)
    time.sleep(5)
    before = demo.driver.state()
    if before is None or before.process is None:
        raise StageFailed(expected="a driver to kill", happened="no driver was ever started", log=demo.driver.log)
    killed_at = datetime.now(UTC)
    os.kill(before.process.pid, signal.SIGKILL)
    sent = flight_traffic.finish(demo, sending)
    restarted_s = _restarted(demo, before.generation, killed_at)
    rows = flight_traffic.all_counted(demo, sent)
    reasons = [action.reason for action in ActionLog(demo.engine).recent() if action.kind is Kind.RESTART]
    require(
        bool(reasons),
        expected="a restart with its reason in the reconciler's log",
        happened="there is none",
        log=demo.log("airflow-scheduler"),
    )
    demo.facts["killed"] = {
        **flight_traffic.counts(sent, rows),
        "spans": len({row.span for row in rows}),
        "killed_at": killed_at.isoformat(),
        "restarted_s": restarted_s,
        "reason": reasons[-1],
    }
    return (
        f"restarted by reconcile after {restarted_s:.0f} s · {flight_traffic.told(flight_traffic.counts(sent, rows))}"
    )


def _restarted(demo: Demo, generation: int, killed_at: datetime) -> float:
    """Wait for a heartbeat of a later generation; return the seconds since the kill."""

    def look() -> datetime | None:
        found = [beat.at for beat in demo.results.heartbeats() if beat.generation > generation and watches(demo, beat)]
        return min(found, default=None)

    at = eventually(
        look,
        within_s=RESTART_WITHIN_S,
        expected=f"a driver of a generation after {generation}",
        happened=lambda: f"driver: {demo.driver.state()}",
        log=demo.driver.log,
    )
    return (at - killed_at).total_seconds()
