"""Stage 8: the driver is killed in the middle of traffic and its folder deleted; nothing is lost or doubled."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime

from pegel.reconcile.actions import MOVES
from pegel.store.action_log import ActionLog
from pegel.store.database import reading
from pegel.store.offsets import stored_offsets
from pegel.stream.result_rows import WindowRow
from pegel_local.demo import flight_traffic
from pegel_local.demo.failure import StageFailed, eventually, require
from pegel_local.demo.stage import Demo
from pegel_local.demo.stages.monitor_running import WITHIN_S, watches
from pegel_local.processes import process_control

COUNT = 300
"""15 s of traffic, most of it sent while the driver is dead."""


def show(demo: Demo) -> str:
    """Kill the driver five seconds into the traffic, delete its folder, wait for its successor, and count."""
    sending = flight_traffic.send(demo, "january", count=COUNT, skip=2_000)
    time.sleep(5)
    generation, killed_at = _kill(demo)
    offsets = _offsets(demo)
    sent = flight_traffic.finish(demo, sending)
    restarted_s = _restarted(demo, generation, killed_at)
    rows = flight_traffic.all_counted(demo, sent)
    moves = [action for action in ActionLog(demo.engine).recent() if action.kind in MOVES and action.at > killed_at]
    require(
        bool(moves),
        expected="a new driver with its reason in the reconciler's log",
        happened="there is none",
        log=demo.log("airflow-scheduler"),
    )
    lost, doubled = _lost(demo, rows), _doubled(demo, sent.began)
    demo.facts["killed"] = {
        **flight_traffic.counts(sent, rows),
        **_read(demo),
        "lost": lost,
        "doubled": doubled,
        "offsets": offsets,
        "killed_at": killed_at.isoformat(),
        "restarted_s": restarted_s,
        "reason": moves[-1].reason,
    }
    return (
        f"driver killed and its folder deleted: went on at the same offsets after {restarted_s:.0f} s, "
        f"{lost} windows lost, {doubled} doubled"
    )


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


def _kill(demo: Demo) -> tuple[int, datetime]:
    """End the driver and its supervisor with SIGKILL, delete all they kept on disk; return its generation and when."""
    state = demo.driver.state()
    if state is None or state.process is None:
        raise StageFailed(expected="a driver to kill", happened="no driver was ever started", log=demo.driver.log)
    killed_at = datetime.now(UTC)
    process_control.kill_all([state.supervisor, state.process])
    shutil.rmtree(demo.driver.folder)
    return state.generation, killed_at


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


def _restarted(demo: Demo, generation: int, killed_at: datetime) -> float:
    """Wait for a heartbeat of a later generation; return the seconds since the kill."""

    def look() -> datetime | None:
        beats = demo.results.heartbeats()
        return min((beat.at for beat in beats if beat.generation > generation and watches(demo, beat)), default=None)

    at = eventually(
        look,
        within_s=WITHIN_S,
        expected=f"a driver of a generation after {generation}",
        happened=lambda: f"driver: {demo.driver.state()}",
        log=demo.driver.log,
    )
    return (at - killed_at).total_seconds()
