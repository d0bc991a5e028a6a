"""How often searches are seen in windows of a thousand rows, beside PRADA's rule, and what it costs to look.

.venvs/spark/bin/python -m benchmarks.adversarial [WINDOWS]
"""

from __future__ import annotations

import sys
import time
from itertools import islice

import numpy as np
from benchmarks.adversarial.searches import COLUMNS, SEARCHES, Rows, answers, customers
from scipy.stats import shapiro

from pegel.baseline.baseline import Baseline
from pegel.baseline.row_learning import RowLearning, RowWish
from pegel.baseline.row_reference import RowCounter, RowReference
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.detect.count_tests import CountTest
from pegel.detect.crowded_cells import crowd_test
from pegel.spec.monitor_spec import Watch
from pegel.stats.fingerprints.crowd_sizes import CrowdSizes
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

TRAINED, WINDOW, LEVEL = 30_000, 1_000, 1e-5
SHARES = (0.01, 0.02, 0.05)
PRADA_ROWS, PRADA_LEAST = 100, 0.95
"""Rows of one client that the rule looks at, and the least statistic of Shapiro and Wilk that it takes for honest."""


def columns_of(rows: Rows) -> Columns:
    """Return rows of numbers as they are counted."""
    return Columns(len(rows), rows, None, (), ())


def trained() -> Baseline:
    """Learn from customers."""
    rows = customers(np.random.default_rng(1), TRAINED)
    names = [f"x{at}" for at in range(COLUMNS)]
    schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in names))
    layout = build_layout(schema, dict(zip(names, rows.T, strict=True)))
    summary = Summary.empty(layout, exact=True)
    summary.update(columns_of(rows), Role.FEATURE)
    learning = RowLearning(summary, RowWish(off_grid=True, combinations=True, probing=True))
    reference = learning.reference(learning.of_rows(columns_of(rows)), window_rows=WINDOW, timed=False)
    return Baseline.build(
        layout=layout,
        summary=summary,
        model="customers",
        version=1,
        source="drawn",
        scores=None,
        watch=Watch(),
        rows_sent=reference,
    )


def flagged_by_prada(rows: Rows) -> bool:
    """Say whether the distances of a client's rows to its nearest earlier one look less normal than the rule allows."""
    scaled = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9)
    distances = [float(np.linalg.norm(scaled[:at] - scaled[at], axis=1).min()) for at in range(1, len(rows))]
    return bool(np.ptp(distances) == 0 or shapiro(distances).statistic < PRADA_LEAST)


def seen(baseline: Baseline, reference: RowReference, rows: Rows) -> tuple[bool, bool, bool]:
    """Say whether a window is suspected of probing, of odd combinations, and of finer values."""
    counter = baseline.row_counter
    if counter is None or reference.crowds is None or reference.crowds.sizes is None or reference.joint is None:
        raise ValueError("expected a baseline that knows how rows are sent")
    found = counter.count(columns_of(rows))
    crowd = crowd_test(CrowdSizes.of(found.rows), reference.crowds.sizes, LEVEL).crowd
    odd = CountTest("odd", found.unusual, found.placed, reference.joint.exceeding, reference.joint.placed)
    finer = min(CountTest("finer", int(count), WINDOW, 0, TRAINED).p_value for count in found.off_grid)
    return crowd is not None, odd.p_value <= LEVEL, finer * COLUMNS <= LEVEL


def cost(counter: RowCounter, reference: RowReference) -> tuple[float, float]:
    """Return microseconds of one processor per row, of counting and of judging."""
    rows = columns_of(customers(np.random.default_rng(5), WINDOW))
    began = time.process_time()
    for _ in range(50):
        found = counter.count(rows)
    counted = time.process_time()
    if reference.crowds is not None and reference.crowds.sizes is not None:
        for _ in range(50):
            crowd_test(CrowdSizes.of(found.rows), reference.crowds.sizes, LEVEL)
    judged = time.process_time()
    return 1e6 * (counted - began) / 50 / WINDOW, 1e6 * (judged - counted) / 50 / WINDOW


def told(name: str, share: str, found: Rows, prada: float) -> None:
    """Print which part of the windows each of the three tells, and of clients the rule."""
    probing, odd, finer = found.tolist()
    print(
        f"{name:<22} {share:>4}  probing {probing:.2f}  combinations {odd:.2f}  off grid {finer:.2f}  PRADA {prada:.2f}"
    )


def main(windows: int) -> None:
    """Print one line per search and share."""
    baseline = trained()
    reference, counter = baseline.rows_sent, baseline.row_counter
    if reference is None or counter is None:
        raise ValueError("expected a baseline that knows how rows are sent")
    print(f"{windows} windows of {WINDOW} rows, level {LEVEL:g} each; of {TRAINED} training rows")
    rng = np.random.default_rng(2)
    clean = np.mean([seen(baseline, reference, customers(rng, WINDOW)) for _ in range(windows)], axis=0)
    honest = np.mean([flagged_by_prada(customers(rng, PRADA_ROWS)) for _ in range(windows)])
    told("customers alone", "", clean, float(honest))
    for name, search in SEARCHES.items():
        for share in SHARES:
            asked = search(np.random.default_rng(3), answers)
            found, prada = [], []
            for _ in range(windows):
                own = np.array(list(islice(asked, int(share * WINDOW))))
                window = customers(rng, WINDOW)
                window[: len(own)] = own
                found.append(seen(baseline, reference, window))
                prada.append(flagged_by_prada(np.array(list(islice(asked, PRADA_ROWS)))))
            told(name, f"{share:.0%}", np.mean(found, axis=0), float(np.mean(prada)))
    counted, judged = cost(counter, reference)
    print(f"counting {counted:.2f} us a row, judging {judged:.2f} us a row, {COLUMNS} columns")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 24)
