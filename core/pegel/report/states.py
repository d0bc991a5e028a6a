"""How a monitor is, in words: `ok`, `drifting since 14:05 UTC`, `no traffic for 3 min`, `no baseline`."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.alerts.alert import Alert
from pegel.judge.findings import Verdict
from pegel.judge.layers.odd_events import DETECTOR as EVENTS
from pegel.reconcile.driver_health import why_not_watching
from pegel.report.views import StateView
from pegel.report.words import began, length, moment, several
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.stream.commit import MonitorFailure
from pegel.stream.result_rows import Heartbeat, WindowRow


def state_of(
    spec: MonitorSpec,
    *,
    last: WindowRow | None,
    alert: Alert | None,
    heartbeat: Heartbeat | None,
    now: datetime,
    failure: MonitorFailure | None = None,
) -> StateView:
    """Return the first of these that holds: not watched, error, drifting, no traffic, not judged, ok.

    Args:
        spec: The monitor.
        last: Its last final window.
        alert: Its open alert.
        heartbeat: Of the group's driver.
        now: The present instant.
        failure: Why the stream cannot watch or judge it; None if it can.
    """
    unwatched = _not_watched(heartbeat, now)
    if unwatched is not None:
        return StateView(words=f"not watched: {unwatched}", level="bad")
    if failure is not None:
        lost = f", {failure.windows_lost:,} windows lost" if failure.windows_lost else ""
        return error(f"{failure.reason} (since {moment(failure.since, now)} UTC{lost})")
    if alert is not None:
        only_events = all(feature.finding.detector == EVENTS for feature in alert.features)
        what = f"too many {several(alert.names)}" if only_events else "drifting"
        return StateView(words=f"{what} since {began(alert, now)} UTC", level="bad")
    if last is None:
        return StateView(words="waiting for the first window", level="idle")
    patience = 3 * spec.windowing.length + spec.windowing.lateness
    if now - last.span.end > max(patience, timedelta(seconds=30)):
        return StateView(words=f"no traffic for {length(now - last.span.end)}", level="idle")
    return _judged(last)


def _not_watched(heartbeat: Heartbeat | None, now: datetime) -> str | None:
    if heartbeat is None or heartbeat.state == "stopped":
        return "its driver is not running yet"
    return why_not_watching(heartbeat, now)


def error(reason: str) -> StateView:
    """Return the state of a model about which something cannot be read or done."""
    return StateView(words=f"error: {shown(reason, LONGEST_SENTENCE)}", level="bad")


def _why(last: WindowRow) -> str:
    """Return why no field of a window was judged: the reason of all, or that the rows are too few."""
    reasons = {verdict["what"].partition(":")[0] for verdict in last.judgement.get("features", ())}
    return reasons.pop() if len(reasons) == 1 else f"{last.rows:,} rows are too few"


def _judged(last: WindowRow) -> StateView:
    words = {
        Verdict.OK: ("ok", "ok"),
        Verdict.BELOW_MARGIN: ("ok: changes below the margin", "ok"),
        Verdict.DRIFT: ("drift in the last window", "warn"),
        Verdict.DRIFTING: ("drifting slowly, window after window", "warn"),
        Verdict.INSUFFICIENT: (f"not judged: {_why(last)}", "warn"),
        Verdict.NO_DATA: ("no traffic", "idle"),
        Verdict.BASELINE_MISSING: ("baseline missing: rows are counted, nothing is judged", "warn"),
        Verdict.LAYOUT_MISMATCH: ("baseline stale: it has other features than the traffic", "warn"),
    }
    text, level = words[last.verdict]
    return StateView(words=text, level=level)
