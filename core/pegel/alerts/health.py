"""What is wrong with the watching itself: who is mailed of it, and when. Pure.

It is no finding of a window: a driver that is dead judges nothing. Whoever sends mails looks each minute; what was seen
first is kept, because what is wrong may look like another beginning each time: drivers that start again and again
speak.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pegel.alerts.alert import MailKind
from pegel.alerts.health_kind import HealthKind
from pegel.alerts.routing import Told
from pegel.alerts.routing import told as told_of
from pegel.alerts.severity import Severity, health_severity
from pegel.spec.alert_routes import Route, is_pager
from pegel.spec.limits import (
    BASELINE_OLD_FOR,
    BEHIND_FOR,
    DISK_FILLS_FOR,
    LABELS_LATE_FOR,
    NO_TRAFFIC_FOR,
    NOT_JUDGED_FOR,
    NOT_WATCHED_FOR,
    OPEN_LEDGER_FOR,
    RECORDS_LOST_FOR,
    REFRESH_REFUSED_FOR,
    REPEATED_BY_DAYS,
    TRAFFIC_FELL_FOR,
    UNREACHABLE_FOR,
)
from pegel.spec.monitor_spec import MonitorSpec

PATIENCE = {
    HealthKind.NOT_WATCHED: NOT_WATCHED_FOR,
    HealthKind.BEHIND: BEHIND_FOR,
    HealthKind.NOT_JUDGED: NOT_JUDGED_FOR,
    HealthKind.NO_TRAFFIC: NO_TRAFFIC_FOR,
    HealthKind.RECORDS_LOST: RECORDS_LOST_FOR,
    HealthKind.OPEN_LEDGER: OPEN_LEDGER_FOR,
    HealthKind.LABELS_LATE: LABELS_LATE_FOR,
    HealthKind.TRAFFIC_FELL: TRAFFIC_FELL_FOR,
    HealthKind.DISK_FILLS: DISK_FILLS_FOR,
    HealthKind.UNREACHABLE: UNREACHABLE_FOR,
    HealthKind.REFRESH_REFUSED: REFRESH_REFUSED_FOR,
    HealthKind.BASELINE_OLD: BASELINE_OLD_FOR,
}
"""How long it may be so before anybody is mailed."""
TELLS_ITS_END = frozenset(HealthKind) - {HealthKind.RECORDS_LOST}
"""Kinds of which people hear that they are over. What was lost stays lost."""
_HIDES = {
    HealthKind.NOT_WATCHED: (
        HealthKind.BEHIND,
        HealthKind.NOT_JUDGED,
        HealthKind.NO_TRAFFIC,
        HealthKind.OPEN_LEDGER,
        HealthKind.TRAFFIC_FELL,
    ),
    HealthKind.BEHIND: (HealthKind.NO_TRAFFIC, HealthKind.OPEN_LEDGER, HealthKind.TRAFFIC_FELL),
}
"""What else is to be expected of the models of a group, and told by nobody, while this is so."""
_HIDES_OF_SAME = {HealthKind.REFRESH_REFUSED: (HealthKind.BASELINE_OLD,)}
"""What else is to be expected of the same model alone."""
_BY_DAYS = frozenset({HealthKind.LABELS_LATE, HealthKind.REFRESH_REFUSED, HealthKind.BASELINE_OLD})
"""What nobody mends within an hour, and is repeated once a day at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What is seen to be wrong now. `about`: a group, or the key of a model; `reason`: a sentence's end."""

    kind: HealthKind
    about: str
    group: str
    models: tuple[str, ...]
    """Keys of the monitors whose people are told."""
    reason: str

    @property
    def key(self) -> tuple[HealthKind, str]:
        """Return what it is known by."""
        return self.kind, self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthAlert:
    """What was seen each time that it was looked at, `since` an instant.

    `mailed_at`: when everybody had the last mail; None before the first. `told`: who has the mail that is due, while
    others are still to be tried again. `models`: whose people know of it.
    """

    kind: HealthKind
    about: str
    group: str
    models: tuple[str, ...]
    since: datetime
    reason: str
    """As it was last seen."""
    severity: Severity = Severity.WARNING
    """How bad it is by all of its models, as it was last seen."""
    mailed_at: datetime | None = None
    told: tuple[str, ...] = ()
    known_to: tuple[str, ...] = ()
    """Addressees that were told of it."""
    missed: tuple[str, ...] = ()
    """Addressees that others were told before, because they could not be reached."""

    @property
    def key(self) -> tuple[HealthKind, str]:
        """Return what it is known by."""
        return self.kind, self.about


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthMail:
    """Everything a mail tells of one such alert. `models`: whose people are mailed."""

    kind: MailKind
    alert: HealthAlert
    models: tuple[str, ...]
    recipients: tuple[str, ...]
    severity: Severity


def unhidden(signs: Sequence[Sign]) -> list[Sign]:
    """Return the signs that no other one of the same group explains."""
    return [sign for sign in signs if sign.kind not in hidden_kinds(signs, sign.group, sign.about)]


def hidden_kinds(signs: Sequence[Sign], group: str, about: str) -> frozenset[HealthKind]:
    """Return the kinds of which nothing can be said of a group's models, or of this very one, now, good or bad."""
    of_group = {kind for sign in signs if sign.group == group for kind in _HIDES.get(sign.kind, ())}
    of_same = {kind for sign in signs if sign.about == about for kind in _HIDES_OF_SAME.get(sign.kind, ())}
    return frozenset(of_group | of_same)


def seen(kept: HealthAlert | None, sign: Sign | None, now: datetime) -> HealthAlert | None:
    """Return what is to be kept of what is looked at now; `sign`: None where nothing is wrong.

    What is over is kept until that was mailed to those who know of it.
    """
    if sign is not None:
        if kept is None:
            kept = HealthAlert(
                kind=sign.kind, about=sign.about, group=sign.group, models=sign.models, since=now, reason=sign.reason
            )
        # What a clock that was ahead has dated must not keep anybody from being told until then.
        mailed_at = None if kept.mailed_at is None else min(kept.mailed_at, now)
        known = replace(kept, since=min(kept.since, now), mailed_at=mailed_at)
        return replace(known, group=sign.group, models=sign.models, reason=sign.reason)
    if kept is None or kept.kind not in TELLS_ITS_END:
        return None
    return kept if kept.mailed_at is not None or kept.told else None


def due(
    kept: HealthAlert,
    specs: Sequence[MonitorSpec],
    silenced: Collection[str],
    now: datetime,
    *,
    is_over: bool,
    routes: Sequence[Route] = (),
) -> HealthMail | None:
    """Return the mail that is due; None if nobody is to be written to now.

    Args:
        kept: What `seen` returned.
        specs: Its monitors.
        silenced: Keys of monitors about which nobody is mailed now.
        now: The present instant.
        is_over: Whether nothing is wrong any more.
        routes: Those of the deployment.
    """
    speaking = sorted((spec for spec in specs if spec.key not in silenced), key=lambda spec: spec.key)
    severity = health_severity(kept.kind, [spec.alerts.severity for spec in speaking])
    by_spec = [(spec, told_of(spec, routes, now, severity=severity, kind=kept.kind)) for spec in speaking]
    asked = [(spec, _told_now(kept, to, is_over=is_over)) for spec, to in by_spec]
    asked = [(spec, own) for spec, own in asked if own]
    kind = _kind(kept, [spec for spec, _ in asked], now, is_over=is_over)
    addresses = dict.fromkeys(address for _, own in asked for address in own)
    recipients = tuple(address for address in addresses if address not in kept.told)
    if kind is None and not is_over:
        recipients = tuple(address for address in addresses if address in kept.missed)
        kind = MailKind.OPENED if recipients else None
    if kind is None or not asked:
        return None
    models = tuple(spec.key for spec, _ in asked)
    return HealthMail(kind=kind, alert=kept, models=models, recipients=recipients, severity=severity)


def end_of_incidents(kept: HealthAlert) -> HealthMail | None:
    """Return that it is over for pagers that know of it, where nobody is written to now; None if there are none."""
    pagers = tuple(address for address in (*kept.known_to, *kept.told) if is_pager(address))
    if not pagers:
        return None
    return HealthMail(kind=MailKind.OVER, alert=kept, models=kept.models, recipients=pagers, severity=kept.severity)


def _told_now(kept: HealthAlert, to: Told, *, is_over: bool) -> tuple[str, ...]:
    """Return who is told of it; who cannot be reached is not told so."""
    knew = tuple(address for address in kept.known_to if address in to.possible)
    told = knew if is_over and kept.known_to else to.at_once
    return tuple(address for address in told if kept.kind is not HealthKind.UNREACHABLE or address != kept.about)


def told(
    kept: HealthAlert, mail: HealthMail, settled: Collection[str], now: datetime, *, waiting: Collection[str] = ()
) -> HealthAlert | None:
    """Return what is to be kept once a mail is with some of its recipients, or refused for good; None: nothing more.

    Who is `waiting` is told by a later pass, and the rest with them; who cannot be reached holds up nobody else.
    """
    known_to = tuple(dict.fromkeys((*kept.known_to, *settled)))
    left = tuple(address for address in mail.recipients if address not in settled)
    if mail.kind is MailKind.OPENED and kept.mailed_at is not None:
        # Others had it before.
        return replace(kept, known_to=known_to, missed=tuple(one for one in kept.missed if one not in settled))
    missed = tuple(address for address in (*kept.missed, *left) if address not in settled and address not in waiting)
    if waiting or (left and not settled and not kept.told):
        return replace(kept, told=(*kept.told, *settled), known_to=known_to)
    if mail.kind is MailKind.OVER:
        return None
    return replace(kept, mailed_at=now, told=(), known_to=known_to, missed=tuple(dict.fromkeys(missed)))


def _kind(kept: HealthAlert, specs: Sequence[MonitorSpec], now: datetime, *, is_over: bool) -> MailKind | None:
    if is_over:
        return MailKind.OVER
    if kept.mailed_at is None:
        return MailKind.OPENED if now - kept.since >= PATIENCE[kept.kind] else None
    soonest = min((spec.alerts.repeat_after for spec in specs), default=None)
    if soonest is not None and kept.kind in _BY_DAYS:
        soonest = max(soonest, REPEATED_BY_DAYS)
    repeats = kept.kind in TELLS_ITS_END and soonest is not None and now - kept.mailed_at >= soonest
    return MailKind.REPEATED if repeats else None
