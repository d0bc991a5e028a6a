"""The driver is killed in the middle of traffic and its folder deleted; nothing is lost or doubled."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from pegel.store.database import reading
from pegel.store.offsets import stored_offsets
from pegel.stream.result_rows import Heartbeat, WindowRow
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import StageFailed, eventually, require
from pegel_local.demo.stage import Demo
from pegel_local.demo.stages.monitor_running import WITHIN_S, watches

COUNT = 300
"""15 s of traffic, most of it sent while the driver is dead."""


def show(demo: Demo) -> str:
    """Kill the driver five seconds into the traffic, with all it kept, wait for its successor, and count."""
    sending = flight_traffic.send(demo, "january", count=COUNT, skip=2_000)
    time.sleep(5)
    killed = _watching(demo)
    killed_at = datetime.now(UTC)
    how = demo.platform.kill_driver(demo.spec.group)
    offsets = _offsets(demo)
    sent = flight_traffic.finish(demo, sending)
    restarted_s = _restarted(demo, killed.pid, killed_at)
    rows = flight_traffic.all_counted(demo, sent)
    reason = demo.platform.why_restarted(demo.spec.group, killed_at)
    require(
        bool(reason),
        expected="a new driver, and who started it for which reason",
        happened="nobody says so",
        log=demo.log("airflow-scheduler"),
    )
    lost, doubled = _lost(demo, rows), _doubled(demo, sent.began)
    floor_s, because = demo.platform.restart_floor(killed_at)
    demo.facts["killed"] = {
        **flight_traffic.counts(sent, rows),
        **_read(demo),
        "lost": lost,
        "doubled": doubled,
        "offsets": offsets,
        "killed_at": killed_at.isoformat(),
        "restarted_s": restarted_s,
        "floor_s": floor_s,
        "because": because,
        "reason": reason,
    }
    return f"{how}: went on at the same offsets after {restarted_s:.0f} s, {lost} windows lost, {doubled} doubled"


def _lost(demo: Demo, rows: list[WindowRow]) -> int:
    """Count the windows that are not there, from the first to the last: traffic came all the time."""
    spans = {row.span for row in rows}
    whole = max(span.end for span in spans) - min(span.start for span in spans)
    return round(whole / demo.spec.windowing.length) - len(spans)


def _doubled(demo: Demo, since: datetime) -> int:
    """Count the windows that became final more than once."""
    model = demo.spec.model
    final = demo.results.windows(model.name, model.version, since, final_only=True, latest_revision=False)
    return len(final) - len({row.span for row in final})


def _watching(demo: Demo) -> Heartbeat:
    """Return the last word of the driver."""
    beats = [beat for beat in demo.results.heartbeats() if watches(demo, beat)]
    if not beats:
        raise StageFailed(expected="a driver to kill", happened="none beats", log=demo.driver.log)
    return beats[0]


def _offsets(demo: Demo) -> int:
    """Return how many records of its topics the group has read, by the offsets in the database."""
    with reading(demo.engine) as connection:
        return sum(read.end for read in stored_offsets(connection, demo.spec.group).values())


def _read(demo: Demo) -> dict[str, int]:
    """Return how far the group has read, how many records arrived, and how many minutes do not add up.

    The topics are new, so their offsets begin at 0: read up to, and arrived, are equal if every record was read once.
    """
    balance = demo.results.ledger_balance(demo.spec.group)
    return {
        "read_up_to": _offsets(demo),
        "arrived": sum(minute.arrived for minute in balance),
        "unbalanced_minutes": sum(minute.difference != 0 for minute in balance),
    }


def _restarted(demo: Demo, killed_pid: int, killed_at: datetime) -> float:
    """Wait for a heartbeat of another process; return the seconds since the kill."""

    def look() -> datetime | None:
        beats = demo.results.heartbeats()
        return min((beat.at for beat in beats if beat.pid != killed_pid and watches(demo, beat)), default=None)

    at = eventually(
        look,
        within_s=WITHIN_S,
        expected=f"another driver than process {killed_pid}",
        happened=lambda: f"driver: {demo.driver.state()}",
        log=demo.driver.log,
    )
    return (at - killed_at).total_seconds()
