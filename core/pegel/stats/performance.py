"""How well a model did on the labelled rows of its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Performance:
    """How often a classifier erred on labelled training rows: `errors` of `rows`.

    `dispersion`: above 1 if errors come in bursts. `calibration`: probability of the positive class per bin of the
    score, shape (1000,), see `pegel.detect.cbpe`; None where there is no score. `label`, `prediction`, `score`: the
    columns that all this is from.
    """

    rows: int
    errors: int
    dispersion: float = 1.0
    calibration: tuple[float, ...] | None = None
    label: str = "label"
    prediction: str = "prediction"
    score: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        calibration = None if self.calibration is None else [value.hex() for value in self.calibration]
        return {
            "rows": self.rows,
            "errors": self.errors,
            "dispersion": self.dispersion,
            "calibration": calibration,
            "columns": [self.label, self.prediction, self.score],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Performance:
        """Read what `to_json` wrote."""
        given = data["calibration"]
        calibration = None if given is None else tuple(float.fromhex(value) for value in given)
        return cls(data["rows"], data["errors"], data["dispersion"], calibration, *data["columns"])
