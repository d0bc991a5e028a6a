"""One pass: new findings and recent windows into changes, one per monitor that has any."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pegel.alerts.alert import Alert, AlertFeature, Change, Silence
from pegel.alerts.due_mail import due_mail
from pegel.judge.findings import ALARMING, Finding, Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.stream.result_rows import WindowRow

_JUDGED = (Verdict.OK, Verdict.BELOW_MARGIN, Verdict.DRIFTING)
CLEAN_WINDOWS = 16
"""Judged windows without a finding after which an alert is over."""


@dataclass(frozen=True, slots=True)
class _Monitor:
    """What is known about one monitor in this pass."""

    key: str
    spec: MonitorSpec | None
    open: Alert | None
    closed: Alert | None
    findings: tuple[tuple[int, Finding], ...]
    windows: tuple[WindowRow, ...]
    silenced: bool


def update(
    alerts: Iterable[Alert],
    findings: Sequence[tuple[int, Finding]],
    windows: Iterable[WindowRow],
    now: datetime,
    specs: Iterable[MonitorSpec],
    *,
    silences: Iterable[Silence] = (),
    clean_windows: int = CLEAN_WINDOWS,
) -> list[Change]:
    """Return what changes, ordered by monitor.

    Args:
        alerts: per monitor the open alert, if any, and the last one that is over, if any.
        findings: not yet taken in, each with its `seq`; only those of *final* windows belong here.
        windows: final windows, at least those since each open alert or new finding began.
        now: the present instant.
        specs: the registry. An alert of a monitor that is not in it ends without a mail.
        silences: those in force hold back mails.
        clean_windows: after how many judged windows without a finding an alert is over.
    """
    monitors = _gather(tuple(alerts), findings, tuple(windows), specs, tuple(silences), now=now)
    changes = (_change(monitor, now, clean_windows) for monitor in monitors)
    return [change for change in changes if change is not None]


def _gather(
    alerts: Sequence[Alert],
    findings: Sequence[tuple[int, Finding]],
    windows: Sequence[WindowRow],
    specs: Iterable[MonitorSpec],
    silences: Sequence[Silence],
    *,
    now: datetime,
) -> list[_Monitor]:
    by_key: Mapping[str, MonitorSpec] = {spec.key: spec for spec in specs}
    silenced = {monitor_key(silence.model, silence.version) for silence in silences if now < silence.until}
    new: dict[str, list[tuple[int, Finding]]] = {}
    for seq, finding in sorted(findings, key=lambda pair: pair[0]):
        new.setdefault(monitor_key(finding.model, finding.version), []).append((seq, finding))
    current = {alert.key: alert for alert in alerts if alert.over_at is None}
    over = sorted((alert for alert in alerts if alert.over_at is not None), key=lambda alert: alert.opened_at)
    last_over = {alert.key: alert for alert in over}
    return [
        _Monitor(
            key=key,
            spec=by_key.get(key),
            open=current.get(key),
            closed=last_over.get(key),
            findings=tuple(new.get(key, ())),
            windows=tuple(sorted((row for row in windows if row.key == key), key=lambda row: row.span.start)),
            silenced=key in silenced,
        )
        for key in sorted(new.keys() | current.keys())
    ]


def _change(monitor: _Monitor, now: datetime, clean_windows: int) -> Change | None:
    """Return what becomes of one monitor; None when nothing changes."""
    alert = _absorb(monitor, now)
    cursor = monitor.findings[-1][0] if monitor.findings else None
    if alert is not None and monitor.spec is None:
        alert = replace(alert, over_at=now)
    mail, unmailed = None, None
    if alert is not None and monitor.spec is not None:
        unmailed = alert
        is_over = _clean_since(alert, monitor.windows) >= clean_windows
        quiet = monitor.silenced or not monitor.spec.alerts.emails
        alert, mail = due_mail(
            alert,
            is_over=is_over,
            quiet=quiet,
            now=now,
            spec=monitor.spec,
            windows=monitor.windows,
            previous=monitor.closed,
        )
    if alert == monitor.open and cursor is None:
        return None
    return Change(key=monitor.key, alert=alert, mail=mail, cursor=cursor, unmailed=unmailed if mail else None)


def _absorb(monitor: _Monitor, now: datetime) -> Alert | None:
    """Return the monitor's open alert with the new findings taken in; a new alert if there was none."""
    alert = monitor.open
    for _, finding in monitor.findings:
        if finding.verdict not in ALARMING or _told_before(finding, monitor.closed):
            continue
        alert = _opened(finding, now) if alert is None else _with(alert, finding)
    return alert


def _told_before(finding: Finding, closed: Alert | None) -> bool:
    """Say whether an earlier alert covers the finding: a span judged again later is not news."""
    return closed is not None and finding.span.end <= closed.last_end and finding.feature in closed.names


def _opened(finding: Finding, now: datetime) -> Alert:
    return Alert(
        id=finding.id,
        model=finding.model,
        version=finding.version,
        opened_at=now,
        since=_began(finding),
        last_end=finding.span.end,
        features=(AlertFeature(feature=finding.feature, since=_began(finding), finding=finding),),
    )


def _with(alert: Alert, finding: Finding) -> Alert:
    """Return the alert with one more finding; of one feature the finding of the newest window is kept."""
    known = {feature.feature: feature for feature in alert.features}
    seen = known.get(finding.feature)
    if seen is None:
        seen = AlertFeature(feature=finding.feature, since=_began(finding), finding=finding)
    else:
        newer = _newness(finding) > _newness(seen.finding)
        seen = AlertFeature(
            feature=finding.feature,
            since=min(seen.since, _began(finding)),
            finding=finding if newer else seen.finding,
            windows=seen.windows + (finding.span != seen.finding.span),
        )
    return replace(
        alert,
        since=min(alert.since, _began(finding)),
        last_end=max(alert.last_end, finding.span.end),
        features=tuple((known | {finding.feature: seen}).values()),
    )


def _began(finding: Finding) -> datetime:
    """Return when the change began: with the window, or with the first of the windows that are told together."""
    since = finding.evidence.get("chart", {}).get("since") or finding.evidence.get("since")
    return finding.span.start if since is None else datetime.fromisoformat(since)


def _newness(finding: Finding) -> tuple[datetime, float]:
    """Order findings of one feature: by window; of one window the clearer one speaks for the feature."""
    return finding.span.end, -finding.p_value


def _clean_since(alert: Alert, windows: Sequence[WindowRow]) -> int:
    """Count the judged windows without a finding after the last one with any. Unjudged windows prove nothing.

    None is clean as long as a chart has not come back from its alarm.
    """
    after = [row for row in windows if row.final and row.span.end > alert.last_end and row.verdict in _JUDGED]
    if after and after[-1].verdict is Verdict.DRIFTING:
        return 0
    return len(after)
