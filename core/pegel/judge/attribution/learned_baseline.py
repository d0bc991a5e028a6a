"""Explained rows that the model was not fitted on, as the baseline that later ones are compared with.

Rows that the model was fitted on are refused: a model explains them more strongly than any others, up to 15 % so, and
nearly every clean window would seem changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pegel.baseline.attribution_reference import AttributionReference
from pegel.baseline.baseline import Baseline
from pegel.data.attribution_event import Method, Unit
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.detect.noise_assessment import RowTimes, assess
from pegel.errors import InvalidSpec
from pegel.judge.attribution.attribution_levels import expected_rows
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import MonitorSpec, Watch
from pegel.spec.names import ATTRIBUTIONS, RESIDUAL, attribution_field
from pegel.spec.outside_text import shown
from pegel.spec.source_reference import same_source
from pegel.stats.layout import Layout, build_layout
from pegel.stats.noise import Noise
from pegel.stats.summary import Summary

LEARNED_ROWS: Final = 20_000
"""Explained rows of which a baseline is learned, where no held-out rows are named."""
LEARNED_BYTES: Final = 64 * 1024 * 1024
"""Bytes that they take at most: of very many features fewer rows are enough, at least `MIN_BASELINE`."""
PRODUCTION: Final = "explained rows of production"
_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsToLearn:
    """Explained rows in the order of their times.

    `attributions`: float64, shape (rows, features); with a `surrogate` its residuals are one more column, the last.
    `raw`: shape (rows,). `times_us`: of each row, microseconds since 1970, never falling; None where only the order is
    known. `source`: where the rows are from, for people, or as the spec names held-out rows.
    """

    attributions: NDArray[np.float64]
    raw: NDArray[np.float64]
    times_us: NDArray[np.int64] | None
    method: Method
    artefact: str | None
    source: str = PRODUCTION
    unit: Unit = Unit.PREDICTION
    surrogate: str | None = None


def judged_fields(features: tuple[str, ...], surrogate: str | None) -> tuple[str, ...]:
    """Return the judged fields of explained rows: one of each feature, and that of residuals where there are any."""
    residual = () if surrogate is None else (RESIDUAL,)
    return (*map(attribution_field, features), *residual)


def rows_needed(features: int) -> int:
    """Return of how many explained rows a baseline is learned.

    >>> rows_needed(20), rows_needed(1_000)
    (20000, 8371)
    """
    return max(MIN_BASELINE, min(LEARNED_ROWS, LEARNED_BYTES // (_BYTES * (features + 2))))


def learned_baseline(
    spec: MonitorSpec, features: tuple[str, ...], rows: RowsToLearn, *, created_at: datetime | None = None
) -> Baseline:
    """Freeze the cells, the unit and the counts of explained rows, and how much their windows vary.

    Raises InvalidSpec for rows that the model was fitted on, for too few rows, and for a model whose output is one
    number for all of them.
    """
    if same_source(rows.source, spec.baseline.source):
        raise InvalidSpec(
            f"attribution.baseline: given {shown(rows.source)}, the rows that the model was fitted on; a model "
            "explains these more strongly than others; name a held-out split. No baseline was made."
        )
    names = judged_fields(features, rows.surrogate)
    n, width = rows.attributions.shape
    if width != len(names) or n < MIN_BASELINE:
        raise InvalidSpec(
            f"attribution: expected at least {MIN_BASELINE:,} explained rows of {len(features)} features, given {n:,} "
            f"of {width}. No baseline was made."
        )
    try:
        reference = AttributionReference.of(
            rows.attributions, rows.raw, rows.method, rows.artefact, unit=rows.unit, surrogate=rows.surrogate
        )
    except ValueError as error:
        raise InvalidSpec(f"attribution: {error}. No baseline was made.") from error
    schema = Schema(tuple(Field(name, Kind.NUMERIC, Role.ATTRIBUTION) for name in names))
    values = {each.name: rows.attributions[:, at] for at, each in enumerate(schema.fields)}
    layout = build_layout(schema, values)
    summary = Summary.empty(layout, exact=True)
    summary.update(columns_of(rows.attributions), Role.ATTRIBUTION)
    return Baseline.build(
        layout=layout,
        summary=summary,
        model=spec.model.name + ATTRIBUTIONS,
        version=spec.model.version,
        source=rows.source,
        scores=None,
        watch=Watch(),
        noise=_noise(spec, layout, values, rows),
        created_at=created_at,
        attribution=reference,
    )


def columns_of(attributions: NDArray[np.float64]) -> Columns:
    """Return attributions, shape (rows, features), residuals included, as rows to be counted."""
    return Columns(len(attributions), attributions, None, (), ())


def _noise(spec: MonitorSpec, layout: Layout, values: dict[str, NDArray[np.float64]], rows: RowsToLearn) -> Noise:
    """Replay the rows window by window. Of held-out rows not even the order says anything of windows."""
    if rows.times_us is None:
        return Noise(why="not assessed: the explained rows have no times")
    times = RowTimes(rows.times_us, spec.attribution.window, timedelta(hours=spec.baseline.utc_offset))
    return assess(layout, values, expected_rows(spec), times)
