"""Explained rows of one pane: counts in the cells of their baseline, sums, replayed answers; or the rows themselves.

The rows are kept only as long as a baseline is learned of them. Everything adds up in any order, but for which of very
many rows are kept to learn from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pegel.data.attribution_event import Method, Unit
from pegel.errors import LayoutMismatch
from pegel.judge.attribution.model_identity import ReplayedAnswers
from pegel.stats.attribution_sums import AttributionSums
from pegel.stats.summary import Summary
from pegel.stream import packing

MOST_DIFFERENT: Final = 256
"""Different rows that are told apart; more need not be."""
MOST_NAMED: Final = 20
"""Events that are named, of those whose answers are others."""
MOST_LEARNED_BYTES: Final = 16 * 1024 * 1024
"""Bytes of rows that one pane keeps to learn from; further ones are not kept."""


@dataclass(frozen=True, slots=True, eq=False)
class LearnedRows:
    """Explained rows to learn from.

    `values`: float64, shape (rows, 2 + features): times in microseconds since 1970, outputs, attributions; with a
    `surrogate` its residuals are one more column.
    """

    method: Method
    artefact: str | None
    values: NDArray[np.float64]
    unit: Unit = Unit.PREDICTION
    surrogate: str | None = None

    @property
    def kind(self) -> tuple[Method, str | None, Unit, str | None, int]:
        """Return what has to be equal of rows of one baseline: what explained them, their unit, their columns."""
        return self.method, self.artefact, self.unit, self.surrogate, int(self.values.shape[1])


@dataclass(slots=True, eq=False)
class ExplainedCounts:
    """What is known of explained rows.

    `baseline_id`: by which baseline of attributions they are counted; empty where there is none. `different`: hashes of
    rows whose answers are others, the smallest ones. `others`: rows that are in no sum, because another folder or
    method explained them than the baseline's, or another folder than the spec names, which are not among `rows`;
    `others_by`: which, method, digest of the folder and surrogate, the last one in the order of the alphabet.
    """

    baseline_id: str = ""
    rows: int = 0
    replayed: int = 0
    differing: int = 0
    different: frozenset[int] = frozenset()
    event_ids: tuple[str, ...] = ()
    summary: Summary | None = None
    sums: AttributionSums | None = None
    others: int = 0
    others_by: tuple[str, str, str] = ("", "", "")
    learned: list[LearnedRows] = field(default_factory=list)
    learned_bytes: int = field(init=False)
    """Bytes of the rows that are kept to learn from; counted along, because there is a part for each event."""

    def __post_init__(self) -> None:
        """Count what is there."""
        self.learned_bytes = sum(part.values.nbytes for part in self.learned)

    @property
    def size_bytes(self) -> int:
        """Return about how much memory it takes."""
        counted = 0 if self.summary is None else self.summary.size_bytes
        return counted + 64 * len(self.different) + self.learned_bytes

    @property
    def answers(self) -> ReplayedAnswers:
        """Return what came of replaying the answers."""
        return ReplayedAnswers(self.replayed, self.differing, len(self.different), self.event_ids)

    def keep(self, part: LearnedRows) -> None:
        """Keep rows to learn from, as far as there is room."""
        room = (MOST_LEARNED_BYTES - self.learned_bytes) // max(1, part.values.shape[1] * part.values.itemsize)
        if room > 0 and len(part.values):
            kept = part.values[:room]
            self.learned.append(replace(part, values=kept))
            self.learned_bytes += kept.nbytes

    def differ(self, rows: frozenset[int], event_ids: tuple[str, ...]) -> None:
        """Note rows whose answers are others, by their hashes, and the events that they are of."""
        self.different = frozenset(sorted(self.different | rows)[:MOST_DIFFERENT])
        self.event_ids = tuple(sorted({*self.event_ids, *event_ids})[:MOST_NAMED])

    def merge(self, other: ExplainedCounts) -> None:
        """Add the rows of another. Raises LayoutMismatch, and adds nothing, if they are counted by another baseline."""
        if other.baseline_id != self.baseline_id:
            raise LayoutMismatch(
                f"expected rows counted by {self.baseline_id or 'no baseline'}, given {other.baseline_id or 'none'}: "
                "counts in different cells cannot be added; nothing was merged."
            )
        self.rows += other.rows
        self.replayed += other.replayed
        self.differing += other.differing
        self.differ(other.different, other.event_ids)
        self.others += other.others
        self.others_by = max(self.others_by, other.others_by)
        if other.summary is not None:
            self.summary = other.summary if self.summary is None else Summary.total([self.summary, other.summary])
        if other.sums is not None and self.sums is None:
            self.sums = AttributionSums.empty(other.sums.features)
        if self.sums is not None and other.sums is not None:
            self.sums.merge(other.sums)
        for part in other.learned:
            self.keep(part)

    def to_bytes(self) -> bytes:
        """Return everything packed, the inverse of `from_bytes`; rows of one kind in a row as one part."""
        learned = _joined(self.learned)
        value = [
            *(self.baseline_id, self.rows, self.replayed, self.differing, sorted(self.different), list(self.event_ids)),
            *(self.others, list(self.others_by)),
            self.summary is not None,
            None if self.sums is None else self.sums.to_json(),
            [part.kind for part in learned],
        ]
        summary = () if self.summary is None else (self.summary.to_bytes(),)
        return packing.pack(value, (*summary, *(part.values.tobytes() for part in learned)))

    @classmethod
    def from_bytes(cls, data: bytes, unpack: Callable[[str, bytes], Summary]) -> ExplainedCounts:
        """Read what `to_bytes` wrote; `unpack` reads a summary of a baseline. Raises ValueError for anything else."""
        value, blobs = packing.unpack(data)
        baseline_id, rows, replayed, differing, different, event_ids, others, others_by, *of_rows = value
        has_summary, sums, learned = of_rows
        rest = blobs[1:] if has_summary else blobs
        return cls(
            baseline_id=baseline_id,
            rows=rows,
            replayed=replayed,
            differing=differing,
            different=frozenset(different),
            event_ids=tuple(event_ids),
            others=others,
            others_by=tuple(others_by),
            summary=unpack(baseline_id, blobs[0]) if has_summary else None,
            sums=None if sums is None else AttributionSums.from_json(sums),
            learned=[
                LearnedRows(
                    Method(method), artefact, np.frombuffer(blob, dtype="<f8").reshape(-1, width), Unit(unit), surrogate
                )
                for (method, artefact, unit, surrogate, width), blob in zip(learned, rest, strict=True)
            ],
        )


def _joined(parts: list[LearnedRows]) -> list[LearnedRows]:
    """Return the same rows in few parts."""
    runs = ([*run] for _, run in groupby(parts, key=lambda part: part.kind))
    return [replace(run[0], values=np.concatenate([part.values for part in run])) for run in runs]
