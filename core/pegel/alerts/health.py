"""What is wrong with the watching itself: who is mailed of it, and when. Pure.

It is no finding of a window: a driver that is dead judges nothing. Whoever sends mails looks each minute; what was seen
first is kept, because what is wrong may look like another beginning each time: drivers that start again and again
speak.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pegel.alerts.alert import MailKind
from pegel.spec.limits import (
    BEHIND_FOR,
    NO_TRAFFIC_FOR,
    NOT_JUDGED_FOR,
    NOT_WATCHED_FOR,
    OPEN_LEDGER_FOR,
    RECORDS_LOST_FOR,
)
from pegel.spec.monitor_spec import MonitorSpec


class HealthKind(StrEnum):
    """Kinds of trouble with the watching, the one that explains others first."""

    NOT_WATCHED = "not watched"
    """Of a group: no driver gets through a batch, or of a table: nobody reads it."""
    BEHIND = "behind"
    """Of a group: its driver reads, and what it reads is old."""
    NOT_JUDGED = "not judged"
    """Of a model: its events cannot be counted or its windows not be judged."""
    NO_TRAFFIC = "no traffic"
    """Of a model: nothing has come for longer than it ever was quiet."""
    RECORDS_LOST = "records lost"
    """Of a group: records that nobody read, because the broker had them no longer."""
    OPEN_LEDGER = "open ledger"
    """Of a group: more or fewer records arrived than are accounted for."""


PATIENCE = {
    HealthKind.NOT_WATCHED: NOT_WATCHED_FOR,
    HealthKind.BEHIND: BEHIND_FOR,
    HealthKind.NOT_JUDGED: NOT_JUDGED_FOR,
    HealthKind.NO_TRAFFIC: NO_TRAFFIC_FOR,
    HealthKind.RECORDS_LOST: RECORDS_LOST_FOR,
    HealthKind.OPEN_LEDGER: OPEN_LEDGER_FOR,
}
"""How long it may be so before anybody is mailed."""
TELLS_ITS_END = frozenset(HealthKind) - {HealthKind.RECORDS_LOST}
"""Kinds of which people hear that they are over. What was lost stays lost."""
_HIDES = {
    HealthKind.NOT_WATCHED: (HealthKind.BEHIND, HealthKind.NO_TRAFFIC, HealthKind.OPEN_LEDGER),
    HealthKind.BEHIND: (HealthKind.NO_TRAFFIC, HealthKind.OPEN_LEDGER),
}
"""What else is to be expected of the models of a group, and told by nobody, while this is so."""


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
    mailed_at: datetime | None = None
    told: tuple[str, ...] = ()

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


def unhidden(signs: Sequence[Sign]) -> list[Sign]:
    """Return the signs that no other one of the same group explains."""
    hidden = {(kind, sign.group) for sign in signs for kind in _HIDES.get(sign.kind, ())}
    return [sign for sign in signs if (sign.kind, sign.group) not in hidden]


def hidden_kinds(signs: Sequence[Sign], group: str) -> frozenset[HealthKind]:
    """Return the kinds of which nothing can be said of a group's models now, good or bad."""
    return frozenset(kind for sign in signs if sign.group == group for kind in _HIDES.get(sign.kind, ()))


def seen(kept: HealthAlert | None, sign: Sign | None, now: datetime) -> HealthAlert | None:
    """Return what is to be kept of what is looked at now; `sign`: None where nothing is wrong.

    What is over is kept until that was mailed to those who know of it.
    """
    if sign is not None:
        if kept is None:
            kept = HealthAlert(
                kind=sign.kind, about=sign.about, group=sign.group, models=sign.models, since=now, reason=sign.reason
            )
        return replace(kept, group=sign.group, models=sign.models, reason=sign.reason)
    if kept is None or kept.kind not in TELLS_ITS_END:
        return None
    return kept if kept.mailed_at is not None or kept.told else None


def due(
    kept: HealthAlert, specs: Sequence[MonitorSpec], silenced: Collection[str], now: datetime, *, is_over: bool
) -> HealthMail | None:
    """Return the mail that is due; None if nobody is to be written to now.

    Args:
        kept: What `seen` returned.
        specs: Its monitors.
        silenced: Keys of monitors about which nobody is mailed now.
        now: The present instant.
        is_over: Whether nothing is wrong any more.
    """
    speaking = sorted((spec for spec in specs if spec.key not in silenced and spec.alerts.emails), key=_key)
    kind = _kind(kept, speaking, now, is_over=is_over)
    if kind is None or not speaking:
        return None
    addresses = dict.fromkeys(address for spec in speaking for address in spec.alerts.emails)
    recipients = tuple(address for address in addresses if address not in kept.told)
    return HealthMail(kind=kind, alert=kept, models=tuple(map(_key, speaking)), recipients=recipients)


def told(kept: HealthAlert, mail: HealthMail, settled: Collection[str], now: datetime) -> HealthAlert | None:
    """Return what is to be kept once a mail is with some of its recipients, or refused for good; None: nothing more."""
    if set(mail.recipients) - set(settled):
        return replace(kept, told=(*kept.told, *settled))
    return None if mail.kind is MailKind.OVER else replace(kept, mailed_at=now, told=())


def _kind(kept: HealthAlert, specs: Sequence[MonitorSpec], now: datetime, *, is_over: bool) -> MailKind | None:
    if is_over:
        return MailKind.OVER
    if kept.mailed_at is None:
        return MailKind.OPENED if now - kept.since >= PATIENCE[kept.kind] else None
    soonest = min((spec.alerts.repeat_after for spec in specs), default=None)
    repeats = kept.kind in TELLS_ITS_END and soonest is not None and now - kept.mailed_at >= soonest
    return MailKind.REPEATED if repeats else None


def _key(spec: MonitorSpec) -> str:
    return spec.key
