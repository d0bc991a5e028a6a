"""One pass: new findings and recent windows into changes, one per monitor and kind of alert that has any."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from pegel.alerts.alert import Alert, AlertFeature, Change
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.due_beside_silences import due_beside_silences
from pegel.alerts.routing import told
from pegel.alerts.severity import severity_of
from pegel.alerts.silencing import Silence
from pegel.alerts.single_events import may_page, with_page
from pegel.data.spans import Span
from pegel.judge.change_interval import ChangeInterval, interval_of
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.judge.layers.expectations import ROWS
from pegel.judge.performance.label_levels import CONCEPT
from pegel.spec.alert_routes import Route
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.stream.result_rows import WindowRow

_ORDER = tuple(AlertKind)
_JUDGED = (Verdict.OK, Verdict.BELOW_MARGIN, Verdict.DRIFTING, Verdict.PROBING)
CLEAN_WINDOWS = 16
"""Judged windows without a finding of its kind after which an alert is over."""
CLEAN_LOOKS = 2
"""The same of spans whose archived rows were looked at, hours or days, where these alone can tell."""
CLEAN_AFTER_CHART = 24
"""The same of hours of labelled rows after a chart over labelled events: it finds what no hour shows by itself."""
_BY_LOOKS = (AlertKind.SKEW, AlertKind.PERFORMANCE, AlertKind.ATTRIBUTIONS, AlertKind.MODEL)
"""Kinds of which windows of rows tell nothing."""


Look: TypeAlias = tuple[str, AlertKind, Span]
"""Rows of the archive that were looked at: of which monitor, for which kind of trouble, and of when they are.

Of performance only those of which all labels are known, and whose answers were as in training; of explained rows only
windows that were judged, and without a finding of the kind."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    """What is known in this pass about one kind of trouble of one monitor."""

    key: str
    kind: AlertKind
    spec: MonitorSpec | None
    open: Alert | None
    closed: Alert | None
    findings: tuple[Finding, ...]
    windows: tuple[WindowRow, ...]
    """Final windows; of an alert about long spans, long spans."""
    drift: tuple[Alert, ...]
    """What is known of drift in single windows: the open alert, and the last one that is over."""
    silences: tuple[Silence, ...]
    routes: tuple[Route, ...]
    cursor: int | None
    """The newest `seq` among the monitor's findings, of whichever kind."""
    looked_at: Mapping[tuple[str, Span], int]
    looks: Collection[Look]


def update(
    alerts: Iterable[Alert],
    findings: Sequence[tuple[int, Finding]],
    windows: Iterable[WindowRow],
    now: datetime,
    specs: Iterable[MonitorSpec],
    *,
    silences: Iterable[Silence] = (),
    routes: Sequence[Route] = (),
    looked_at: Mapping[tuple[str, Span], int] = MappingProxyType({}),
    looks: Collection[Look] = (),
    clean_windows: int = CLEAN_WINDOWS,
    long_spans: Iterable[WindowRow] = (),
) -> list[Change]:
    """Return what changes, ordered by monitor; of one monitor, odd events before drift.

    Args:
        alerts: per monitor and kind the open alert, if any, and the last one that is over, if any.
        findings: not yet taken in, each with its `seq`; only those of *final* windows, and of single events, belong
            here.
        windows: final windows, at least those since each open alert or new finding began.
        now: the present instant.
        specs: the registry. An alert of a monitor that is not in it ends without a mail.
        silences: those in force hold back mails about what they are about.
        routes: those of the deployment, behind those of each spec.
        looked_at: how many rows of a window were held against a suite, by monitor and span; windows of which nothing
            was asked are not in it.
        looks: spans of which rows of the archive were looked at, whatever came of it.
        clean_windows: after how many judged windows without a finding an alert is over.
        long_spans: hours, days and weeks, likewise; an alert about one is over after the next one that is clean.
    """
    rows = (tuple(windows), tuple(long_spans))
    words = (tuple(silences), tuple(routes))
    troubles = _gather(tuple(alerts), findings, rows, specs, words, looked_at=looked_at, looks=looks)
    changes = (_change(trouble, now, clean_windows) for trouble in troubles)
    return [change for change in changes if change is not None]


def _gather(
    alerts: Sequence[Alert],
    findings: Sequence[tuple[int, Finding]],
    rows: tuple[Sequence[WindowRow], Sequence[WindowRow]],
    specs: Iterable[MonitorSpec],
    words: tuple[tuple[Silence, ...], tuple[Route, ...]],
    *,
    looked_at: Mapping[tuple[str, Span], int],
    looks: Collection[Look],
) -> list[_Trouble]:
    """`rows`: windows, and long spans. `words`: silences, and routes of the deployment."""
    by_key: Mapping[str, MonitorSpec] = {spec.key: spec for spec in specs}
    new: dict[tuple[str, AlertKind], list[Finding]] = {}
    cursors: dict[str, int] = {}
    for seq, finding in sorted(findings, key=lambda pair: pair[0]):
        key = monitor_key(finding.model, finding.version)
        new.setdefault((key, AlertKind.of(finding)), []).append(finding)
        cursors[key] = seq
    current = {(alert.key, alert.kind): alert for alert in alerts if alert.over_at is None}
    over = sorted((alert for alert in alerts if alert.over_at is not None), key=lambda alert: alert.opened_at)
    last_over = {(alert.key, alert.kind): alert for alert in over}
    return [
        _Trouble(
            key=key,
            kind=kind,
            spec=by_key.get(key),
            open=current.get((key, kind)),
            closed=last_over.get((key, kind)),
            findings=tuple(new.get((key, kind), ())),
            windows=_of(key, rows[kind is AlertKind.LONG_SPANS]),
            drift=tuple(
                known[key, AlertKind.DRIFT] for known in (current, last_over) if (key, AlertKind.DRIFT) in known
            ),
            silences=words[0],
            routes=words[1],
            cursor=cursors.get(key),
            looked_at=looked_at,
            looks=looks,
        )
        for key, kind in sorted(new.keys() | current.keys(), key=lambda pair: (pair[0], _ORDER.index(pair[1])))
    ]


def _of(key: str, rows: Sequence[WindowRow]) -> tuple[WindowRow, ...]:
    return tuple(sorted((row for row in rows if row.key == key), key=lambda row: row.span.start))


def _change(trouble: _Trouble, now: datetime, clean_windows: int) -> Change | None:
    """Return what becomes of one kind of trouble; None when nothing changes."""
    alert = _absorb(trouble, now)
    if alert is not None and trouble.spec is None:
        alert = alert.closed(now)
    mail, unmailed = None, None
    if alert is not None and trouble.spec is not None:
        alert = _as_bad_as_it_was(alert, trouble.open, trouble.spec)
        unmailed = alert
        alert, mail = due_beside_silences(
            alert,
            trouble.silences,
            is_over=_is_over(alert, trouble, clean_windows),
            to=told(
                trouble.spec,
                trouble.routes,
                now,
                severity=alert.severity,
                kind=alert.kind,
                findings=(one.finding for one in alert.features),
            ),
            now=now,
            spec=trouble.spec,
            windows=trouble.windows,
            previous=trouble.closed,
        )
    if alert == trouble.open and not trouble.findings:
        return None
    unmailed = unmailed if mail else None
    return Change(key=trouble.key, alert=alert, mail=mail, cursor=trouble.cursor, at=now, unmailed=unmailed)


def _as_bad_as_it_was(alert: Alert, before: Alert | None, spec: MonitorSpec) -> Alert:
    """Return an alert with its severity: the worst that it was, so that what sways about a bound is told once."""
    now = severity_of(alert.kind, alert.magnitudes.values(), spec.alerts.severity)
    if before is not None and alert.kind.value not in spec.alerts.severity and before.severity.worse_than(now):
        return alert
    return replace(alert, severity=now)


def _absorb(trouble: _Trouble, now: datetime) -> Alert | None:
    """Return the open alert with the new findings taken in; a new alert if there was none."""
    alert = trouble.open
    for finding in trouble.findings:
        if finding.verdict not in ALARMING or _told_before(finding, trouble.closed):
            continue
        if finding.rhythm is not None and any(_tells(drift, finding) for drift in trouble.drift):
            continue
        if alert is not None:
            alert = _with(alert, finding)
        elif trouble.kind is not AlertKind.SINGLE_EVENT:
            alert = _opened(finding, trouble.closed, now)
        elif _may_page(trouble, now):
            alert = with_page(_opened(finding, trouble.closed, now), now)
    return alert


def _may_page(trouble: _Trouble, now: datetime) -> bool:
    """Say whether one more mail about a single event may be sent: the model's owner asks for it, and affords it."""
    if trouble.spec is None or trouble.spec.alerts.outliers != "page":
        return False
    return may_page(() if trouble.closed is None else trouble.closed.paged, trouble.spec.alerts, now)


def _told_before(finding: Finding, closed: Alert | None) -> bool:
    """Say whether an earlier alert covers the finding: a span judged again later is not news."""
    return closed is not None and finding.span.end <= closed.last_end and finding.about in closed.names


def _tells(drift: Alert, finding: Finding) -> bool:
    """Say whether an alert about windows tells what is found of a long span, too: that is no news then."""
    is_of_the_time = drift.since < finding.span.end and (drift.over_at is None or drift.last_end > finding.span.start)
    return is_of_the_time and finding.about in drift.names


def _opened(finding: Finding, before: Alert | None, now: datetime) -> Alert:
    return Alert(
        id=finding.id,
        model=finding.model,
        version=finding.version,
        opened_at=now,
        since=_began(finding),
        last_end=finding.span.end,
        features=(_feature(finding),),
        paged=() if before is None else before.paged,
    )


def _with(alert: Alert, finding: Finding) -> Alert:
    """Return the alert with one more finding; of one feature the finding of the newest window is kept."""
    known = {feature.feature: feature for feature in alert.features}
    seen = known.get(finding.about)
    if seen is None:
        seen = _feature(finding)
    else:
        newer = _newness(finding) > _newness(seen.finding)
        seen = AlertFeature(
            feature=finding.about,
            since=min(seen.since, _began(finding)),
            unbroken_since=_unbroken_since(seen, finding),
            finding=finding if newer else seen.finding,
            windows=seen.windows + (finding.span != seen.finding.span),
            began=_told_of(seen.began, interval_of(finding.evidence)),
        )
    return replace(
        alert,
        since=min(alert.since, _began(finding)),
        last_end=max(alert.last_end, finding.span.end),
        features=tuple((known | {finding.about: seen}).values()),
    )


def _began(finding: Finding) -> datetime:
    """Return when the change began: with the window, or with the first of the windows that are told together."""
    since = finding.evidence.get("chart", {}).get("since") or finding.evidence.get("since")
    return finding.span.start if since is None else datetime.fromisoformat(since)


def _feature(finding: Finding) -> AlertFeature:
    began = interval_of(finding.evidence)
    start = _began(finding)
    return AlertFeature(feature=finding.about, since=start, finding=finding, unbroken_since=start, began=began)


def _unbroken_since(seen: AlertFeature, finding: Finding) -> datetime:
    """Return since when there is no calm window between findings; windows that were not judged are none."""
    last, length = seen.finding.span.end, finding.span.end - finding.span.start
    if finding.span.start >= last + length:
        return _began(finding)
    return min(seen.unbroken_since, _began(finding)) if finding.span.end > seen.unbroken_since else seen.unbroken_since


def _told_of(before: ChangeInterval | None, now: ChangeInterval | None) -> ChangeInterval | None:
    """Return what is told of when a change began: the first interval that is closed, which those after it forget."""
    if before is None or (before.earliest is None and now is not None and now.earliest is not None):
        return now
    return before


def _newness(finding: Finding) -> tuple[datetime, float]:
    """Order findings of one feature: by window; of one window the clearer one speaks for the feature."""
    return finding.span.end, -finding.p_value


def _is_over(alert: Alert, trouble: _Trouble, clean_windows: int) -> bool:
    """Say whether so much was looked at since its last finding, and none found, that an alert is over."""
    if alert.kind is AlertKind.LONG_SPANS:
        return _are_clean_again(alert, trouble.windows)
    if alert.kind not in _BY_LOOKS and _clean_since(alert, trouble) < clean_windows:
        return False
    by_archive = any(
        feature.finding.origin == "batch" and ROWS in feature.finding.evidence for feature in alert.features
    )
    if alert.kind not in _BY_LOOKS and not by_archive:
        return True
    looks = (key == alert.key and kind is alert.kind and span.end > alert.last_end for key, kind, span in trouble.looks)
    # Of a feature the newest finding is kept; that a chart found it before, the time says that it told.
    by_chart = any(one.began is not None or one.finding.detector == CONCEPT for one in alert.features)
    return sum(looks) >= (CLEAN_AFTER_CHART if by_chart else CLEAN_LOOKS)


def _are_clean_again(alert: Alert, windows: Sequence[WindowRow]) -> bool:
    """Say whether each long span that was found has a later one of its length that is clean.

    Windows say nothing of them: a change that shows in a day alone is in every window of it.
    """
    judged = [row.span for row in windows if row.final and row.verdict in {Verdict.OK, Verdict.BELOW_MARGIN}]
    lasting = {one.finding.rhythm: one.finding.span.end for one in alert.features}
    for one in alert.features:
        rhythm = one.finding.rhythm
        lasting[rhythm] = max(lasting[rhythm], one.finding.span.end)
    return all(
        any(span.start >= end and rhythm is not None and span.end - span.start == rhythm.length for span in judged)
        for rhythm, end in lasting.items()
    )


def _clean_since(alert: Alert, trouble: _Trouble) -> int:
    """Count the windows after the last one with a finding of the alert's kind that were judged in this respect.

    Unjudged windows prove nothing, and none is clean as long as a chart has not come back from its alarm.
    """
    after = [
        row for row in trouble.windows if row.final and row.span.end > alert.last_end and _is_judged(row, alert.kind)
    ]
    if alert.kind is AlertKind.DRIFT and after and after[-1].verdict is Verdict.DRIFTING:
        return 0
    if any(ROWS in feature.finding.evidence for feature in alert.features):
        after = _with_rows(after, trouble.looked_at)
    return len(after)


def _with_rows(windows: Sequence[WindowRow], looked_at: Mapping[tuple[str, Span], int]) -> list[WindowRow]:
    """Return the windows that say something of what rows alone can tell: those whose rows were looked at.

    Behind the last of which rows were asked all say so: it is not asked any more, or not yet, of very few.
    """
    asked = [at for at, row in enumerate(windows) if (row.key, row.span) in looked_at]
    last = max(asked, default=-1)
    return [row for at, row in enumerate(windows) if at > last or looked_at.get((row.key, row.span))]


def _is_judged(row: WindowRow, kind: AlertKind) -> bool:
    """Say whether a window says something of one kind of trouble: its verdict may be about the other."""
    if row.verdict is not Verdict.DRIFT:
        return row.verdict in _JUDGED
    fields = row.judgement.get("features", ())
    return kind not in {AlertKind.DRIFT, AlertKind.QUALITY} or any(field["verdict"] in _JUDGED for field in fields)
