"""Answers of a model beside the labels of the same rows: what joining labels hands on to counting performance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.data.conversions import TRUTH, meaning

NONE = -1
"""The code of a row without a class."""
Objects = NDArray[np.object_]
Times = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledRows:
    """Answered rows in the order of events, with the label of each where one has come. All arrays have shape (rows,).

    `classes`: the names that `predicted` and `label` are positions in, as int32, -1 where there is none; None where
    both are numbers, as float64, NaN where there is none. `event_time`: of the answer, datetime64[us] in UTC, never
    falling; rows of the same time are in the order of event id and row. `arrived_at`: when the label came,
    datetime64[us], NaT where none has; a row with a time and without a label has one that could not be read. `score`:
    of the class `1`, from 0 to 1, NaN where there is none; None where the model gives no score. `segments`: for each
    segmenting column the segment of each row, as it is written in the key of results.
    """

    predicted: NDArray[Any]
    label: NDArray[Any]
    event_time: Times
    arrived_at: Times
    classes: tuple[str, ...] | None = None
    score: NDArray[np.float64] | None = None
    segments: tuple[Objects, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError if the arrays are not of one length, or times fall."""
        arrays = (self.predicted, self.label, self.event_time, self.arrived_at, *self.segments)
        sizes = {len(array) for array in arrays} | ({len(self.score)} if self.score is not None else set())
        if len(sizes) != 1:
            raise ValueError(f"expected arrays of one length, given lengths {sorted(sizes)}: no row was taken.")
        if (np.diff(self.event_time) < np.timedelta64(0, "us")).any():
            raise ValueError("expected rows in the order of their event times, given others: no row was taken.")

    @property
    def residuals(self) -> NDArray[np.float64]:
        """Return answer less label of rows of numbers; beyond the range of the floats, the largest float."""
        with np.errstate(over="ignore"):
            residuals: NDArray[np.float64] = np.nan_to_num(self.predicted - self.label, nan=np.nan)
        return residuals

    @classmethod
    def of_classes(
        cls,
        predicted: Sequence[str | None] | Objects,
        label: Sequence[str | None] | Objects,
        *,
        event_time: Times,
        arrived_at: Times,
        score: NDArray[np.float64] | None = None,
        segments: Sequence[Objects] = (),
        event_id: Sequence[str] | Objects | None = None,
        row: NDArray[np.int32] | None = None,
    ) -> Self:
        """Return the rows of a classifier, given texts in any order; None where there is no class.

        Classes are the same by what they mean: `1.0` is `1`, and so is `true`. `event_id` and `row` order rows of the
        same time; without them these stay as they are given.
        """
        known: dict[str, int] = {}
        codes = [_codes(list(column), known) for column in (predicted, label)]
        order = _order(event_time, event_id, row)
        return cls(
            predicted=codes[0][order],
            label=codes[1][order],
            event_time=_instants(event_time)[order],
            arrived_at=_instants(arrived_at)[order],
            classes=tuple(known),
            score=None if score is None else np.asarray(score, dtype=np.float64)[order],
            segments=tuple(np.asarray(segment, dtype=np.object_)[order] for segment in segments),
        )

    @classmethod
    def of_numbers(
        cls,
        predicted: NDArray[np.float64],
        label: NDArray[np.float64],
        *,
        event_time: Times,
        arrived_at: Times,
        segments: Sequence[Objects] = (),
        event_id: Sequence[str] | Objects | None = None,
        row: NDArray[np.int32] | None = None,
    ) -> Self:
        """Return the rows of a regressor, given numbers in any order; what is not finite is none."""
        columns = [np.where(np.isfinite(column), column, np.nan) for column in (predicted, label)]
        order = _order(event_time, event_id, row)
        return cls(
            predicted=columns[0][order],
            label=columns[1][order],
            event_time=_instants(event_time)[order],
            arrived_at=_instants(arrived_at)[order],
            segments=tuple(np.asarray(segment, dtype=np.object_)[order] for segment in segments),
        )

    def __len__(self) -> int:
        """Return how many rows there are, with and without labels."""
        return len(self.predicted)

    @property
    def is_answered(self) -> NDArray[np.bool_]:
        """Say of each row whether the model gave an answer that could be read."""
        return self._is_there(self.predicted)

    @property
    def is_labelled(self) -> NDArray[np.bool_]:
        """Say of each row whether both its answer and its label are there."""
        return self.is_answered & self._is_there(self.label)

    def where(self, chosen: NDArray[np.bool_]) -> LabelledRows:
        """Return some of the rows, in their order."""
        return LabelledRows(
            self.predicted[chosen],
            self.label[chosen],
            self.event_time[chosen],
            self.arrived_at[chosen],
            self.classes,
            None if self.score is None else self.score[chosen],
            tuple(segment[chosen] for segment in self.segments),
        )

    def by_segment(self) -> dict[str, LabelledRows]:
        """Return the rows of each segment by its text, in the order of texts, and all of them by the empty text."""
        found = {"": self}
        for column in self.segments:
            for text in sorted({text for text in column.tolist() if text is not None}):
                found[text] = self.where(column == text)
        return found

    def between(self, start: np.datetime64, end: np.datetime64) -> LabelledRows:
        """Return the rows of events from `start`, inclusive, to `end`, exclusive."""
        return self.where((self.event_time >= start) & (self.event_time < end))

    def _is_there(self, column: NDArray[Any]) -> NDArray[np.bool_]:
        there: NDArray[np.bool_] = ~np.isnan(column) if self.classes is None else column != NONE
        return there


def class_name(text: str) -> str:
    """Return the one form of a class: `1.0` is `1`, and words of truth are `1` and `0`, whatever else there is.

    >>> class_name("1.0"), class_name("True"), class_name("007"), class_name("late")
    ('1', '1', '007', 'late')
    """
    written = meaning(text, truth=False)
    return str(int(TRUTH[written])) if written in TRUTH else written


def _codes(column: list[Any], known: dict[str, int]) -> NDArray[np.int32]:
    """Return the position of each text in `known`, which grows by what is new; -1 for what is no text."""
    lookup: dict[Any, int] = {}
    for text in sorted({value for value in column if isinstance(value, str)}):
        lookup[text] = known.setdefault(class_name(text), len(known))
    return np.fromiter((lookup.get(value, NONE) for value in column), dtype=np.int32, count=len(column))


def _order(
    event_time: Times, event_id: Sequence[str] | Objects | None, row: NDArray[np.int32] | None
) -> NDArray[np.intp]:
    """Return the places of rows in the order of time, then of event id, then of row."""
    keys = [key for key in (row, None if event_id is None else np.asarray(event_id, dtype=np.str_)) if key is not None]
    return np.lexsort([*keys, _instants(event_time)])


def _instants(times: Times) -> Times:
    return np.asarray(times, dtype="datetime64[us]")
