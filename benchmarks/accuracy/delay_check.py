"""Is the fold by which delays are measured the judge? Both on one stream, window by window."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from benchmarks.accuracy import ours, streams
from benchmarks.accuracy.delay import (
    CHANGED,
    START,
    STEP,
    Counts,
    M,
    N,
    Stretch,
    System,
    levels_of,
    spec_of,
    usual_size,
)
from benchmarks.accuracy.ours import Watched
from benchmarks.accuracy.streams import Rows

from pegel.baseline.baseline import Baseline
from pegel.data.columns import Columns, Role
from pegel.data.spans import Span
from pegel.judge.chart_state import ChartState
from pegel.judge.judge import judge
from pegel.spec.monitor_spec import Watch
from pegel.stats.layout import Layout, build_layout
from pegel.stats.summary import Summary


def agrees(seed: int, per_week: float, change: str, windows: int) -> bool:
    """Say whether `judge` alerts in the same windows as `System`, on one stream that changes half-way."""
    rng = np.random.default_rng(seed)
    rows = streams.draw(rng, M)
    columns = {name: ours.column(streams.field(name), rows[name]) for name in rows}
    layout = build_layout(streams.SCHEMA, columns)
    baseline = Baseline.build(
        layout=layout, summary=_summary(rows, layout), model="ten", version=1, source="", scores=None, watch=Watch()
    )
    spec, chart_state, spans = spec_of(per_week), ChartState(baseline.id), []
    counted: dict[str, list[Counts]] = {name: [] for name in rows}
    for number in range(windows):
        drawn = streams.draw(rng, N)
        if number >= windows // 2:
            drawn[CHANGED] = streams.CHANGES[change][1].draw(rng, N)
        summary = _summary(drawn, layout)
        span = Span(START + number * STEP, START + (number + 1) * STEP)
        judged = judge(baseline, summary, spec=spec, span=span, revision=0, chart_state=chart_state)
        chart_state = judged.chart_state or chart_state
        spans.append(any(finding.detector != "correlation" for finding in judged.findings))
        for name, feature in summary.features.items():
            counted[name].append(feature.cells)
    system = System(
        {name: Watched(feature.layout, feature.cells) for name, feature in baseline.features.items()},
        levels_of(per_week),
        usual_size(),
    )
    alerts = [system.alerts(Stretch.of(one, np.stack(counted[name])), 1)[:, 0] for name, one in system.watched.items()]
    return bool((np.any(alerts, axis=0) == np.array(spans)).all()) and any(spans)


def _summary(rows: Mapping[str, Rows], layout: Layout) -> Summary:
    summary = Summary.empty(layout, exact=True)
    numbers = np.column_stack([rows[name] for name in rows if name not in streams.CATEGORICAL])
    text = tuple(ours.texts(rows[name]) for name in rows if name in streams.CATEGORICAL)
    summary.update(Columns(len(numbers), numbers, None, text, (None,) * len(text)), Role.FEATURE)
    return summary
