"""What a group watches now: its specs from the registry, and each one's current baseline."""

from __future__ import annotations

from dataclasses import dataclass, field

from cachetools import LRUCache

from pegel.baseline.baseline import Baseline
from pegel.baseline.replay_reference import ReplayReference
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import endpoint, explained_key, monitor_key, monitor_of
from pegel.stats.summary import Summary
from pegel.store.baseline_store import BaselineStore, parsed
from pegel.store.registry import Entry, Registry

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Bytes of baseline documents that are held, those asked for last. As many again may belong to the baselines made from
them. A document larger than that is read each time."""


@dataclass(frozen=True, slots=True)
class GroupModels:
    """The specs and current baselines at one moment. Specs are by endpoint name and by monitor key."""

    specs: dict[str, MonitorSpec]
    elsewhere: frozenset[str]
    """Endpoints that other groups watch."""
    baselines: dict[str, str | None]
    """By monitor key; None while there is none. Of attributions by the key of explained rows, if any are."""
    answers: dict[str, ReplayReference] = field(default_factory=dict)
    """What came of looking at answers at onboarding, by monitor key; of models of which that was not done, nothing."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why the stored spec of a monitor of this group cannot be read, by monitor key."""

    @property
    def fingerprints(self) -> dict[str, str]:
        """Return the fingerprints of the specs in effect, by monitor key."""
        return {key: spec.fingerprint() for key, spec in self.specs.items()}


@dataclass(slots=True)
class RegistryView:
    """Reads a group's models again and again; what has not changed is not read twice."""

    registry: Registry
    baselines: BaselineStore
    group: str
    max_bytes: int = MAX_DOCUMENT_BYTES
    _version: int = -1
    _entries: list[Entry] = field(default_factory=list)
    _currents: dict[tuple[str, int], str] = field(default_factory=dict)
    _answers: dict[tuple[str, int, str], ReplayReference] = field(default_factory=dict)
    _documents: LRUCache[str, bytes] = field(init=False)
    _parsed: LRUCache[str, tuple[Baseline, int]] = field(init=False)
    """Baselines with the size of their documents."""

    def __post_init__(self) -> None:
        """Hold nothing yet."""
        self._documents = LRUCache(self.max_bytes, getsizeof=len)
        self._parsed = LRUCache(self.max_bytes, getsizeof=lambda held: held[1])

    def read(self) -> GroupModels:
        """Return what is watched now. Raises Unavailable when the database does not answer."""
        version = self.registry.version()
        if version != self._version:
            # What only stands in tables is read by a job: the stream knows nothing of it.
            self._entries = [
                entry for entry in self.registry.entries() if entry.spec is None or not entry.spec.model.is_table
            ]
            self._currents = self.baselines.currents()
            self._answers = self.registry.answers()
            self._version = version
        own = [entry for entry in self._entries if entry.group == self.group]
        specs = {entry.spec.key: entry.spec for entry in own if entry.spec is not None}
        unreadable = {monitor_key(entry.model, entry.version): entry.problem for entry in own if entry.spec is None}
        others = (entry for entry in self._entries if entry.group != self.group)
        elsewhere = frozenset(endpoint(entry.model, entry.version) for entry in others)
        return GroupModels(specs, elsewhere, self._current_of(specs), self._answers_of(specs), unreadable)

    def baseline(self, baseline_id: str) -> Baseline:
        """Return a baseline that was current once. Raises PegelError when it cannot be read."""
        held = self._parsed.get(baseline_id)
        if held is not None:
            return held[0]
        document = self.document(baseline_id)
        baseline = parsed(baseline_id, document)
        if len(document) <= self.max_bytes:
            self._parsed[baseline_id] = baseline, len(document)
        return baseline

    def document(self, baseline_id: str) -> bytes:
        """Return a baseline's document as bytes, for the tasks."""
        held = self._documents.get(baseline_id)
        if held is not None:
            return held
        document = self.baselines.document(baseline_id)
        if len(document) <= self.max_bytes:
            self._documents[baseline_id] = document
        return document

    def unpack(self, baseline_id: str, data: bytes) -> Summary:
        """Return a packed summary under the layout of its baseline."""
        return Summary.from_bytes(data, self.baseline(baseline_id).layout)

    def _answers_of(self, specs: dict[str, MonitorSpec]) -> dict[str, ReplayReference]:
        known = {
            key: self._answers.get((spec.model.name, spec.model.version, spec.attribution.identity))
            for key, spec in specs.items()
            if spec.attribution.is_used
        }
        return {key: reference for key, reference in known.items() if reference is not None}

    def _current_of(self, specs: dict[str, MonitorSpec]) -> dict[str, str | None]:
        # Whether one can be read is found out where it is used: there it is that model's failure, with its reason.
        own = {key: self._currents.get((spec.model.name, spec.model.version)) for key, spec in specs.items()}
        explained = [explained_key(key) for key, spec in specs.items() if spec.attribution.is_used]
        return own | {key: self._currents.get(monitor_of(key)) for key in explained}
