"""Windows of explained rows as the stream leaves them: a baseline of held-out rows, and rows that were judged by it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.data.attribution_event import Method
from pegel.data.columns import Role
from pegel.data.spans import Span
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explained_by, judge_attributions
from pegel.judge.attribution.learned_baseline import RowsToLearn, columns_of, learned_baseline
from pegel.judge.findings import Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.attribution_sums import AttributionSums
from pegel.stats.summary import Summary
from pegel.store.attribution_store import write_attributions
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import writing
from pegel.stream.attribution_rows import AttributionRow

FEATURES = ("amount", "age", "noise")
USED = np.array([1.0, 0.3, 0.001])
"""Standard deviations of attributions: of a feature that matters, of one that matters less, of noise."""


def drawn(rows: int, seed: int, moved: tuple[float, ...] = (0, 0, 0)) -> NDArray[np.float64]:
    """Draw attributions; `moved`: by how many standard deviations of its own each feature has moved."""
    return np.asarray(np.random.default_rng(seed).normal(np.array(moved), 1.0, (rows, 3)) * USED)


def explained_baseline(engine: Engine, spec: MonitorSpec) -> Baseline:
    """Keep the baseline of 20,000 held-out rows."""
    values = drawn(20_000, 0)
    rows = RowsToLearn(
        attributions=values,
        raw=values.sum(axis=1),
        times_us=None,
        method=Method.TREE,
        artefact="ab" * 32,
        source="local://delays?version=1&split=holdout",
    )
    baseline = learned_baseline(spec, FEATURES, rows)
    BaselineStore(engine).put(baseline)
    return baseline


def explained_window(
    spec: MonitorSpec, baseline: Baseline, start: datetime, values: NDArray[np.float64], **fields: Any
) -> AttributionRow:
    """Judge explained rows of ten minutes."""
    summary, scale = Summary.empty(baseline.layout), explained_by(baseline).scale
    summary.update(columns_of(values), Role.ATTRIBUTION)
    rows = CountedAttributions(summary, AttributionSums.of(scale.rows(values, values.sum(axis=1))))
    span = Span(start, start + timedelta(minutes=10))
    judged = judge_attributions(baseline, rows, span=span, level=1e-3, margin=spec.attribution.margin)
    known: dict[str, Any] = {
        "model": spec.model.name,
        "version": spec.model.version,
        "span": span,
        "revision": 1,
        "rows": len(values),
        "replayed": len(values),
        "differing": 0,
        "verdict": judged.verdict,
        "identity": Verdict.OK,
        "why": judged.why,
        "since": start,
        "baseline_id": baseline.id,
        "summary": summary.to_bytes(),
        "sums": rows.sums,
        "facts": dict(judged.facts),
        "features": [verdict.to_json() for verdict in judged.features],
        "emitted_at": span.end + timedelta(minutes=1),
    }
    return AttributionRow(**known | fields)


def keep(engine: Engine, *rows: AttributionRow) -> None:
    """Write windows as the stream does."""
    with writing(engine) as connection:
        write_attributions(connection, rows, [])
