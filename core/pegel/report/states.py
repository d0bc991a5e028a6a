"""How a monitor is, in words: `ok`, `drifting since 14:05 UTC: distance`, `no traffic for 3 min`, `no baseline`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pegel.alerts.alert import Alert, AlertFeature
from pegel.alerts.alert_kind import AlertKind
from pegel.detect.effect import percent_of
from pegel.judge.event_counts import UNANSWERED
from pegel.judge.findings import Verdict
from pegel.judge.missing_answers import MissingAnswers
from pegel.judge.performance.headline import HEADLINES
from pegel.reconcile.driver_health import why_unwatched
from pegel.report.change_words import since_of, so_since
from pegel.report.event_words import OddEvents, worst_first
from pegel.report.span_words import when
from pegel.report.table_words import why_unread
from pegel.report.views import StateView
from pegel.report.words import change, effect, length, moment, period
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import feature_of
from pegel.spec.outside_text import LONGEST_SENTENCE, LONGEST_SHOWN, NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many
from pegel.store.table_reads import TableRead
from pegel.stream.commit import MonitorFailure
from pegel.stream.result_rows import Heartbeat, WindowRow

A_DAY = timedelta(days=1)
LISTED = 3
"""Further kinds of odd events that are named; the rest is counted."""
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

    A model that drifts and has no traffic says both: whether it still drifts nobody can know.

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
        return StateView(words=f"not watched: {unwatched}", level="bad")
    if failure is not None:
        lost = f", {how_many(failure.windows_lost, 'window')} lost" if failure.windows_lost else ""
        return error(f"{failure.reason} (since {moment(failure.since, now)} UTC{lost})")
    if table is not None and table.problem and table.problem_since is not None:
        return error(f"{table.problem} (since {moment(table.problem_since, now)} UTC)")
    quiet = _no_traffic(spec, last, now)
    if alerts:
        words = _alerting(alerts, last, now)
        return StateView(words=words if quiet is None else f"{words}, and {quiet}", level="bad")
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


def _alerting(alerts: Sequence[Alert], last: WindowRow | None, now: datetime) -> str:
    """Return what open alerts say: odd events first, because they leave little to judge, then drift, then quality."""
    features = {kind: [one for alert in alerts if alert.kind is kind for one in alert.features] for kind in AlertKind}
    texts = [
        _odd_events(features[AlertKind.EVENTS], last, now),
        _model(features[AlertKind.MODEL], now),
        _drift(features[AlertKind.DRIFT], now),
        _long_spans(features[AlertKind.LONG_SPANS], now),
        _attributions(features[AlertKind.ATTRIBUTIONS], now),
        _performance(features[AlertKind.PERFORMANCE], now),
        _quality(features[AlertKind.QUALITY], now),
        _skew(features[AlertKind.SKEW], now),
        _probing(features[AlertKind.PROBING], now),
    ]
    if features[AlertKind.SINGLE_EVENT]:
        texts.append("an event was extremely far out")
    return "; ".join(text for text in texts if text)


def _odd_events(features: Sequence[AlertFeature], last: WindowRow | None, now: datetime) -> str:
    """Return the worst kind of odd events with its numbers and since when it is so, the others with their share.

    The numbers of missing answers are those of the newest window that has any; since when, the alert may know longer.
    """
    since = {one.feature: one.since for one in features}
    findings = worst_first(one.finding for one in features)
    newest = None if last is None else _missing(last)
    texts, shares = [], []
    for finding in findings:
        odd, missing = OddEvents.of(finding), MissingAnswers.of_finding(finding)
        if missing is None:
            texts.append(f"{odd} since {moment(since[finding.feature], now)} UTC")
            shares.append(f"{finding.feature} {odd.share}")
        else:
            missing = newest or missing
            texts.append(_since(missing, min(missing.since, since[finding.feature]), now))
            shares.append(f"{finding.feature} {percent_of(missing.seen, missing.n)}")
    if newest is not None and UNANSWERED.feature not in since:
        texts.insert(0, _since(newest, newest.since, now))
        shares.insert(0, "")
    return "" if not texts else "; also ".join([texts[0], *([_listed(shares[1:])] if shares[1:] else [])])


def _drift(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when fields drift, the clearest one with its size, the others counted."""
    if not features:
        return ""
    first = min(features, key=lambda one: one.since)
    worst = min(features, key=lambda one: one.finding.p_value).finding
    size = f" by {effect(worst)}" if worst.effect_unit == "sigma" else ""
    more = f" and {len(features) - 1} more" if len(features) > 1 else ""
    name = shown(worst.about, LONGEST_SHOWN)
    return f"{so_since('drifting', since_of(first, now))}: {name}{size}{more}"


def _long_spans(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return which field drifted in a day, or another long span, the clearest one, the others counted."""
    if not features:
        return ""
    worst = min(features, key=lambda one: one.finding.p_value).finding
    size = f" by {effect(worst)}" if worst.effect_unit == "sigma" else ""
    more = f" and {len(features) - 1} more" if len(features) > 1 else ""
    return f"drifted {when(worst, now)}: {shown(worst.about, LONGEST_SHOWN)}{size}{more}"


def _model(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when the answers are another model's."""
    if not features:
        return ""
    since = moment(min(one.since for one in features), now)
    return f"answers are not those of the registered version since {since} UTC"


def _attributions(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when the prediction moves by features, the clearest first."""
    if not features:
        return ""
    ordered = sorted(features, key=lambda one: one.finding.p_value)
    names = [shown(feature_of(one.feature), NAME_LIMIT) for one in ordered]
    since = moment(min(one.since for one in features), now)
    return f"the prediction moves by {_listed(names)} since {since} UTC"


def _performance(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when answers are worse than in training: the error rate or what stands for it, else the clearest."""
    if not features:
        return ""
    first = min(features, key=lambda one: one.since)
    worst = min((one.finding for one in features), key=lambda one: (one.feature not in HEADLINES, one.p_value))
    return f"{so_since('worse than in training', since_of(first, now))}: {change(worst, None)}"


def _quality(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when fields are not as a suite expects them."""
    if not features:
        return ""
    names = [shown(one.feature, NAME_LIMIT) for one in features]
    return f"not as expected since {moment(min(one.since for one in features), now)} UTC: {_listed(names)}"


def _skew(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when features are served otherwise than their table has them."""
    if not features:
        return ""
    names = [shown(one.feature, NAME_LIMIT) for one in features]
    since = moment(min(one.since for one in features), now)
    return f"served otherwise than the table says since {since} UTC: {_listed(names)}"


def _probing(features: Sequence[AlertFeature], now: datetime) -> str:
    """Return since when rows come in crowds."""
    if not features:
        return ""
    return f"probing suspected since {moment(min(one.since for one in features), now)} UTC"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"


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
    return f"{missing} from {period(missing.asked_from, missing.asked_to, now)}, {begun}"


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
        Verdict.MODEL_CHANGED: ("answers are not those of the registered version", "bad"),
        Verdict.PROBING: ("rows came in crowds in the last window: probing suspected", "warn"),
        Verdict.INSUFFICIENT: (f"not judged: {why}", "warn"),
        Verdict.NO_DATA: ("no traffic", "idle"),
        Verdict.NOT_TESTED: ("figures are shown, nothing is judged", "idle"),
        Verdict.BASELINE_MISSING: ("baseline missing: rows are counted, nothing is judged", "warn"),
        Verdict.LAYOUT_MISMATCH: ("baseline stale: it has other features than the traffic", "warn"),
    }
    text, level = words[last.verdict]
    return StateView(words=text + NEVER_LOGGED.get(last.remarks.get("never_logged", ""), ""), level=level)
