"""Of which rows of which table a surrogate is made: with categories and gaps, with answers or without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from held_out_place import HELD_OUT, made_place, paint_rows
from pyarrow import parquet

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec
from pegel_serving.attribution.held_out_rows import drawn_rows
from pegel_serving.attribution.surrogate_model import SurrogateModel
from pegel_serving.attribution.surrogate_rows import halves, surrogate_source

MIXED = Schema(
    (
        Field("size", Kind.NUMERIC),
        Field("city", Kind.CATEGORICAL),
        Field("kind", Kind.CATEGORICAL, Role.PREDICTION),
        Field("kind_probability_no", Kind.NUMERIC, Role.PREDICTION),
        Field("kind_probability_yes", Kind.NUMERIC, Role.PREDICTION),
    )
)


def mixed_table(folder: Path, rows: int, *, answered: int | None = None) -> Path:
    """Write rows of a number with gaps and a category, with the probabilities that a model gave them."""
    rng = np.random.default_rng(7)
    sizes, cities = rng.normal(size=rows), rng.choice([f"c{at}" for at in range(300)] + ["a", "b"], rows)
    chances = 1 / (1 + np.exp(-2 * sizes - (cities == "a")))
    known = np.arange(rows) >= (rows if answered is None else answered)
    table = pa.table(
        {
            "size": pa.array(sizes, mask=rng.random(rows) < 0.02),
            "city": cities,
            "kind": np.where(chances > 0.5, "yes", "no"),
            "kind_probability_no": 1 - chances,
            "kind_probability_yes": pa.array(chances, mask=known),
        }
    )
    parquet.write_table(table, folder / "rows.parquet")
    return folder / "rows.parquet"


def test_a_table_with_categories_gaps_and_classes(tmp_path: Path) -> None:
    """Of two classes the probability of the second is expected; unknown categories and missing values are answered."""
    made = SurrogateModel.of_table(mixed_table(tmp_path, 6_000), MIXED)
    rows = np.array([[1.0, "a"], [np.nan, None], [-1.0, "never seen"], [np.inf, "b"]], dtype=object)

    assert made.checked == 3_000
    assert made.expected(rows).shape == (4,)
    assert np.isfinite(made.expected(rows)).all()
    high, _, low, _ = made.expected(rows).tolist()
    assert high > 0.7
    assert low < 0.3


def test_rows_without_answers_are_left_out(tmp_path: Path) -> None:
    """Those that have one count alone."""
    made = SurrogateModel.of_table(mixed_table(tmp_path, 6_000, answered=4_000), MIXED)

    assert 2_000 == pytest.approx(made.checked, abs=100)


def test_halves_are_the_same_each_time() -> None:
    """Each row is in one of them."""
    fit, other = halves(1_001)

    assert (500, 501) == (len(fit), len(other))
    assert list(range(1_001)) == sorted([*fit.tolist(), *other.tolist()])
    assert fit.tolist() == halves(1_001)[0].tolist()


def test_held_out_rows_with_answers_come_first(tmp_path: Path) -> None:
    """Else it is made of the rows of the model's own baseline; where no answers stand in these, that is told."""
    place = made_place(tmp_path)
    spec = place.spec(via="endpoint", identity="surrogate")
    features = paint_rows(1_200).drop_columns("price")
    place.register(features, "holdout")
    first = surrogate_source(place.store, spec).source
    place.register(paint_rows(1_200), "holdout", replace=True)
    second = surrogate_source(place.store, spec).source
    place.register(features, "train", replace=True)

    assert ("local://paint", HELD_OUT) == (first, second)
    with pytest.raises(InvalidSpec, match="has none; register it with them"):
        surrogate_source(place.store, place.spec(via="endpoint", identity="surrogate", baseline=None))


def test_held_out_rows_are_drawn_from_the_other_half(tmp_path: Path) -> None:
    """No row that a surrogate is fitted to is among those that answers are compared with."""
    parquet.write_table(pa.table({"at": np.arange(3_000.0)}), tmp_path / "rows.parquet")
    drawn = drawn_rows(
        tmp_path / "rows.parquet", [Field("at", Kind.NUMERIC)], 20_000, among=lambda rows: halves(rows)[1]
    )

    assert halves(3_000)[1].tolist() == drawn["at"].to_pylist()
