"""What the stream must be told from outside: which models are watched, and what their baselines are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

from pegel.baseline.baseline import Baseline
from pegel.baseline.replay_reference import ReplayReference
from pegel.judge.attribution.learned_baseline import PRODUCTION
from pegel.spec.monitor_spec import MonitorSpec, Windowing
from pegel.spec.names import explained_key
from pegel.stats.summary import Summary
from pegel.stream.entries import MonitoredModel

EXPLAINED_LATENESS: Final = timedelta(minutes=1)
"""How long after the end of a window its rows may be explained."""


class WatchedModels(Protocol):
    """The models of a group at one moment."""

    @property
    def specs(self) -> Mapping[str, MonitorSpec]:
        """Return the specs by monitor key."""
        ...

    @property
    def elsewhere(self) -> frozenset[str]:
        """Return the endpoints that other groups watch."""
        ...

    @property
    def baselines(self) -> Mapping[str, str | None]:
        """Return the id of each monitor's current baseline by monitor key; None while there is none.

        Of attributions that of a baseline of these, by the key of explained rows, see `pegel.spec.names.explained_key`.
        """
        ...

    @property
    def answers(self) -> Mapping[str, ReplayReference]:
        """Return what came of looking at answers at onboarding, by monitor key, of models of which that was done."""
        ...

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Return why a stored spec cannot be read, by monitor key: what is open of it waits until it can."""
        ...


class Baselines(Protocol):
    """Baselines by id. What cannot be read raises; that is one model's failure."""

    def baseline(self, baseline_id: str) -> Baseline:
        """Return a baseline that is or was current."""
        ...

    def unpack(self, baseline_id: str, data: bytes) -> Summary:
        """Return a packed summary under the layout of its baseline."""
        ...


def monitored(models: WatchedModels, baselines: Baselines) -> dict[str, MonitoredModel]:
    """Return what the window manager must know, by monitor key, and by that of explained rows where there are any."""
    speaking = group_speakers(models.specs)
    known = {
        key: MonitoredModel(spec.windowing, models.baselines[key], key in speaking)
        for key, spec in models.specs.items()
    }
    return known | {
        explained_key(key): MonitoredModel(
            explained_windowing(spec), explained_baseline(spec, models, baselines), is_explained=True
        )
        for key, spec in models.specs.items()
        if spec.attribution.is_used
    }


def explained_baseline(spec: MonitorSpec, models: WatchedModels, baselines: Baselines) -> str | None:
    """Return the baseline of a monitor's attributions; None where it is of another artefact, or of other rows.

    One that cannot be read is the monitor's failure where its rows are counted.
    """
    current = models.baselines.get(explained_key(spec.key))
    try:
        known = None if current is None else baselines.baseline(current)
    except Exception:  # noqa: BLE001 - see above
        return current
    if known is None or known.attribution is None:
        return None
    fits = spec.model.digest is None or known.attribution.artefact in {None, spec.model.digest}
    return current if fits and known.source == (spec.attribution.baseline or PRODUCTION) else None


def explained_windowing(spec: MonitorSpec) -> Windowing:
    """Return how the time of explained rows is cut: they come later than the requests that they are about."""
    return Windowing(length=spec.attribution.window, lateness=EXPLAINED_LATENESS)


def group_speakers(specs: Mapping[str, MonitorSpec]) -> frozenset[str]:
    """Return the monitors with whose events those of no model are judged: nobody is mailed the same twice.

    Events of no model may be any model's, so everybody whom a model of the group mails should hear of them, once: from
    the first model, by key, that mails an address which none before it does. Without addresses it is the first model.
    """
    known: set[str] = set()
    speaking = set()
    for key in sorted(specs):
        alerts = specs[key].alerts
        addresses = {*alerts.emails, *(address for route in alerts.routes for address in route.to)}
        if not addresses <= known:
            speaking.add(key)
        known |= addresses
    return frozenset(speaking or sorted(specs)[:1])
