"""Which mail is due of an alert that is silenced, in whole or in part: the rest is told, as if it were all there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from pegel.alerts.alert import Alert, Mail
from pegel.alerts.due_mail import due_mail
from pegel.alerts.routing import Told
from pegel.alerts.silencing import Silence, silenced_by
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stream.result_rows import WindowRow


def due_beside_silences(
    alert: Alert,
    silences: Sequence[Silence],
    *,
    is_over: bool,
    to: Told,
    now: datetime,
    spec: MonitorSpec,
    windows: Sequence[WindowRow],
    previous: Alert | None,
) -> tuple[Alert, Mail | None]:
    """Return what `due_mail` does, of what no silence in force is about.

    What is silenced stays untold, so that it is due once the silence ends, if the alert is open by then. Which mail
    would be due if there were no silence is kept in the alert.
    """
    due = partial(due_mail, is_over=is_over, to=to, now=now, spec=spec, windows=windows, previous=previous)
    silenced = silenced_by(alert, silences, now)
    if not silenced:
        return due(replace(alert, held_back="", held_by=()), quiet=False)
    rest = _without(alert, silenced)
    after, mail = due(alert if rest is None else rest, quiet=rest is None)
    untouched = {name: told for name, told in alert.mailed_magnitudes.items() if name in silenced}
    whole = replace(
        after,
        features=alert.features,
        since=alert.since,
        last_end=alert.last_end,
        mailed_magnitudes=untouched | dict(after.mailed_magnitudes),
    )
    # What is due even so is what the silences hold back.
    _, held = due(replace(whole, over_at=None), quiet=False)
    if held is None or (rest is not None and not set(held.new_features) | set(held.grown)):
        return replace(whole, held_back="", held_by=()), mail
    by = sorted({number for numbers in silenced.values() for number in numbers})
    return replace(whole, held_back=held.kind.value, held_by=tuple(by)), mail


def _without(alert: Alert, silenced: dict[str, tuple[int, ...]]) -> Alert | None:
    """Return an alert as if it had nothing that is silenced; None where nothing else is left of it."""
    left = tuple(one for one in alert.features if one.feature not in silenced)
    if not left:
        return None
    since, last_end = min(one.since for one in left), max(one.finding.span.end for one in left)
    return replace(alert, features=left, since=since, last_end=last_end)
