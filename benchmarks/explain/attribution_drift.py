"""What attributions add to tests of inputs: `python -m benchmarks.explain.attribution_drift [--windows 20]`.

A gradient boosting of 100 trees of 16 leaves over twelve inputs: two that go together, one pair that counts only
together, four columns of noise. Windows of explained rows are judged against 20,000 that the model was not fitted on.
Beside them stands the rule that others use, nDCG below 0.9. Runs in the serving environment, which has `shap`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import shap
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

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

D, M, LEVEL = 12, 20_000, 0.01
Rows = NDArray[np.float64]
SPEC = MonitorSpec.parse(
    {"model": {"name": "bench", "uri": "/m"}, "baseline": {"source": "local://b"}, "attribution": {"via": "artefact"}}
)
START = datetime(2026, 11, 30, tzinfo=UTC)
SPAN = Span(START, START + timedelta(minutes=10))


def drawn(rng: np.random.Generator, rows: int) -> Rows:
    """Draw inputs; the first two go together, and the last four count for nothing."""
    x = rng.normal(size=(rows, D))
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    return x


def outcome(rng: np.random.Generator, x: Rows) -> Rows:
    """Return outcomes: an important input, some weaker ones, and a product of two."""
    y = x[:, 0] + 0.5 * x[:, 2] + 0.3 * x[:, 3] + 0.7 * x[:, 4] * x[:, 5] + 0.05 * x[:, 6]
    return np.asarray(y + rng.normal(0, 0.5, len(x)))


def shifted(column: int, by: float) -> Callable[[Rows], Rows]:
    """Return what moves one column."""

    def move(x: Rows) -> Rows:
        moved = x.copy()
        moved[:, column] += by
        return moved

    return move


STREAMS: dict[str, Callable[[Rows], Rows]] = {
    "clean": lambda x: x,
    "important +.2 sigma": shifted(0, 0.2),
    "important +.5 sigma": shifted(0, 0.5),
    "noise column +1 sigma": shifted(11, 1.0),
    "weak column +.5 sigma": shifted(6, 0.5),
}


def main() -> None:
    """Print, of each stream, in which part of the windows it is certain, certain and relevant, and below .9."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=20)
    parser.add_argument("--rows", type=int, default=2_000)
    args = parser.parse_args()
    rng = np.random.default_rng(7)
    x = drawn(rng, M)
    model = HistGradientBoostingRegressor(max_iter=100, max_leaf_nodes=16, random_state=0).fit(x, outcome(rng, x))
    explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")

    def explained(rows: Rows) -> tuple[Rows, Rows]:
        return np.asarray(explainer.shap_values(rows)), np.asarray(model.predict(rows))

    values, raw = explained(drawn(rng, M))
    names = tuple(f"x{number}" for number in range(D))
    baseline = learned_baseline(
        SPEC, names, RowsToLearn(attributions=values, raw=raw, times_us=None, method=Method.TREE, artefact=None)
    )
    print(f"{'stream':24} certain  relevant  nDCG<.9   ({args.windows} windows of {args.rows} rows)")
    for name, change in STREAMS.items():
        judged = [_judged(baseline, *explained(change(drawn(rng, args.rows)))) for _ in range(args.windows)]
        certain, relevant, alarming = (sum(each) / len(judged) for each in zip(*judged, strict=True))
        print(f"{name:24} {certain:7.2f}  {relevant:8.2f}  {alarming:7.2f}")


def _judged(baseline: Baseline, values: Rows, raw: Rows) -> tuple[bool, bool, bool]:
    """Say whether a window is certain to have changed, whether the output moves by it, and whether nDCG is below .9."""
    summary = Summary.empty(baseline.layout)
    summary.update(columns_of(values), Role.ATTRIBUTION)
    rows = CountedAttributions(summary, AttributionSums.of(explained_by(baseline).scale.rows(values, raw)))
    found = judge_attributions(baseline, rows, span=SPAN, level=LEVEL, margin=SPEC.attribution.margin)
    certain = found.verdict in {Verdict.DRIFT, Verdict.BELOW_MARGIN}
    return certain, found.verdict is Verdict.DRIFT, found.facts["ndcg"] < 0.9


if __name__ == "__main__":
    main()
