"""Counting one pane of explained rows: what a model made of the rows of requests, told beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np

from pegel.baseline.attribution_reference import AttributionReference
from pegel.data.attribution_event import Attributions, Match
from pegel.data.attribution_event import decode as read
from pegel.data.canary_event import decode_canaries, is_of_canaries
from pegel.data.columns import Role
from pegel.errors import InvalidPayload
from pegel.judge.attribution.learned_baseline import columns_of
from pegel.stats.attribution_sums import AttributionSums
from pegel.stats.summary import Summary
from pegel.stream.arrivals import minutes_us
from pegel.stream.counting_plan import Explaining, LoadedBaseline
from pegel.stream.event_group import EventGroup
from pegel.stream.explained_counts import ExplainedCounts, LearnedRows
from pegel.stream.pane_counting import UNJUDGED, PaneCounting
from pegel.stream.partial import Ids, Partial

OTHER_ARTEFACT: Final = "other_artefact"
"""Kind under which rows are counted that another folder explained than the one that the spec names."""


@dataclass(slots=True)
class ExplainedPane(PaneCounting):
    """One pane of explained rows while a task fills it. `explaining`: what its events have to be like."""

    explaining: Explaining = field(default_factory=Explaining)
    counts: ExplainedCounts = field(default_factory=ExplainedCounts)

    @property
    def size_bytes(self) -> int:
        """Return the memory that its counts take."""
        return self.counts.size_bytes

    def add(self, events: EventGroup, now_us: int) -> None:
        """Count events, none of which is a copy. What is dated beyond `now_us` moves no head."""
        self.partial.saw(events.times_us, now_us)
        readable = np.ones(events.places.size, dtype=np.bool_)
        for at, body in enumerate(events.bodies):
            try:
                if is_of_canaries(body):
                    self._take_canaries(decode_canaries(body), events.told_id(at))
                else:
                    self._take(self._read(body), events, at)
            except InvalidPayload as error:
                readable[at] = False
                self._reject(events, at, error)
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - anybody's bytes: one that breaks the decoder is unreadable
                readable[at] = False
                told = self.private.failure(error)
                self._reject(events, at, InvalidPayload("decoder_failed", f"the decoder failed on this body: {told}"))
        for minute, records in minutes_us(events.times_us[readable], self.oldest_us).items():
            self._outcomes(minute).judged += records
        # Nothing answers them, and they answer nothing.
        self.empty.append(events.identities[readable])

    def finish(self, answered: Mapping[str, Ids] | None = None) -> Partial:
        """Return everything counted."""
        partial = PaneCounting.finish(self, answered)
        if (self.counts.rows or self.counts.others or self.counts.replayed) and not self.is_closed:
            partial.rows = self.counts.rows
            partial.explained = self.counts.to_bytes()
        return partial

    def _read(self, body: bytes) -> Attributions:
        """Return what a body says. Raises InvalidPayload, also where another folder explained than the spec names."""
        loaded = self._loaded()
        width = self.explaining.features if loaded is None else _features(loaded)
        if width is None:
            raise InvalidPayload(UNJUDGED, "the model has no baseline yet, which says what its features are")
        given = read(body, width)
        expected = self.explaining.artefact
        if given.artefact is not None and expected not in {None, given.artefact}:
            self._note_others(given, loaded)
            raise InvalidPayload(
                OTHER_ARTEFACT, f"explained by the artefact {given.artefact}, expected {expected}; it is kept aside"
            )
        return given

    def _loaded(self) -> LoadedBaseline | None:
        """Return the baseline of attributions; None while one is learned. Raises InvalidPayload for a damaged one."""
        last = self.baselines[-1] if self.baselines else None
        if isinstance(last, str):
            raise InvalidPayload(UNJUDGED, self.partial.damaged.get(last, "its baseline of attributions is damaged"))
        return last

    def _take(self, given: Attributions, events: EventGroup, at: int) -> None:
        if self.is_closed:
            return
        loaded = self._loaded()
        if loaded is not None and loaded.baseline.attribution is not None and _fits(given, loaded.baseline.attribution):
            self.counts.baseline_id = loaded.baseline.id
            self._add(given, loaded, loaded.baseline.attribution)
        else:
            if loaded is not None:
                self._note_others(given, loaded)
            if self.explaining.learns:
                times = np.full(given.n, float(events.times_us[at]))
                values = np.column_stack([times, given.raw, given.judged])
                self.counts.keep(LearnedRows(given.method, given.artefact, values, given.unit, given.surrogate))
        self.counts.rows += given.n
        differing = [row for row, match in enumerate(given.matches) if match is Match.OTHER]
        self.counts.replayed += sum(match is not Match.UNKNOWN for match in given.matches)
        self.counts.differing += len(differing)
        if differing:
            self.counts.differ(frozenset(_hash(given, row) for row in differing), (events.told_id(at),))

    def _note_others(self, given: Attributions, loaded: LoadedBaseline | None) -> None:
        """Count rows that are not compared with the baseline, so that their window tells of them."""
        self.counts.baseline_id = "" if loaded is None else loaded.baseline.id
        self.counts.others += given.n
        by = (given.method.value, given.artefact or "", given.surrogate or "")
        self.counts.others_by = max(self.counts.others_by, by)

    def _take_canaries(self, given: tuple[Match, ...], event_id: str) -> None:
        """Count answers to rows that are asked about again and again; each has its place, which tells it from others.

        They are no explained rows, but answers that somebody looked at, as replayed ones are.
        """
        loaded = self._loaded()
        if self.is_closed:
            return
        if loaded is not None:
            self.counts.baseline_id = loaded.baseline.id
        self.counts.replayed += sum(match is not Match.UNKNOWN for match in given)
        differing = frozenset(place for place, match in enumerate(given) if match is Match.OTHER)
        self.counts.differing += len(differing)
        if differing:
            self.counts.differ(differing, (event_id,))

    def _add(self, given: Attributions, loaded: LoadedBaseline, known: AttributionReference) -> None:
        if self.counts.summary is None or self.counts.sums is None:
            self.counts.summary = Summary.empty(loaded.baseline.layout)
            self.counts.sums = AttributionSums.empty(given.judged.shape[1])
        self.counts.summary.update(columns_of(given.judged), Role.ATTRIBUTION)
        self.counts.sums.merge(known.sums_of(given.judged, given.raw))


def _features(loaded: LoadedBaseline) -> int:
    known = loaded.baseline.attribution
    return len(loaded.baseline.layout.schema.fields) if known is None else known.features


def _fits(given: Attributions, known: AttributionReference) -> bool:
    """Say whether rows are explained as those are that they are compared with: by which folder, method, surrogate."""
    return (given.method, given.unit, given.surrogate) == (known.method, known.unit, known.surrogate) and (
        given.artefact is None or known.artefact is None or given.artefact == known.artefact
    )


def _hash(given: Attributions, row: int) -> int:
    """Return 63 bits that are equal for equal rows: what is made of them is the same."""
    digest = blake2b(given.values[row].tobytes() + given.raw[row].tobytes(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
