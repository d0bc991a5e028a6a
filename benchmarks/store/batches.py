"""The same seconds of a stream for both sides of `benchmarks.store.writes`, as plain values that any version reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from pegel.data.columns import Columns, Role
from pegel.data.spans import Span
from pegel.judge.judge import judge
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary
from pegel.testing.samples import sample_baseline

FIELDS, ROWS, SECONDS = 50, 100, 30
START = datetime(2026, 1, 1, tzinfo=UTC)


def seconds(models: int, count: int = SECONDS) -> list[list[dict[str, Any]]]:
    """Return per second and model: the packed summary of its rows, that of the window so far, and its judgement."""
    baseline = sample_baseline(fields=FIELDS, rows=5_000)
    spec = MonitorSpec.parse({"model": {"name": "m", "uri": "x"}, "baseline": {"source": "x"}})
    rng, total = np.random.default_rng(0), Summary.empty(baseline.layout)
    made = []
    for second in range(count):
        part = Summary.empty(baseline.layout)
        part.update(Columns(ROWS, rng.normal(size=(ROWS, FIELDS)), None, (), ()), Role.FEATURE)
        total.merge(part)
        judgement = judge(
            baseline, total, spec=spec, span=Span(START, START + timedelta(minutes=1)), revision=second + 1
        )
        made.append(
            {
                "second": second,
                "part": part.to_bytes(),
                "window": total.to_bytes(),
                "judgement": {"features": [feature.to_json() for feature in judgement.features]},
                "ids": rng.integers(0, 2**63, 2 * ROWS, dtype=np.uint64).tobytes(),
                "baseline_id": baseline.id,
            }
        )
    return [[one | {"model": f"model-{number:02d}"} for number in range(models)] for one in made]
