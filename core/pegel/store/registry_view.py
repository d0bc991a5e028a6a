"""What is wished for now: the group's specs from the registry, and each one's current baseline."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog

from pegel.baseline.baseline import Baseline
from pegel.errors import PegelError
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore
from pegel.store.registry import Registry
from pegel.stream.entries import Monitored

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Wishes:
    """The specs and current baselines at one moment. Specs are by endpoint name and by monitor key."""

    specs: dict[str, MonitorSpec]
    elsewhere: frozenset[str]
    """Endpoints that other groups watch."""
    baselines: dict[str, str | None]
    """By monitor key; None while there is no usable one."""

    @property
    def monitored(self) -> dict[str, Monitored]:
        """Return what the window manager must know, by monitor key."""
        return {key: Monitored(spec.windowing, self.baselines[key]) for key, spec in self.specs.items()}

    @property
    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprints of the specs in effect, by monitor key."""
        return {key: spec.fingerprint() for key, spec in self.specs.items()}


@dataclass(slots=True)
class WishList:
    """Reads wishes again and again; what has not changed is not read twice."""

    registry: Registry
    baselines: BaselineStore
    group: str
    _version: int = -1
    _specs: list[MonitorSpec] = field(default_factory=list)
    _currents: dict[tuple[str, int], str] = field(default_factory=dict)
    _documents: dict[str, bytes] = field(default_factory=dict)
    _parsed: dict[str, Baseline] = field(default_factory=dict)
    _unusable: set[str] = field(default_factory=set)

    def read(self) -> Wishes:
        """Return what is wished for now. Raises Unavailable when the database does not answer."""
        version = self.registry.version()
        if version != self._version:
            self._specs = self.registry.list()
            self._currents = self.baselines.currents()
            self._version = version
        mine = {spec.key: spec for spec in self._specs if spec.group == self.group}
        elsewhere = frozenset(spec.endpoint for spec in self._specs if spec.group != self.group)
        return Wishes(mine, elsewhere, {key: self._current(spec) for key, spec in mine.items()})

    def baseline(self, baseline_id: str) -> Baseline:
        """Return a baseline that was current once. Raises PegelError when it cannot be read."""
        if baseline_id not in self._parsed:
            self._parsed[baseline_id] = self.baselines.get(baseline_id)
        return self._parsed[baseline_id]

    def document(self, baseline_id: str) -> bytes:
        """Return a baseline's document as bytes, for the tasks."""
        if baseline_id not in self._documents:
            self._documents[baseline_id] = self.baselines.document(baseline_id)
        return self._documents[baseline_id]

    def unpack(self, baseline_id: str, data: bytes) -> Summary:
        """Return a packed summary under the layout of its baseline."""
        return Summary.from_bytes(data, self.baseline(baseline_id).layout)

    def _current(self, spec: MonitorSpec) -> str | None:
        found = self._currents.get((spec.model.name, spec.model.version))
        if found is None or found in self._unusable:
            return None
        try:
            self.baseline(found)
        except PegelError as error:
            # One damaged document must not stop the other models of the group: this one reads "baseline missing".
            self._unusable.add(found)
            log.warning("baseline unusable", monitor=spec.key, baseline=found, error=str(error))
            return None
        return found
