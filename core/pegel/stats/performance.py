"""How well a model did on the labelled rows of its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pegel.stats.class_counts import ClassCounts
from pegel.stats.performance_counts import PerformanceCounts


@dataclass(frozen=True, slots=True)
class ErrorsByAnswer:
    """What residuals of a regressor are like where it answers alike: groups of answers, from low to high.

    `upto`: the highest cell of answers of each group, see `pegel.stats.relative_cells`; the last group has no end.
    `rows`, `absolute`, `absolute_variance`: of each, how many there are, the mean distance of the answer from the
    label, and the variance of that distance.
    """

    upto: tuple[int, ...]
    rows: tuple[int, ...]
    absolute: tuple[float, ...]
    absolute_variance: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "upto": list(self.upto),
            "rows": list(self.rows),
            "absolute": [value.hex() for value in self.absolute],
            "absolute_variance": [value.hex() for value in self.absolute_variance],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ErrorsByAnswer:
        """Read what `to_json` wrote."""
        floats = (tuple(map(float.fromhex, data[name])) for name in ("absolute", "absolute_variance"))
        return cls(tuple(data["upto"]), tuple(data["rows"]), *floats)


@dataclass(frozen=True, slots=True)
class Performance:
    """What a model answered to labelled training rows, beside their labels.

    `dispersion`: by figure, above 1 where its rows come in bursts, see `pegel.detect.error_rate`. `calibration`:
    probability of the class `1` per bin of the score, shape (1000,), see `pegel.detect.cbpe`; None where there is no
    score. `by_answer`: of a regressor; None of a classifier. `label`, `prediction`, `score`: the columns that all this
    is from.
    """

    counts: PerformanceCounts
    dispersion: Mapping[str, float] = field(default_factory=dict)
    calibration: tuple[float, ...] | None = None
    by_answer: ErrorsByAnswer | None = None
    label: str = "label"
    prediction: str = "prediction"
    score: str | None = None

    @property
    def rows(self) -> int:
        """Return how many labelled rows there are."""
        return self.counts.labelled

    @property
    def errors(self) -> int | None:
        """Return how many of them were answered wrongly; None for numbers, of which none is quite right."""
        compared = self.counts.compared
        return compared.errors if isinstance(compared, ClassCounts) else None

    def factor(self, name: str) -> float:
        """Return by how much the variance of a figure's rows exceeds that of independent ones."""
        return self.dispersion.get(name, 1.0)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        calibration = None if self.calibration is None else [value.hex() for value in self.calibration]
        return {
            "counts": self.counts.to_json(),
            "dispersion": dict(self.dispersion),
            "calibration": calibration,
            "by_answer": None if self.by_answer is None else self.by_answer.to_json(),
            "columns": [self.label, self.prediction, self.score],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Performance:
        """Read what `to_json` wrote."""
        given, by_answer = data["calibration"], data["by_answer"]
        return cls(
            PerformanceCounts.from_json(data["counts"]),
            data["dispersion"],
            None if given is None else tuple(float.fromhex(value) for value in given),
            None if by_answer is None else ErrorsByAnswer.from_json(by_answer),
            *data["columns"],
        )
