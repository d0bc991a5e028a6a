"""What the training data looked like, per feature: immutable, with a content address.

The same rows in any order and in any partitioning give the same `id`: counts are integers, and moments come from exact
sums (`pegel.stats.exact`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pegel.columns import Role
from pegel.errors import LayoutMismatch
from pegel.layout import Layout
from pegel.outliers import MIN_ROWS, outlier_cutoff
from pegel.spec import Watch
from pegel.stats.dispersion import Dispersion
from pegel.summary import Summary

BASELINE_VERSION = 1


@dataclass(frozen=True, slots=True)
class OutlierCutoff:
    """An event is an outlier when it scores more than `score`; so do `exceeding` of `scored` baseline rows."""

    rate: float
    score: float
    exceeding: int
    scored: int

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {"rate": self.rate, "score": self.score.hex(), "exceeding": self.exceeding, "scored": self.scored}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OutlierCutoff:
        """Read what `to_json` wrote."""
        return cls(data["rate"], float.fromhex(data["score"]), data["exceeding"], data["scored"])


@dataclass(frozen=True, eq=False)
class Baseline:
    """The zero mark of one model version.

    `id` is `sha256:` and the digest of everything that judging uses, model and version included; when and from where
    the baseline was made (`created_at`, `source`) is not part of it. `summary` holds the counts of all `rows`.
    `dispersion` says per field how much windows vary more than independent rows would; it is empty if not assessed.
    """

    id: str
    layout: Layout
    summary: Summary
    rows: int
    model: str
    version: int
    source: str
    created_at: datetime
    outlier_cutoff: OutlierCutoff | None
    dispersion: Mapping[str, Dispersion]

    @classmethod
    def build(
        cls,
        *,
        layout: Layout,
        summary: Summary,
        model: str,
        version: int,
        source: str,
        scores: NDArray[np.float64] | None,
        watch: Watch,
        dispersion: Mapping[str, Dispersion] | None = None,
        created_at: datetime | None = None,
    ) -> Baseline:
        """Make a baseline of a summary of all training rows.

        Args:
            layout: The cells.
            summary: Counts of every row, kept with exact sums: `Summary.empty(layout, exact=True)`.
            model: Name of the model.
            version: Version of the model.
            source: Where the rows came from, for people.
            scores: Outlier score of every row, in any order; None for no outlier cut-off.
            watch: Gives the rate of outliers that a person wants to see.
            dispersion: What `pegel.detect.replay.replay` found in rows ordered by time; None for not assessed.
            created_at: Now, unless stated.

        Raises:
            ValueError: If the summary was kept without exact sums, so that the id would depend on the order of rows.
            LayoutMismatch: If the summary has other cells.
        """
        if summary.exact is None:
            raise ValueError(
                "expected a summary with exact sums, `Summary.empty(layout, exact=True)`, merged only with such; "
                "given one without: its baseline would depend on the order of the rows, so none was built."
            )
        settled = Summary.empty(layout, exact=True)
        settled.merge(summary)
        settled.settle()
        settled.freeze()
        cutoff = None if scores is None else _cutoff(scores, watch)
        return cls(
            id=_identify(_content(layout, settled, (model, version), cutoff, dispersion or {})),
            layout=layout,
            summary=settled,
            rows=max(settled.rows(Role.FEATURE), settled.rows(Role.PREDICTION)),
            model=model,
            version=version,
            source=source,
            created_at=created_at or datetime.now(UTC),
            outlier_cutoff=cutoff,
            dispersion=dispersion or {},
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {
            "id": self.id,
            "source": self.source,
            "created_at": self.created_at.astimezone(UTC).isoformat(),
            "content": _content(
                self.layout, self.summary, (self.model, self.version), self.outlier_cutoff, self.dispersion
            ),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Baseline:
        """Read what `to_json` wrote. Raises LayoutMismatch if the content does not have the id it claims."""
        content = data["content"]
        if (found := _identify(content)) != data["id"]:
            raise LayoutMismatch(
                f"expected a baseline with id {data['id']}, given content of {found}: "
                "the document was changed after it was written; it was not used."
            )
        layout = Layout.from_json(content["layout"])
        summary = _summary_from_json(content["summary"], layout)
        return cls(
            id=data["id"],
            layout=layout,
            summary=summary,
            rows=max(summary.rows(Role.FEATURE), summary.rows(Role.PREDICTION)),
            model=content["model"],
            version=content["version"],
            source=data["source"],
            created_at=datetime.fromisoformat(data["created_at"]),
            outlier_cutoff=None if content["outliers"] is None else OutlierCutoff.from_json(content["outliers"]),
            dispersion={name: Dispersion.from_json(item) for name, item in content["dispersion"].items()},
        )


def smallest_outlier_budget(rows: int, rows_per_day: float) -> float:
    """Return the smallest number of outliers per day for which `rows` baseline rows suffice."""
    return MIN_ROWS / max(rows, 1) * rows_per_day


def _cutoff(scores: NDArray[np.float64], watch: Watch) -> OutlierCutoff | None:
    rate = min(1.0, watch.outliers_per_day / watch.rows_per_day)
    score = outlier_cutoff(scores, rate)
    if score is None or not math.isfinite(score):
        return None
    return OutlierCutoff(rate, score, int(np.count_nonzero(scores > score)), int(scores.size))


def _identify(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _content(
    layout: Layout,
    summary: Summary,
    model: tuple[str, int],
    cutoff: OutlierCutoff | None,
    dispersion: Mapping[str, Dispersion],
) -> dict[str, Any]:
    """Return everything that the id covers."""
    return {
        "baseline_version": BASELINE_VERSION,
        "model": model[0],
        "version": model[1],
        "layout": layout.to_json(),
        "summary": {
            "counters": summary.counters.tolist(),
            "cells": summary.cells.tolist(),
            "ranges": _hex(summary.ranges),
            "moments": _hex(summary.moments),
            "n_outliers": summary.n_outliers,
            "n_scored": summary.n_scored,
        },
        "outliers": None if cutoff is None else cutoff.to_json(),
        "dispersion": {name: found.to_json() for name, found in dispersion.items()},
    }


def _summary_from_json(data: Mapping[str, Any], layout: Layout) -> Summary:
    summary = Summary.empty(layout)
    summary.counters[...] = data["counters"]
    summary.cells[...] = data["cells"]
    summary.ranges[...] = _unhex(data["ranges"])
    summary.moments[...] = _unhex(data["moments"])
    summary.n_outliers, summary.n_scored = data["n_outliers"], data["n_scored"]
    summary.freeze()
    return summary


def _hex(array: NDArray[np.float64]) -> list[list[str]]:
    return [[value.hex() for value in row] for row in array.tolist()]


def _unhex(rows: list[list[str]]) -> NDArray[np.float64]:
    width = len(rows[0]) if rows else 0
    return np.array([[float.fromhex(value) for value in row] for row in rows]).reshape(len(rows), width)
