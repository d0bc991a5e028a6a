"""Figures from counts against scikit-learn on the rows themselves; intervals that cover as often as they say."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from labelled_traffic import class_baseline, classes, number_baseline, numbers

from pegel.stats.figures import Figure, auc, figures, reliability, wilson
from pegel.stats.labelled_rows import LabelledRows
from pegel.stats.performance_counts import PerformanceCounts

pytestmark = pytest.mark.environments("pyarrow")
HAS_SKLEARN = importlib.util.find_spec("sklearn") is not None


def of(rows: LabelledRows) -> dict[str, Figure]:
    """Return the figures of rows by name."""
    return {each.name: each for each in figures(PerformanceCounts.of(rows))}


@pytest.mark.skipif(not HAS_SKLEARN, reason="scikit-learn is in another environment, where this runs")
@pytest.mark.parametrize("seed", range(5))
def test_classifiers_are_as_in_scikit_learn(seed: int) -> None:
    """Exact to 1e-9 where sums are exact; the AUC of bins within the bound that it states."""
    from sklearn import metrics

    rows = classes(seed, 3_000, seed=seed, flip=0.05)
    found, names = of(rows), np.array(rows.classes)
    label, answer, score = names[rows.label], names[rows.predicted], rows.score
    truth = label == "1"
    expected = {
        "error rate": 1 - metrics.accuracy_score(label, answer),
        "precision": metrics.precision_score(label, answer, pos_label="1"),
        "recall": metrics.recall_score(label, answer, pos_label="1"),
        "F1": metrics.f1_score(label, answer, pos_label="1"),
        "log loss": metrics.log_loss(truth, score),
        "Brier score": metrics.brier_score_loss(truth, score),
    }
    for name, value in expected.items():
        assert value == pytest.approx(found[name].value, rel=1e-9, abs=1e-9)
    area = found["AUC"]
    assert area.off_by < 2e-3
    assert metrics.roc_auc_score(truth, score) == pytest.approx(area.value, abs=area.off_by)
    groups = reliability(PerformanceCounts.of(rows).compared.scores)  # type: ignore[union-attr]  # of classes
    assert 3_000 == sum(each[1] for each in groups)


@pytest.mark.skipif(not HAS_SKLEARN, reason="scikit-learn is in another environment, where this runs")
def test_regressors_and_many_classes_are_as_in_scikit_learn() -> None:
    """Errors to 1e-9, quantiles within their cells, means over classes as `average="macro"`."""
    from sklearn import metrics

    rows = numbers(3, 2_000, bias=1.0)
    found = of(rows)
    assert float(np.mean(rows.predicted - rows.label)) == pytest.approx(found["bias"].value, rel=1e-9)
    mae = metrics.mean_absolute_error(rows.label, rows.predicted)
    assert mae == pytest.approx(found["mean absolute error"].value, rel=1e-9)
    square = metrics.mean_squared_error(rows.label, rows.predicted)
    assert square**0.5 == pytest.approx(found["root mean square error"].value, rel=1e-9)
    median = found["50 % of residuals below"]
    exact = np.sort(rows.predicted - rows.label)[999]
    assert exact == pytest.approx(median.value, abs=2 * median.off_by)
    rng = np.random.default_rng(0)
    label, answer = (rng.choice(np.array(["a", "b", "c"], dtype=object), 900) for _ in range(2))
    times = np.full(900, "2015-01-01", dtype="datetime64[us]")
    several = of(LabelledRows.of_classes(answer, label, event_time=times, arrived_at=times))
    for name, metric in (("precision", metrics.precision_score), ("recall", metrics.recall_score)):
        expected = metric(label.astype(str), answer.astype(str), average="macro")
        assert expected == pytest.approx(several[f"{name} (mean of classes)"].value, rel=1e-9)


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say() -> None:
    """Of 400 hours, intervals of 95 % hold the figure of very many rows in 92 to 99 of 100."""
    for draw, names in (
        (classes, ("error rate", "precision", "recall", "F1", "AUC", "log loss", "Brier score", "calibration")),
        (numbers, ("bias", "mean absolute error", "root mean square error", "95 % of residuals below")),
    ):
        truth = of(draw(0, 400_000, seed=9))
        hours = [of(draw(each, 300)) for each in range(400)]
        for name in names:
            value = truth[name].value or 0.0
            held = sum((one[name].low or 0.0) <= value <= (one[name].high or 0.0) for one in hours)

            assert 0.92 <= held / 400 <= 0.99, name


def test_auc_of_nothing_is_not_defined() -> None:
    """Without rows of both classes there is no AUC; with perfect scores it is 1, by no chance."""
    scores = np.zeros((10, 2), dtype=np.int64)
    assert auc(scores) is None
    scores[0, 0], scores[9, 1] = 5, 7

    assert (1.0, 0.0, 0.0) == auc(scores)


def test_baselines_know_their_figures() -> None:
    """Both kinds of baseline have every figure of their training rows."""
    for baseline in (class_baseline(), number_baseline()):
        assert baseline.performance is not None
        assert all(each.value is not None for each in figures(baseline.performance.counts))


def test_wilson_is_never_outside() -> None:
    """An interval of a share stays between 0 and 1, and holds the share."""
    for seen, n in ((0, 10), (10, 10), (3, 7)):
        low, high = wilson(seen, n)

        assert 0 <= low <= seen / n <= high <= 1
