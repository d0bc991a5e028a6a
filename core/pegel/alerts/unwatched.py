"""Groups that nobody watches: who is mailed of it, and when. Pure.

A driver that is dead judges nothing, so this is no finding of a window: whoever sends mails looks each minute, and what
was seen first is kept, because drivers that start again and again speak, and each begins anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pegel.alerts.alert import MailKind
from pegel.spec.limits import NOT_WATCHED_FOR
from pegel.spec.monitor_spec import MonitorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatched:
    """A group that was seen to be watched by nobody, each time it was looked at `since` an instant.

    `mailed_at`: when everybody had the last mail; None before the first. `told`: who has the mail that is due, while
    others are still to be tried again.
    """

    group: str
    since: datetime
    mailed_at: datetime | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwatchedMail:
    """Everything a mail tells. `reason`: why nobody watches; empty once somebody does again."""

    kind: MailKind
    group: str
    models: tuple[str, ...]
    """Keys of the group's monitors whose people are mailed."""
    since: datetime
    reason: str
    recipients: tuple[str, ...]


def seen(kept: Unwatched | None, group: str, reason: str | None, now: datetime) -> Unwatched | None:
    """Return what is to be kept of a group that is looked at now; `reason`: why nobody watches it, None if it is.

    A group that is watched again is kept until that was mailed to those who know that it was not.
    """
    if reason is not None:
        return kept or Unwatched(group=group, since=now)
    return kept if kept is not None and (kept.mailed_at is not None or kept.told) else None


def due(
    kept: Unwatched, reason: str | None, specs: Sequence[MonitorSpec], silenced: Collection[str], now: datetime
) -> UnwatchedMail | None:
    """Return the mail that is due about a group; None if nobody is to be written to now.

    Args:
        kept: What `seen` returned.
        reason: Why nobody watches the group; None if it is watched.
        specs: Its monitors.
        silenced: Keys of monitors about which nobody is mailed now.
        now: The present instant.
    """
    speaking = sorted((spec for spec in specs if spec.key not in silenced and spec.alerts.emails), key=_key)
    kind = _kind(kept, reason, speaking, now)
    if kind is None or not speaking:
        return None
    addresses = dict.fromkeys(address for spec in speaking for address in spec.alerts.emails)
    return UnwatchedMail(
        kind=kind,
        group=kept.group,
        models=tuple(map(_key, speaking)),
        since=kept.since,
        reason=reason or "",
        recipients=tuple(address for address in addresses if address not in kept.told),
    )


def told(kept: Unwatched, mail: UnwatchedMail, settled: Collection[str], now: datetime) -> Unwatched | None:
    """Return what is to be kept once a mail is with some of its recipients, or refused for good; None: nothing more."""
    if set(mail.recipients) - set(settled):
        return replace(kept, told=(*kept.told, *settled))
    return None if mail.kind is MailKind.OVER else replace(kept, mailed_at=now, told=())


def _kind(kept: Unwatched, reason: str | None, specs: Sequence[MonitorSpec], now: datetime) -> MailKind | None:
    if reason is None:
        return MailKind.OVER
    if kept.mailed_at is None:
        return MailKind.OPENED if now - kept.since >= NOT_WATCHED_FOR else None
    soonest = min((spec.alerts.repeat_after for spec in specs), default=None)
    return MailKind.REPEATED if soonest is not None and now - kept.mailed_at >= soonest else None


def _key(spec: MonitorSpec) -> str:
    return spec.key
