"""Distances along correlations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from pegel.baseline.outliers import Mahalanobis
from pegel.data.columns import Columns, Field, Kind, Schema
from pegel.stats.cells import cell_of
from pegel.stats.comoments import Comoments
from pegel.stats.layout import Layout, build_layout


def rows_of(matrix: NDArray[np.float64]) -> Columns:
    """Return numeric rows."""
    return Columns(len(matrix), np.ascontiguousarray(matrix), None, (), ())


def scored(layout: Layout, matrix: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the normal scores of complete rows."""
    scores: NDArray[np.int64] = np.column_stack([f.scores[cell_of(matrix[:, j], f.edges)] for j, f in layout.joint])
    return scores


def fitted(matrix: NDArray[np.float64]) -> tuple[Layout, Mahalanobis]:
    """Fit on rows of which all fields are watched."""
    names = [f"x{j}" for j in range(matrix.shape[1])]
    schema = Schema(tuple(Field(name, Kind.NUMERIC) for name in names))
    layout = build_layout(schema, dict(zip(names, matrix.T, strict=True)))
    sums = Comoments(len(layout.joint))
    sums.update(scored(layout, matrix), np.ones(len(matrix), dtype=np.bool_))
    found = Mahalanobis.from_comoments(layout, sums)
    assert found is not None
    return layout, found


@pytest.fixture(scope="module")
def normal() -> NDArray[np.float64]:
    """20,000 rows of three normal fields, the first two correlated at 0.9."""
    mix = np.array([[1.0, 0, 0], [0.9, math.sqrt(1 - 0.81), 0], [0, 0, 1.0]])
    rows: NDArray[np.float64] = np.random.default_rng(0).normal(size=(20_000, 3)) @ mix.T
    return rows


def test_equals_the_distance_from_rows(normal: NDArray[np.float64]) -> None:
    """From sums alone the squared distances are those of numpy's covariance of the scores of all rows."""
    layout, fit = fitted(normal)
    scores = scored(layout, normal).astype(np.float64)
    centred = scores - scores.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(scores.T)), centred)

    assert expected == pytest.approx(fit.measure(rows_of(normal)).squared, rel=1e-9)
    assert 3 == fit.rank


def test_parts_add_up(normal: NDArray[np.float64]) -> None:
    """The parts of a row are at least 0 and add up to its squared distance."""
    found = fitted(normal)[1].measure(rows_of(normal[:500]))

    assert found.parts.sum(axis=1) == pytest.approx(found.squared, rel=1e-12)
    assert (found.parts >= 0).all()


def test_an_odd_combination_of_usual_values_is_far_out(normal: NDArray[np.float64]) -> None:
    """A row that breaks a correlation has a tiny p-value though each value is usual; the pair is named first."""
    _, fit = fitted(normal)
    found = fit.measure(rows_of(np.array([[1.5, -1.5, 0.0], [1.5, 1.5, 0.0]])))
    reasons = found.reasons(0, k=2)

    assert found.p_values[0] < 1e-6
    assert found.p_values[1] > 0.1
    assert reasons is not None
    assert {"x0", "x1"} == {name for name, _ in reasons}


def test_p_values_of_normal_rows_are_about_uniform(normal: NDArray[np.float64]) -> None:
    """Of rows like the baseline's about 5 % have a p-value below 5 %; scores stop at 1/256, so rather fewer."""
    fresh = np.random.default_rng(1).permuted(normal, axis=0)
    fresh[:, 1] = 0.9 * fresh[:, 0] + math.sqrt(1 - 0.81) * np.random.default_rng(2).normal(size=len(fresh))
    share = float(np.mean(fitted(normal)[1].measure(rows_of(fresh)).p_values < 0.05))

    assert 0.03 < share < 0.06


def test_incomplete_rows_are_not_measured(normal: NDArray[np.float64]) -> None:
    """A row with a missing or infinite value has no distance, no reasons, and is counted."""
    matrix = normal[:4].copy()
    matrix[1, 2], matrix[2, 0] = np.nan, np.inf
    found = fitted(normal)[1].measure(rows_of(matrix))

    assert [False, True, True, False] == np.isnan(found.squared).tolist()
    assert np.isnan(found.p_values).tolist() == np.isnan(found.squared).tolist()
    assert 2 == found.unmeasured
    assert found.reasons(1) is None


def test_collinear_fields_count_once(normal: NDArray[np.float64]) -> None:
    """A copy of a field in another unit changes neither rank nor distances."""
    _, single = fitted(normal)
    _, double = fitted(np.column_stack([normal, normal[:, 0] * 60]))
    fresh = normal[:100]

    assert single.rank == double.rank
    assert single.measure(rows_of(fresh)).squared == pytest.approx(
        double.measure(rows_of(np.column_stack([fresh, fresh[:, 0] * 60]))).squared, rel=1e-6
    )


def test_a_field_that_did_not_vary_has_no_part(normal: NDArray[np.float64]) -> None:
    """A watched field that was constant in the complete rows adds nothing and takes no degree of freedom."""
    layout, _ = fitted(normal)
    scores = scored(layout, normal)
    scores[:, 2] = 7
    sums = Comoments(3)
    sums.update(scores, np.ones(len(scores), dtype=np.bool_))
    fit = Mahalanobis.from_comoments(layout, sums)

    assert fit is not None
    assert 2 == fit.rank
    assert 0.0 == pytest.approx(fit.measure(rows_of(normal[:50])).parts[:, 2].max(), abs=1e-12)


def test_nothing_to_measure_with(normal: NDArray[np.float64]) -> None:
    """Without two complete rows, or without a field that varies, there is no distance at all."""
    layout, _ = fitted(normal)
    constant = Comoments(3)
    constant.update(np.ones((9, 3), dtype=np.int64), np.ones(9, dtype=np.bool_))

    assert Mahalanobis.from_comoments(layout, Comoments(3)) is None
    assert Mahalanobis.from_comoments(layout, constant) is None
    assert Mahalanobis.from_comoments(build_layout(Schema(()), {}), Comoments(0)) is None
