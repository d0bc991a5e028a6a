"""What Pegel sees of a window with searches among its customers, what PRADA says of clients, and what it costs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from benchmarks.adversarial.asked_models import AskedModel
from benchmarks.adversarial.searches import Rows
from scipy.stats import shapiro

from pegel.baseline.baseline import Baseline
from pegel.baseline.row_learning import RowLearning, RowWish
from pegel.baseline.row_reference import RowCounter, RowReference
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.spans import Span
from pegel.detect.combine import corrected
from pegel.detect.count_tests import CountTest
from pegel.detect.crowded_cells import Crowd, crowd_test
from pegel.judge.comparison import compare, drift_family
from pegel.spec.monitor_spec import Watch
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.fingerprints.kept_rows import KeptRows
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

WINDOW, LEVEL = 1_000, 1e-5
REPEATED = 30
PRADA_ROWS, PRADA_LEAST = 100, 0.95
"""Rows of one client that the rule looks at, and the least statistic of Shapiro and Wilk that it takes for honest."""
_SPAN = Span(datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=1))


@dataclass(frozen=True, slots=True)
class Seen:
    """What is told of a window at the level, each by itself. `off_grid`: of the rows before they were rounded."""

    probing: bool
    off_grid: bool
    combinations: bool
    drift: bool


@dataclass(frozen=True, eq=False)
class WatchedTable:
    """A baseline of a table, with everything about how rows are sent."""

    baseline: Baseline
    reference: RowReference
    counter: RowCounter

    @classmethod
    def on(cls, model: AskedModel) -> WatchedTable:
        """Learn from the rows that a model was trained on."""
        rows = model.trained
        names = [f"x{at}" for at in range(rows.shape[1])]
        schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in names))
        layout = build_layout(schema, dict(zip(names, rows.T, strict=True)))
        summary = Summary.empty(layout, exact=True)
        summary.update(columns_of(rows), Role.FEATURE)
        learning = RowLearning(summary, RowWish(off_grid=True, combinations=True, probing=True))
        reference = learning.reference(learning.of_rows(columns_of(rows)), window_rows=WINDOW, timed=False)
        baseline = Baseline.build(
            layout=layout,
            summary=summary,
            model=model.name.lower(),
            version=1,
            source="drawn",
            scores=None,
            watch=Watch(),
            rows_sent=reference,
        )
        counter = baseline.row_counter
        if counter is None:
            raise ValueError("expected a baseline that counts how rows are sent")
        return cls(baseline, reference, counter)

    def sees(self, rows: Rows, unrounded: Rows) -> Seen:
        """Say what is told of a window; `unrounded`: the same rows as somebody asks them who does not round."""
        found, finer = self.counter.count(columns_of(rows)), self.counter.count(columns_of(unrounded)).off_grid
        grids, m = self.reference.grids or {}, len(rows)
        steps = [CountTest("finer", int(count), m, 0, self.baseline.rows).p_value for count in finer]
        return Seen(
            probing=self._crowd(found.rows) is not None,
            off_grid=min(steps, default=1.0) * max(1, len(grids)) <= LEVEL,
            combinations=self._odd(found.unusual, found.placed) <= LEVEL,
            drift=self._drift(rows) <= LEVEL,
        )

    def cost(self, rows: Rows) -> tuple[float, float]:
        """Return microseconds of one processor per row, of counting and of judging probing alone."""
        probing = RowReference(crowds=self.reference.for_counting().crowds)
        counter, columns = RowCounter(self.counter.layout, probing, self.counter.trained), columns_of(rows)
        counter.count(columns)
        began = time.process_time()
        for _ in range(REPEATED):
            found = counter.count(columns)
        counted = time.process_time()
        for _ in range(REPEATED):
            self._crowd(found.rows)
        judged = time.process_time()
        return 1e6 * (counted - began) / REPEATED / len(rows), 1e6 * (judged - counted) / REPEATED / len(rows)

    def _crowd(self, rows: KeptRows) -> Crowd | None:
        crowds = self.reference.crowds
        if crowds is None or crowds.sizes is None:
            raise ValueError("expected a baseline that knows crowds")
        return crowd_test(CrowdSizes.of(rows), crowds.sizes, LEVEL).crowd

    def _odd(self, unusual: int, placed: int) -> float:
        joint = self.reference.joint
        if joint is None or not placed:
            return 1.0
        return CountTest("odd", unusual, placed, joint.exceeding, joint.placed).p_value

    def _drift(self, rows: Rows) -> float:
        """Return the p-value of the input tests of all columns together."""
        summary = Summary.empty(self.baseline.layout)
        summary.update(columns_of(rows), Role.FEATURE)
        fields = self.baseline.layout.schema.fields
        tests = drift_family(compare(self.baseline, summary, fields, _SPAN)).values()
        return min(min(corrected(of_field)) for of_field in tests if of_field) * len(fields)


def columns_of(rows: Rows) -> Columns:
    """Return rows of numbers as they are counted."""
    return Columns(len(rows), rows, None, (), ())


def flagged_by_prada(rows: Rows) -> bool:
    """Say whether the distances of a client's rows to its nearest earlier one look less normal than the rule allows."""
    scaled = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    distances = [float(np.linalg.norm(scaled[:at] - scaled[at], axis=1).min()) for at in range(1, len(rows))]
    return bool(np.ptp(distances) == 0 or shapiro(distances).statistic < PRADA_LEAST)
