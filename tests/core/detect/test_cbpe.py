"""Estimates without labels."""

from __future__ import annotations

import numpy as np
import pytest

from pegel.detect.cbpe import CAVEAT, calibrate, count, estimate


def draw(seed: int, n: int, a: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw overconfident scores and the labels that belong to them."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(a, 2.0, n)
    return np.clip(1.4 * (truth - 0.5) + 0.5, 0, 1), rng.random(n) < truth


def test_estimate_meets_the_truth_under_covariate_shift() -> None:
    """Inputs that change while their relation to the target does not: the estimate is the realised performance."""
    scores, labels = draw(0, 100_000, 2.0)
    calibration = calibrate(scores, labels)
    shifted, truth = draw(1, 50_000, 4.0)
    predicted = shifted >= 0.5
    found = estimate(count(shifted, predicted), calibration)
    order = np.argsort(shifted, kind="stable").argsort()
    auc = (order[truth].mean() - (truth.sum() - 1) / 2) / (~truth).sum()

    assert found is not None
    assert np.mean(predicted == truth) == pytest.approx(found.accuracy, abs=4 * found.accuracy_sd + 0.003)
    assert truth[predicted].mean() == pytest.approx(found.precision, abs=0.01)
    assert predicted[truth].mean() == pytest.approx(found.recall, abs=0.01)
    assert auc == pytest.approx(found.roc_auc, abs=0.01)
    assert found.caveat == CAVEAT


def test_counts_add_up() -> None:
    """The counts of parts add up to those of all rows; nothing else is kept of a window."""
    scores, _ = draw(2, 1_000, 2.0)
    predicted = scores > 0.5

    assert (
        count(scores, predicted) == count(scores[:300], predicted[:300]) + count(scores[300:], predicted[300:])
    ).all()


def test_calibration_never_falls() -> None:
    """Probabilities rise with the score; scores never seen take those of their neighbours."""
    calibration = calibrate(np.array([0.2, 0.2, 0.8, 0.9, 1.0]), np.array([False, True, True, False, True]))

    assert (np.diff(calibration) >= 0).all()
    assert (0.5, 0.5, 1.0) == (calibration[0], calibration[500], calibration[-1])


def test_nothing_is_undefined() -> None:
    """Without rows there is no estimate, without a predicted positive no precision, without labels no calibration."""
    calibration = np.full(1_000, 0.25)
    found = estimate(count(np.array([0.1, 0.2]), np.array([False, False])), calibration)

    assert estimate(np.zeros((1_000, 2), dtype=np.int64), calibration) is None
    assert found is not None
    assert (0.75, None) == (found.accuracy, found.precision)
    with pytest.raises(ValueError, match="expected labelled rows"):
        calibrate(np.empty(0), np.empty(0, dtype=np.bool_))
