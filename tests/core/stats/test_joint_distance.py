"""Distances of rows from the middle of training: exact, however rows are batched."""

from __future__ import annotations

import numpy as np
from fingerprinted_rows import columns_of

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.stats.comoments import Comoments
from pegel.stats.fingerprints.row_codes import RowCodes
from pegel.stats.joint_distance import JointDistance, complete_scores
from pegel.stats.layout import build_layout


def scores_of(rows: int, size: int, seed: int) -> np.ndarray:
    """Draw correlated scores as whole numbers."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(rows, size))
    drawn[:, 1] = 0.9 * drawn[:, 0] + 0.4 * drawn[:, 1]
    return np.clip(np.rint(1_024 * drawn), -2_724, 2_724).astype(np.int64)


def learnt(scores: np.ndarray) -> JointDistance:
    """Learn from rows of scores."""
    sums = Comoments(scores.shape[1])
    sums.update(scores)
    distance = JointDistance.of(sums)
    assert distance is not None
    return distance


def test_distances_are_those_of_numpy() -> None:
    """As numpy's inverse covariance says, to five digits."""
    scores = scores_of(5_000, 5, 1)
    distance = learnt(scores)
    centred = scores - scores.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(scores.T)), centred)

    assert np.allclose(expected, distance.of_rows(scores) * distance.unit, rtol=2e-3, atol=1e-2)


def test_a_distance_is_the_same_to_the_last_bit_however_rows_are_batched() -> None:
    """One by one, in parts, or at once: whole numbers that float64 holds."""
    scores = scores_of(300, 64, 2)
    distance = learnt(scores_of(5_000, 64, 3))
    at_once = distance.of_rows(scores)

    assert at_once.tolist() == [int(distance.of_rows(scores[at : at + 1])[0]) for at in range(300)]
    assert at_once.tolist() == np.concatenate([distance.of_rows(part) for part in np.split(scores, 6)]).tolist()


def test_an_unusual_combination_lies_farther_than_usual_extremes() -> None:
    """Both numbers within two deviations, but against each other: no single field tells."""
    distance = learnt(scores_of(5_000, 5, 1))
    usual, odd = np.zeros((1, 5), dtype=np.int64), np.zeros((1, 5), dtype=np.int64)
    usual[0, :2], odd[0, :2] = (2_000, 2_000), (1_500, -1_500)

    assert distance.of_rows(odd)[0] > 5 * distance.of_rows(usual)[0]


def test_one_number_alone_has_no_combination() -> None:
    """Neither have rows that are fewer than numbers."""
    single = Comoments(1)
    single.update(np.arange(100)[:, None])

    assert JointDistance.of(single) is None
    assert JointDistance.of(Comoments(3)) is None


def test_distances_are_read_as_they_were_written() -> None:
    """Nothing is lost in a baseline."""
    distance, scores = learnt(scores_of(2_000, 4, 4)), scores_of(50, 4, 5)
    read = JointDistance.from_json(distance.to_json())

    assert (distance.unit, distance.of_rows(scores).tolist()) == (read.unit, read.of_rows(scores).tolist())


def test_only_rows_with_all_numbers_are_placed() -> None:
    """A row that lacks a number has no combination."""
    rows = np.random.default_rng(6).normal(size=(2_000, 3))
    names = ("x", "y", "z")
    layout = build_layout(
        Schema(tuple(Field(name, Kind.NUMERIC, Role.FEATURE) for name in names)),
        dict(zip(names, rows.T, strict=True)),
    )
    rows[:5, 1] = np.nan
    codes = RowCodes.of(layout)

    assert (1_995, 3) == complete_scores(codes, codes.of_rows(columns_of(rows))).shape
