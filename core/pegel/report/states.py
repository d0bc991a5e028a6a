"""How a monitor is, in words: `ok`, `drifting since 14:05 UTC`, `no traffic for 3 min`, `no baseline`."""

from __future__ import annotations

from datetime import datetime, timedelta

from pegel.alerts.alert import Alert
from pegel.judge.findings import Verdict
from pegel.judge.layers.odd_events import DETECTOR as EVENTS
from pegel.judge.missing_answers import MissingAnswers
from pegel.reconcile.driver_health import why_not_watching
from pegel.report.views import StateView
from pegel.report.words import began, length, moment, several
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import how_many
from pegel.stream.commit import MonitorFailure
from pegel.stream.result_rows import Heartbeat, WindowRow

NEVER_LOGGED = {
    "answers": "; this endpoint logs no answers: predictions are not watched",
    "requests": "; this endpoint logs no requests: features are not watched",
}


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

    A model that drifts and has no traffic says both: whether it still drifts nobody can know.

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
        lost = f", {how_many(failure.windows_lost, 'window')} lost" if failure.windows_lost else ""
        return error(f"{failure.reason} (since {moment(failure.since, now)} UTC{lost})")
    quiet = _no_traffic(spec, last, now)
    if alert is not None:
        words = _alerting(alert, last, now)
        return StateView(words=words if quiet is None else f"{words}, and {quiet}", level="bad")
    if last is None:
        return StateView(words="waiting for the first window", level="idle")
    return _judged(last, now) if quiet is None else StateView(words=quiet, level="idle")


def _no_traffic(spec: MonitorSpec, last: WindowRow | None, now: datetime) -> str | None:
    """Return that nothing has come for longer than a few windows, in words; None while something does."""
    patience = max(3 * spec.windowing.length + spec.windowing.lateness, timedelta(seconds=30))
    if last is None or now - last.span.end <= patience:
        return None
    return f"no traffic for {length(now - last.span.end)}"


def _alerting(alert: Alert, last: WindowRow | None, now: datetime) -> str:
    """Return what an open alert says: missing answers with their numbers, first of all, also those not yet in it.

    The numbers are those of the newest window that has any; since when it is so, the alert may know longer.
    """
    of_answers = [MissingAnswers.of_finding(feature.finding) for feature in alert.features]
    begun = [feature.since for feature, answers in zip(alert.features, of_answers, strict=True) if answers is not None]
    newest = None if last is None else _missing(last)
    missing = newest or next((answers for answers in of_answers if answers is not None), None)
    texts = [] if missing is None else [_since(missing, min([missing.since, *begun]), now)]
    others = [feature for feature, answers in zip(alert.features, of_answers, strict=True) if answers is None]
    if others:
        only_events = all(feature.finding.detector == EVENTS for feature in others)
        trouble = f"too many {several([feature.feature for feature in others])}" if only_events else "drifting"
        texts.append(f"{trouble} since {began(alert, now)} UTC")
    return "; ".join(texts)


def _missing(last: WindowRow) -> MissingAnswers | None:
    """Return the answers that a window misses, if they are more than tolerated."""
    stored = last.remarks.get("missing_answers")
    missing = None if stored is None else MissingAnswers.from_json(stored)
    return missing if missing is not None and missing.is_too_many else None


def _since(missing: MissingAnswers, since: datetime, now: datetime) -> str:
    """Return missing answers with the time of the requests that the number is of, and since when there are such."""
    begun = f"since {moment(since, now)} UTC"
    if missing.asked_from is None or missing.asked_to is None:
        return f"{missing} {begun}"
    return f"{missing} from {moment(missing.asked_from, now)} to {moment(missing.asked_to, now)}, {begun}"


def _not_watched(heartbeat: Heartbeat | None, now: datetime) -> str | None:
    if heartbeat is None or heartbeat.state == "stopped":
        return "its driver is not running yet"
    return why_not_watching(heartbeat, now)


def error(reason: str) -> StateView:
    """Return the state of a model about which something cannot be read or done."""
    return StateView(words=f"error: {shown(reason, LONGEST_SENTENCE)}", level="bad")


def _judged(last: WindowRow, now: datetime) -> StateView:
    missing = _missing(last)
    if missing is not None:
        return StateView(words=_since(missing, missing.since, now), level="warn")
    why = last.remarks.get("not_judged") or f"{how_many(last.rows, 'row')} in the window: too few"
    words = {
        Verdict.OK: ("ok", "ok"),
        Verdict.BELOW_MARGIN: ("ok: changes below the margin", "ok"),
        Verdict.DRIFT: ("drift in the last window", "warn"),
        Verdict.DRIFTING: ("drifting slowly, window after window", "warn"),
        Verdict.INSUFFICIENT: (f"not judged: {why}", "warn"),
        Verdict.NO_DATA: ("no traffic", "idle"),
        Verdict.BASELINE_MISSING: ("baseline missing: rows are counted, nothing is judged", "warn"),
        Verdict.LAYOUT_MISMATCH: ("baseline stale: it has other features than the traffic", "warn"),
    }
    text, level = words[last.verdict]
    return StateView(words=text + NEVER_LOGGED.get(last.remarks.get("never_logged", ""), ""), level=level)
