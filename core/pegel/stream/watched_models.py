"""What the stream must be told from outside: which models are watched, and what their baselines are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pegel.baseline.baseline import Baseline
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.stream.entries import MonitoredModel


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
        """Return the id of each monitor's current baseline by monitor key; None while there is none."""
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


def monitored(models: WatchedModels) -> dict[str, MonitoredModel]:
    """Return what the window manager must know, by monitor key."""
    speaking = group_speakers(models.specs)
    return {
        key: MonitoredModel(spec.windowing, models.baselines[key], key in speaking)
        for key, spec in models.specs.items()
    }


def group_speakers(specs: Mapping[str, MonitorSpec]) -> frozenset[str]:
    """Return the monitors with whose events those of no model are judged: nobody is mailed the same twice.

    Events of no model may be any model's, so everybody whom a model of the group mails should hear of them, once: from
    the first model, by key, that mails an address which none before it does. Without addresses it is the first model.
    """
    known: set[str] = set()
    speaking = set()
    for key in sorted(specs):
        addresses = set(specs[key].alerts.emails)
        if not addresses <= known:
            speaking.add(key)
        known |= addresses
    return frozenset(speaking or sorted(specs)[:1])
