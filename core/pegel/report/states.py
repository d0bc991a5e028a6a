"""How a monitor is, in words: `ok`, `drifting since 14:05 UTC: distance`, `no traffic for 3 min`, `no baseline`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pegel.alerts.alert import Alert
from pegel.judge.findings import Verdict
from pegel.reconcile.driver_health import why_unwatched
from pegel.report.alerting_words import alerting, missing_answers, missing_since
from pegel.report.table_words import why_unread
from pegel.report.views import StateView
from pegel.report.words import length, moment
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.table_reads import TableRead
from pegel.stream.commit import MonitorFailure
from pegel.stream.result_rows import Heartbeat, WindowRow

A_DAY = timedelta(days=1)
SHORT = 140
"""Characters of the line that says how a model is; what is longer is cut there, and told in full below it."""
NEVER_LOGGED = {
    "answers": "; this endpoint logs no answers: predictions are not watched",
    "requests": "; this endpoint logs no requests: features are not watched",
}


def state_of(
    spec: MonitorSpec,
    *,
    last: WindowRow | None,
    alerts: Sequence[Alert],
    heartbeat: Heartbeat | None,
    now: datetime,
    failure: MonitorFailure | None = None,
    table: TableRead | None = None,
) -> StateView:
    """Return the first of these that holds: not watched, error, an open alert, no traffic, not judged, ok.

    Of several open alerts the most pressing leads, and the others stand below it. A model that drifts and has no
    traffic says both: whether it still drifts nobody can know.

    Args:
        spec: The monitor.
        last: Its last final window.
        alerts: Its open alerts.
        heartbeat: Of the group's driver.
        now: The present instant.
        failure: Why the stream cannot watch or judge it; None if it can.
        table: How far the table of a model that stands in one alone is read; None where nobody has tried yet.
    """
    unwatched = why_unread(table, now) if spec.model.is_table else why_unwatched(heartbeat, now)
    if unwatched is not None:
        return brief(f"not watched: {unwatched}", "bad")
    if failure is not None:
        lost = f", {how_many(failure.windows_lost, 'window')} lost" if failure.windows_lost else ""
        return error(f"{failure.reason} (since {moment(failure.since, now)} UTC{lost})")
    if table is not None and table.problem and table.problem_since is not None:
        return error(f"{table.problem} (since {moment(table.problem_since, now)} UTC)")
    quiet = _no_traffic(spec, last, now)
    if alerts:
        first, *further = alerting(alerts, last, now) or ["an alert is open"]
        return brief(first if quiet is None else f"{first}, and {quiet}", "bad", further)
    if last is None:
        return StateView(words="waiting for the first window", level="idle")
    return _judged(last, now) if quiet is None else StateView(words=quiet, level="idle")


def _no_traffic(spec: MonitorSpec, last: WindowRow | None, now: datetime) -> str | None:
    """Return that nothing has come for longer than a few windows, in words; None while something does."""
    patience = max(3 * spec.windowing.length + spec.windowing.lateness, timedelta(seconds=30))
    if spec.model.is_table:
        # A job that runs once a day writes a day at once.
        patience += A_DAY
    if last is None or now - last.span.end <= patience:
        return None
    return f"no {'rows' if spec.model.is_table else 'traffic'} for {length(now - last.span.end)}"


def error(reason: str) -> StateView:
    """Return the state of a model about which something cannot be read or done."""
    return brief(f"error: {shown(reason, LONGEST_SENTENCE)}", "bad")


def brief(words: str, level: str, further: Sequence[str] = ()) -> StateView:
    """Return a state of one short line. What is longer is cut at a word, and told in full with what else there is."""
    if len(words) <= SHORT:
        return StateView(words=words, level=level, further=tuple(further))
    return StateView(words=f"{words[:SHORT].rpartition(' ')[0]} …", level=level, further=(words, *further))


def _judged(last: WindowRow, now: datetime) -> StateView:
    missing = missing_answers(last)
    if missing is not None:
        return StateView(words=missing_since(missing, missing.since, now), level="warn")
    why = last.remarks.get("not_judged") or f"{how_many(last.rows, 'row')} in the window: too few"
    words = {
        Verdict.OK: ("ok", "ok"),
        Verdict.BELOW_MARGIN: ("ok: changes below the margin", "ok"),
        Verdict.DRIFT: ("drift in the last window", "warn"),
        Verdict.DRIFTING: ("drifting slowly, window after window", "warn"),
        Verdict.MODEL_CHANGED: ("answers are not those of the registered version", "bad"),
        Verdict.PROBING: ("rows came in crowds in the last window: probing suspected", "warn"),
        Verdict.INSUFFICIENT: (f"not judged: {why}", "warn"),
        Verdict.NO_DATA: ("no traffic", "idle"),
        Verdict.NOT_TESTED: ("figures are shown, nothing is judged", "idle"),
        Verdict.BASELINE_MISSING: ("baseline missing: rows are counted, nothing is judged", "warn"),
        Verdict.LAYOUT_MISMATCH: ("baseline stale: it has other features than the traffic", "warn"),
    }
    text, level = words[last.verdict]
    return brief(text + NEVER_LOGGED.get(last.remarks.get("never_logged", ""), ""), level)
