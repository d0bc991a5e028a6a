"""Layers that a profile knows nothing of, through doors of their own: explained rows, and how rows are sent.

`attribution`: the numbers of the table are inputs of an additive model, whose attributions are exact: each column about
its mean, in its own spread. So attributions have every shape of the table, those of sparse flags and steps included.
What is certain counts, whether it is relevant or not: relevance only takes findings away. `adversarial`: probing and
combinations as `judge` looks for them, window after window, so that sixteen of them are looked at together as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pegel.baseline.baseline import Baseline
from pegel.baseline.row_learning import RowLearning, RowWish
from pegel.baseline.row_reference import RowReference
from pegel.data.arrow_columns import columns_of
from pegel.data.attribution_event import Method
from pegel.data.columns import Role
from pegel.data.spans import Span
from pegel.judge.attribution.attribution_judgement import CountedAttributions, explained_by, judge_attributions
from pegel.judge.attribution.attribution_levels import FEWEST_ROWS
from pegel.judge.attribution.learned_baseline import RowsToLearn, learned_baseline
from pegel.judge.attribution.learned_baseline import columns_of as attributions_of
from pegel.judge.findings import Verdict
from pegel.spec.monitor_spec import MonitorSpec
from pegel.stats.summary import Summary

LEVEL = 0.05
"""False alarms that a window of explained rows may raise, as many as the other doors."""
CERTAIN = frozenset({Verdict.DRIFT, Verdict.BELOW_MARGIN})
START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LAYERS = ("probing", "combinations")
ASKED = MonitorSpec.parse(
    {
        "model": {"name": "gate", "version": 1, "uri": "none"},
        "baseline": {"source": "none"},
        "windowing": {"length": "60s"},
        "false_alarms": {"count": 3, "per": "hour"},
        "adversarial": {"probing": True, "combinations": True},
    }
)
EXPLAINED = MonitorSpec.parse(
    {"model": {"name": "gate", "uri": "/m"}, "baseline": {"source": "none"}, "attribution": {"via": "artefact"}}
)
Floats = NDArray[np.float64]


class AdditiveModel:
    """Explains rows of a table exactly: each number about its mean in training, over its spread there."""

    def __init__(self, training: pa.Table) -> None:
        """Learn means and spreads; a column that no row differs in counts for nothing."""
        self.names = tuple(name for name in training.column_names if _is_number(training.schema.field(name).type))
        values = self._numbers(training)
        low, self._middle, high = np.quantile(values, [0.05, 0.5, 0.95], axis=0)
        self._spread = np.where(high > low, high - low, 1.0)

    def parts(self, table: pa.Table) -> Floats:
        """Return attributions, shape (rows, columns)."""
        return np.asarray((self._numbers(table) - self._middle) / self._spread)

    def _numbers(self, table: pa.Table) -> Floats:
        columns = (pc.fill_null(table.column(name).cast(pa.float64()), 0.0).to_numpy() for name in self.names)
        return np.column_stack(list(columns))


def explained_baseline(model: AdditiveModel, training: pa.Table) -> Baseline:
    """Learn a baseline of attributions."""
    parts = model.parts(training)
    rows = RowsToLearn(attributions=parts, raw=parts.sum(axis=1), times_us=None, method=Method.LINEAR, artefact=None)
    return learned_baseline(EXPLAINED, model.names, rows)


def found_in_parts(model: AdditiveModel, baseline: Baseline, window: pa.Table) -> Iterator[str]:
    """Yield the columns whose attributions are certain to have changed. Raises ValueError for too few rows."""
    if window.num_rows < FEWEST_ROWS:
        raise ValueError(f"expected {FEWEST_ROWS} explained rows, given {window.num_rows}; nothing was judged")
    parts, summary = model.parts(window), Summary.empty(baseline.layout)
    summary.update(attributions_of(parts), Role.ATTRIBUTION)
    counted = CountedAttributions(summary, explained_by(baseline).sums_of(parts, parts.sum(axis=1)))
    span = Span(START, START + MINUTE)
    margin = EXPLAINED.attribution.margin
    judged = judge_attributions(baseline, counted, span=span, level=LEVEL, margin=margin)
    yield from (each.feature for each in judged.features if each.verdict in CERTAIN)


def rows_sent(baseline: Baseline, training: pa.Table, window_rows: int) -> RowReference:
    """Learn how rows of a table are sent, as the baseline job does of rows without times."""
    (batch,) = training.combine_chunks().to_batches()
    rows = columns_of(baseline.layout.schema.of_role(Role.FEATURE), batch)
    summary = Summary.empty(baseline.layout, exact=True)
    summary.update(rows, Role.FEATURE)
    learning = RowLearning(summary, RowWish(combinations=True, probing=True))
    return learning.reference(learning.of_rows(rows), window_rows=window_rows, timed=False)


def count_sent(baseline: Baseline, summary: Summary, window: pa.Table) -> None:
    """Count how the rows of a window are sent, as the stream does."""
    if (counter := baseline.row_counter) is not None:
        (batch,) = window.combine_chunks().to_batches()
        summary.add_behaviour(counter.count(columns_of(baseline.layout.schema.of_role(Role.FEATURE), batch)))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))
