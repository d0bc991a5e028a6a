"""Which mail is due, read off the state of an alert, and the state once that mail is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pegel.alerts.alert import Alert, AlertFeature, Mail, MailKind
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.magnitude import Magnitude
from pegel.alerts.routing import Told
from pegel.alerts.severity import Severity
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow

_COMES_AND_GOES = frozenset(
    {
        AlertKind.DRIFT,
        AlertKind.LONG_SPANS,
        AlertKind.ATTRIBUTIONS,
        AlertKind.QUALITY,
        AlertKind.SKEW,
        AlertKind.PROBING,
    }
)
"""Kinds of which a short pause is no end. Another model, missing answers and wrong ones are news each time."""
_HAS_TO_LAST = _COMES_AND_GOES - {AlertKind.PROBING}
"""Kinds of which nobody is mailed before they lasted `mail_after`. Whoever looks for where an answer turns is done by
then, and may have what he looked for."""


def due_mail(
    alert: Alert,
    *,
    is_over: bool,
    quiet: bool,
    to: Told,
    now: datetime,
    spec: MonitorSpec,
    windows: Sequence[WindowRow],
    previous: Alert | None,
) -> tuple[Alert, Mail | None]:
    """Return the alert as it is after this pass, and the mail to send before saving it.

    An alert that nobody was told of yet is told before it is closed: the news of its end comes with a later pass. For
    `repeat_after` a mail is the last one about it, unless it became more severe: what joins it or grows meanwhile is
    told by one mail once that time has passed, as news if it is found by then. An alert that comes within that time of
    the last mail about the one before it, and is no more severe, counts as told by that: what comes and goes is one
    mail in that time, not one each time. That it is over is told to those who knew of it, whoever is told of alerts by
    then. One that is over before it lasted `mail_after` is told to nobody. `quiet` says that nobody is to be written to
    now, `to` who is otherwise. An acknowledgement covers what was acknowledged, until it ends: neither repetition nor
    growth nor end is told, but a further feature is. An alert about a single event is over as soon as it is told: an
    event does not last.
    """
    if previous is not None and _came_back(alert, previous, now, spec):
        alert = replace(
            alert,
            mailed_at=previous.mailed_at,
            mailed_magnitudes=previous.mailed_magnitudes,
            mailed_severity=previous.mailed_severity,
            known_to=previous.known_to,
        )
    acknowledged = alert.is_acknowledged(now)
    kind = None if quiet else _kind(alert, is_over=is_over, now=now, spec=spec)
    is_told_before = previous is not None and alert.mailed_at == previous.mailed_at
    if kind is MailKind.OVER and is_told_before:
        # Who was not told that it came back was told that it is over.
        kind = None
    if acknowledged and kind is not None:
        kind = MailKind.GROWN if _unknown(alert, spec) else None
    told_now = _told_now(alert, kind, to)
    if not told_now:
        kind = None
    if is_over and kind in {None, MailKind.OVER}:
        # Whoever has it in hand hears nothing, but an incident that was opened for it must not go on.
        alert = replace(alert, over_at=now) if kind is not None or is_told_before else alert.closed(now)
    if kind is None:
        return (alert, None) if acknowledged or quiet or is_over else _owed(alert, to, spec, windows, previous)
    new = _unknown(alert, spec) if acknowledged else _unmailed(alert, spec)
    mailed = replace(
        alert,
        mailed_at=now,
        over_at=now if alert.kind is AlertKind.SINGLE_EVENT else alert.over_at,
        # Whoever was told at an earlier try knows only what there was then; the rest is news to all.
        mailed_magnitudes=alert.told_magnitudes or alert.magnitudes,
        mailed_severity=alert.severity,
        known_to=tuple(dict.fromkeys((*alert.known_to, *alert.told, *told_now))),
        missed={address: of for address, of in alert.missed.items() if address not in told_now},
        mailed_end=alert.last_end,
        told=(),
        told_over=False,
        told_magnitudes={},
        mail_failed="",
    )
    have_it = who_has(alert, kind)
    recipients = tuple(address for address in told_now if address not in have_it)
    if not recipients:
        return mailed, None
    mail = Mail(
        kind=kind,
        alert=mailed,
        spec=spec,
        recipients=recipients,
        windows=_since(alert, windows),
        previous=previous,
        new_features=new,
        grown={} if acknowledged else _grown(alert),
    )
    return mailed, mail


def who_has(alert: Alert, kind: MailKind) -> tuple[str, ...]:
    """Return who has a mail that is due already; that it goes on and that it is over are two mails."""
    return alert.told if alert.told_over == (kind is MailKind.OVER) else ()


def _owed(
    alert: Alert, to: Told, spec: MonitorSpec, windows: Sequence[WindowRow], previous: Alert | None
) -> tuple[Alert, Mail | None]:
    """Return the mail that others have and who could not be reached has not, and the alert once it is accepted."""
    ordinals = [of for address, of in alert.missed.items() if address in to.at_once]
    if not ordinals:
        return alert, None
    owed = tuple(address for address, of in alert.missed.items() if of == ordinals[0] and address in to.at_once)
    mailed = replace(
        alert,
        missed={address: of for address, of in alert.missed.items() if address not in owed},
        known_to=tuple(dict.fromkeys((*alert.known_to, *owed))),
    )
    mail = Mail(
        kind=MailKind.OPENED,
        alert=mailed,
        spec=spec,
        recipients=owed,
        windows=_since(alert, windows),
        previous=previous,
        new_features=alert.names,
        ordinal=ordinals[0],
    )
    return mailed, mail


def _since(alert: Alert, windows: Sequence[WindowRow]) -> tuple[WindowRow, ...]:
    return tuple(row for row in windows if row.span.end > alert.since)


def _told_now(alert: Alert, kind: MailKind | None, to: Told) -> tuple[str, ...]:
    """Return who is told: that it is over, those who knew of it, as far as they still may be told anything."""
    knew = tuple(dict.fromkeys((*alert.known_to, *alert.told)))
    if kind is MailKind.OVER and knew:
        return tuple(address for address in knew if address in to.possible)
    return to.at_once


def _rose(alert: Alert, before: Severity | None) -> bool:
    """Say whether it is worse than it was as people know it."""
    return before is not None and alert.severity.worse_than(before)


def _came_back(alert: Alert, previous: Alert, now: datetime, spec: MonitorSpec) -> bool:
    """Say whether people know of such trouble from the alert before, which they were told of lately."""
    if alert.kind not in _COMES_AND_GOES or alert.mailed_at is not None or alert.told:
        return False
    is_told = not previous.is_resolved and not _rose(alert, previous.mailed_severity)
    return is_told and _was_mailed_lately(previous, now, spec)


def _was_mailed_lately(alert: Alert, now: datetime, spec: MonitorSpec) -> bool:
    """Say whether the last mail about an alert speaks for it still: what a wrong clock dated ahead mutes nobody."""
    return alert.mailed_at is not None and abs(now - alert.mailed_at) < spec.alerts.repeat_after


def _unmailed(alert: Alert, spec: MonitorSpec) -> tuple[str, ...]:
    """Return the features that no mail told, and that last for as long as the spec wants before one does."""
    return tuple(
        one.feature
        for one in alert.features
        if one.feature not in alert.mailed_magnitudes and lasts(one, alert.kind, spec)
    )


def lasts(one: AlertFeature, kind: AlertKind, spec: MonitorSpec) -> bool:
    """Say whether what an alert is about lasts for as long as the spec wants before anybody is told."""
    return kind not in _HAS_TO_LAST or one.finding.span.end - one.unbroken_since >= spec.alerts.mail_after


def _unknown(alert: Alert, spec: MonitorSpec) -> tuple[str, ...]:
    """Return the features that neither a mail told nor a person acknowledged, likewise."""
    return tuple(name for name in _unmailed(alert, spec) if name not in alert.acknowledged_features)


def _grown(alert: Alert) -> Mapping[str, Magnitude]:
    """Return what has grown since the last mail that told it, as large as it was then."""
    now, told = alert.magnitudes, alert.mailed_magnitudes
    return {name: told[name] for name in alert.names if name in told and now[name].grew_from(told[name])}


def _news(alert: Alert, spec: MonitorSpec) -> tuple[AlertFeature, ...]:
    """Return what no mail told, and what has grown since one did."""
    of = {*_unmailed(alert, spec), *_grown(alert)}
    return tuple(one for one in alert.features if one.feature in of)


def _is_found_now(one: AlertFeature, alert: Alert) -> bool:
    """Say whether the last span of its length that was found has it: what was calm again by then wakes nobody."""
    span = one.finding.span
    return span.end + (span.end - span.start) > alert.last_end


def _kind(alert: Alert, *, is_over: bool, now: datetime, spec: MonitorSpec) -> MailKind | None:
    if alert.mailed_at is None:
        return MailKind.OPENED if alert.told or _unmailed(alert, spec) else None
    if is_over:
        return MailKind.OVER
    if _rose(alert, alert.mailed_severity):
        return MailKind.GROWN
    if _was_mailed_lately(alert, now, spec):
        return None
    news = _news(alert, spec)
    if any(_is_found_now(one, alert) for one in news):
        return MailKind.GROWN
    goes_on = alert.mailed_end is None or alert.last_end > alert.mailed_end
    return MailKind.REPEATED if news or goes_on else None
