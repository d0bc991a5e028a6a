"""From the database to the page of all alerts: which are open, which were, what happened to them, what is silenced."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from pegel.alerts.alert import Alert
from pegel.alerts.alert_event import AlertEvent
from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.any_kind import ANY_KINDS
from pegel.alerts.severity import Severity
from pegel.alerts.silencing import Silence, SilenceState, is_in_hand, silenced_by
from pegel.errors import DamagedRow
from pegel.report.reading import PartReader, Sources
from pegel.report.untold_words import Specs
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.alert_history import AlertHistory
from pegel.store.alert_store import AlertStore
from pegel.store.registry import Registry
from pegel.store.silence_store import SilenceStore

MOST_OPEN, MOST_OVER, MOST_PAST = 200, 100, 50
"""Open alerts, alerts that are over, and silences that are over that one page lists."""
LOOKED_AT: Final = 300
"""Newest alerts that are over among which those with a part of a name are looked for."""
_ID: Final = re.compile("[0-9a-f]{8,64}")
KINDS: Final = tuple(kind.value for kind in AlertKind)
SEVERITIES: Final = tuple(severity.value for severity in Severity)
STANDINGS: Final = ("unacknowledged", "acknowledged", "silenced")
"""How an open alert may stand, as a person filters by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsAsked:
    """What a person wants to see; an empty text asks for everything.

    `text`: parts of the model's name, of a feature or of an id. `kind`: a kind of alert. `severity`: how bad it was at
    worst. `standing`: one of `STANDINGS`. `past`: those that are over instead of the open ones.
    """

    text: str = ""
    kind: str = ""
    severity: str = ""
    standing: str = ""
    past: bool = False

    def fits(self, alert: Alert, silences: Sequence[Silence], now: datetime) -> bool:
        """Say whether an alert is meant."""
        words = f"{alert.key} {' '.join(alert.names)} {alert.id}".lower()
        if not all(part in words for part in self.text.lower().split()) or self.kind not in {"", alert.kind.value}:
            return False
        if self.severity not in {"", alert.severity.value}:
            return False
        return self.standing in {"", *_standings(alert, silences, now)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsView:
    """What the page shows.

    `alerts`: at most `MOST_OPEN`, those that nobody has in hand before the others, of both the worst first and of these
    the newest; or at most `MOST_OVER` that are over, the newest first. `meant`: how many fit.
    """

    asked: AlertsAsked
    alerts: list[Alert]
    in_hand: set[str]
    """Ids of those that are acknowledged or silenced as a whole: these come last."""
    meant: int
    open_ones: int
    """How many are open, whatever was asked for."""
    events: dict[str, list[AlertEvent]]
    """What happened to each of them, by its id, oldest first."""
    silences: list[Silence]
    """Those in force."""
    coming: list[Silence]
    past: list[Silence]
    """The newest of those that are over, newest first."""
    problems: list[str]
    """What could not be read, in words."""
    specs: Specs
    """Those of the models of the listed alerts of which no mail told yet, by the key of their monitor."""
    kinds: tuple[str, ...] = KINDS
    any_kinds: tuple[str, ...] = ANY_KINDS
    """Those that may be silenced."""
    severities: tuple[str, ...] = SEVERITIES
    standings: tuple[str, ...] = STANDINGS


def alerts_view(sources: Sources, asked: AlertsAsked, now: datetime) -> AlertsView:
    """Read it, in seven questions at most. Raises TemporaryError; what cannot be read is among `problems`.

    Where no open alert is meant by an id, and one that is over is, those that are over are shown: `asked` says so.
    """
    reader, store = PartReader(), AlertStore(sources.engine)
    part, problems = reader.part, reader.problems
    known = part("open alerts", store.open_by_monitor, dict[tuple[str, int], list[Alert | DamagedRow]]())
    flat = [alert for each in known.values() for alert in each]
    problems += [str(alert) for alert in flat if isinstance(alert, DamagedRow)]
    open_ones = [alert for alert in flat if isinstance(alert, Alert)]
    listed = SilenceStore(sources.engine)
    silences = part("silences", lambda: listed.all(now, past=True, damaged=problems), list[Silence]())
    in_force = _of_state(silences, SilenceState.IN_FORCE, now)
    meant, most = [alert for alert in open_ones if asked.fits(alert, in_force, now)], MOST_OPEN
    if not meant and not asked.standing and part("alerts", lambda: _over_by_id(store, asked, problems), list[Alert]()):
        # The link of a mail stays good when its alert is over.
        asked = replace(asked, past=True)
    if asked.past:
        over, most = part("alerts", lambda: _over(store, asked, problems), list[Alert]()), MOST_OVER
        meant = [alert for alert in over if asked.fits(alert, in_force, now)]
    newest_first = sorted(meant, key=lambda alert: (alert.opened_at, alert.id), reverse=True)
    in_hand = {alert.id for alert in meant if is_in_hand(alert, in_force, now)}
    worst_first = sorted(newest_first, key=lambda alert: (alert.id in in_hand, alert.severity.rank))
    shown = (newest_first if asked.past else worst_first)[:most]
    history = partial(AlertHistory(sources.engine).of_each, shown, damaged=problems)
    return AlertsView(
        asked=asked,
        alerts=shown,
        in_hand=in_hand,
        meant=len(meant),
        open_ones=len(open_ones),
        events=part("the history of alerts", history, dict[str, list[AlertEvent]]()),
        silences=in_force,
        coming=_of_state(silences, SilenceState.COMING, now),
        past=_of_state(silences, SilenceState.PAST, now)[::-1][:MOST_PAST],
        specs=part("specs", _specs(sources, shown), dict[str, MonitorSpec]()),
        problems=list(dict.fromkeys(problems)),
    )


def _specs(sources: Sources, alerts: Sequence[Alert]) -> Callable[[], dict[str, MonitorSpec]]:
    """Ask for no spec where every alert was mailed."""
    unmailed = {alert.key for alert in alerts if alert.mailed_at is None and alert.over_at is None}

    def read() -> dict[str, MonitorSpec]:
        specs = (entry.spec for entry in Registry(sources.engine).entries()) if unmailed else ()
        return {spec.key: spec for spec in specs if spec is not None and spec.key in unmailed}

    return read


def _over(store: AlertStore, asked: AlertsAsked, damaged: list[str]) -> list[Alert]:
    """Return the newest that are over and may be meant; one that is asked for by its id, however old it is."""
    return _over_by_id(store, asked, damaged) or store.over_alerts(
        kind=asked.kind, severity=asked.severity, limit=LOOKED_AT, damaged=damaged
    )


def _over_by_id(store: AlertStore, asked: AlertsAsked, damaged: list[str]) -> list[Alert]:
    """Return those that are over whose id begins with what is asked for; none where that is no beginning of an id."""
    text = asked.text.strip()
    if not _ID.fullmatch(text):
        return []
    kind, severity = asked.kind, asked.severity
    return store.over_alerts(kind=kind, severity=severity, limit=LOOKED_AT, id_prefix=text, damaged=damaged)


def _of_state(silences: Sequence[Silence], state: SilenceState, now: datetime) -> list[Silence]:
    return [silence for silence in silences if silence.state(now) is state]


def _standings(alert: Alert, silences: Sequence[Silence], now: datetime) -> set[str]:
    found = {"acknowledged" if alert.is_acknowledged(now) else "unacknowledged"}
    return found | ({"silenced"} if silenced_by(alert, silences, now) else set())
