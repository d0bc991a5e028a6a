"""Baselines of attributions of held-out rows: made once by the worker, of rows that are no training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import paint_model
import pyarrow as pa
import pytest
from held_out_place import HELD_OUT, ROWS, HeldOutPlace, made_place, paint_rows
from pyarrow import parquet
from waiting import wait_until

from pegel.baseline.baseline import Baseline
from pegel.data.attribution_event import Method
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec, NotFound
from pegel.store.baseline_store import BaselineStore
from pegel.store.registry import Registry
from pegel.store.registry_view import RegistryView
from pegel.stream.watched_models import explained_baseline
from pegel_serving.attribution.artefact_digest import artefact_digest
from pegel_serving.attribution.explainer_process import prepared
from pegel_serving.attribution.held_out_explanations import most_rows, rows_at_once
from pegel_serving.attribution.held_out_rows import drawn_rows, held_out_table, request_bodies
from pegel_serving.attribution.model_preparation import calls_per_minute
from pegel_serving.attribution.unprepared import Unprepared
from pegel_serving.metadata import MODEL_FILE, Metadata

pytestmark = pytest.mark.timeout(240)

FEATURES = paint_model.SCHEMA.of_role(Role.FEATURE)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[HeldOutPlace]:
    """Return a place with training rows, their baseline and a model."""
    made = made_place(tmp_path)
    yield made
    for one in made.running:
        one.end()


@pytest.mark.slow
def test_held_out_rows_are_explained_once(place: HeldOutPlace) -> None:
    """Their baseline is what the stream judges by; it is made once of a folder, and anew of another one."""
    rows = paint_rows(ROWS)
    place.register(rows, "holdout")
    first = place.begin(place.spec())
    assert wait_until(lambda: place.made() is not None, within_s=50)
    made = place.made()
    assert made is not None
    assert made.attribution is not None
    digest = artefact_digest(place.folder / "paint")

    assert (ROWS, HELD_OUT, Method.LINEAR, digest) == (
        made.rows,
        made.source,
        made.attribution.method,
        made.attribution.artefact,
    )
    prices = 2 * np.array(rows["size"]) + 3 * np.array(rows["weight"]) + 10 * (np.array(rows["colour"]) == "red")
    assert (prices.mean(), prices.std(ddof=1)) == pytest.approx(
        (made.attribution.scale.center, made.attribution.scale.sigma)
    )
    models = RegistryView(Registry(place.engine), place.baselines, "default").read()
    assert made.id == explained_baseline(place.spec(), models, _Known(place.baselines))

    first.prepared("paint-v1", {"method": "linear", "artefact": digest})
    first.end()
    again = place.begin(place.spec())
    (place.folder / "paint" / "note").write_text("another folder")
    other = artefact_digest(place.folder / "paint")
    again.prepared("paint-v1", {"method": "linear", "artefact": other})
    assert wait_until(lambda: _artefact(place.made()) == other, within_s=50)
    assert 2 == len(place.baselines.history("paint:attributions", 1))


@pytest.mark.slow
def test_a_source_that_is_not_there_is_looked_for_again(place: HeldOutPlace) -> None:
    """It is told and holds up no other model; once there are rows, the baseline is of those that the model takes."""
    (place.folder / "other").mkdir()
    paint_model.write_paint_model(place.folder / "other")
    place.register(paint_rows(ROWS), "second")
    making = place.begin(place.spec(), place.spec("other", baseline="local://paint?split=second"))
    assert wait_until(lambda: place.made("other") is not None, within_s=50)

    assert place.made() is None
    assert wait_until(lambda: "knows no training data local://paint?version=1&split=holdout" in making.why("paint-v1"))
    assert not making.why("other-v1")
    place.register(paint_rows(ROWS, lacking=7), "holdout")
    assert wait_until(lambda: place.made() is not None, within_s=50)
    assert ROWS - 7 == _rows(place.made())


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_has_no_baseline(place: HeldOutPlace) -> None:
    """It is told why, and tried again: a folder that is mended has its baseline."""
    place.register(paint_rows(ROWS), "holdout")
    model = place.folder / "paint" / MODEL_FILE
    whole = model.read_bytes()
    model.write_bytes(b"no model")
    making = place.begin(place.spec())
    assert wait_until(lambda: "model.joblib cannot be loaded here" in making.why("paint-v1"), within_s=50)
    assert place.made() is None

    model.write_bytes(whole)
    assert wait_until(lambda: place.made() is not None, within_s=50)


def test_training_rows_are_refused_under_any_name(place: HeldOutPlace) -> None:
    """The rows that the model was fitted on are no held-out ones, whatever they are called."""
    place.register(paint_rows(ROWS, seed=7), "holdout")

    with pytest.raises(InvalidSpec, match=r"holds the same rows as local://paint\S*, which the model was fitted"):
        held_out_table(place.store, place.spec(), FEATURES)
    with pytest.raises(NotFound, match="knows no training data"):
        held_out_table(place.store, place.spec(baseline="local://paint?split=nowhere"), FEATURES)


def test_held_out_rows_have_the_features_of_the_baseline(place: HeldOutPlace) -> None:
    """A feature that they lack, or have as something else, is named."""
    fields = (Field("colour", Kind.CATEGORICAL), Field("size", Kind.CATEGORICAL), Field("weight", Kind.NUMERIC))
    place.register(paint_rows(ROWS), "holdout", Schema(fields))

    with pytest.raises(InvalidSpec, match="expected size as numeric, as the baseline has it; given categorical"):
        held_out_table(place.store, place.spec(), FEATURES)
    with pytest.raises(InvalidSpec, match=r"expected the feature width, .* has none"):
        held_out_table(place.store, place.spec(), [Field("width", Kind.NUMERIC)])


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (("colour", "weight", "size"), "feature 2 is size in the baseline and weight in the model's own description"),
        (("colour", "size", "mass"), "feature 3 is weight in the baseline and mass in the model's own description"),
    ],
)
def test_features_in_another_order_are_refused(place: HeldOutPlace, order: tuple[str, ...], why: str) -> None:
    """A model whose description has other features than its baseline, or another order, is refused with a sentence."""
    place.register(paint_rows(ROWS), "holdout")
    assert Method.LINEAR is prepared(place.preparation.told(place.spec())).method.method
    with pytest.raises(Unprepared, match="the baseline has 1 feature, the model 3"):
        prepared(place.preparation.told(place.spec()) | {"features": ["colour"]})
    fields = {field.name: field for field in (*paint_model.SCHEMA.fields, Field("mass", Kind.NUMERIC))}
    Metadata("paint", 1, Schema(tuple(fields[name] for name in (*order, "price")))).write(place.folder / "paint")

    with pytest.raises(Unprepared, match=why) as refused:
        prepared(place.preparation.told(place.spec()))
    assert "other_features" == refused.value.reason


def test_few_rows_are_drawn_of_many(tmp_path: Path) -> None:
    """So many and no more are drawn, the same ones each time, from the whole table, in their order; few are refused."""
    parquet.write_table(pa.table({"at": np.arange(50_000.0)}), tmp_path / "t.parquet", row_group_size=3_000)
    at = [Field("at", Kind.NUMERIC)]
    drawn, again = (drawn_rows(tmp_path / "t.parquet", at, 2_000)["at"].to_numpy() for _ in range(2))

    assert 2_000 == np.unique(drawn).size
    assert drawn.tolist() == again.tolist() == sorted(drawn)
    assert 25_000 == pytest.approx(drawn.mean(), abs=5 * 50_000 / np.sqrt(12 * 2_000))
    with pytest.raises(InvalidSpec, match="at least 1,000 held-out rows, given 50,000"):
        drawn_rows(tmp_path / "t.parquet", at, 999)


def test_long_texts_are_bounded_by_bytes(tmp_path: Path) -> None:
    """Rows that take too much memory are refused before they are held."""
    text = pa.array(["x" * 200_000] * 1_000)
    parquet.write_table(pa.table({"text": text}), tmp_path / "t.parquet")

    with pytest.raises(InvalidSpec, match="1,000 rows of 128 MiB at most, given more"):
        drawn_rows(tmp_path / "t.parquet", [Field("text", Kind.CATEGORICAL)], 1_000)


def test_rows_travel_by_name() -> None:
    """A row is a request as a client would send it; what is missing or infinite is null."""
    rows = pa.table({"size": [1.5, np.nan, np.inf], "colour": ["red", None, "blue"]})
    fields = [Field("colour", Kind.CATEGORICAL), Field("size", Kind.NUMERIC)]

    assert [
        {"instances": [{"colour": "red", "size": 1.5}]},
        {"instances": [{"colour": None, "size": None}]},
        {"instances": [{"colour": "blue", "size": None}]},
    ] == list(map(orjson.loads, request_bodies(rows, fields)))


def test_an_endpoint_is_asked_about_fewer_rows(place: HeldOutPlace) -> None:
    """A quarter of its calls is kept for held-out rows, of which an hour's are explained; without any, none is kept."""
    asked = place.spec(via="endpoint", identity="off", calls_per_minute=800)
    plain = place.spec(via="endpoint", identity="off", calls_per_minute=800, baseline=None)

    assert (600, 200, 800) == (
        calls_per_minute(asked, held_out=False),
        calls_per_minute(asked, held_out=True),
        calls_per_minute(plain, held_out=False),
    )
    assert (3_000, 25) == (most_rows(asked, 3), rows_at_once(asked, 3))
    assert (20_000, 256) == (most_rows(place.spec(), 3), rows_at_once(place.spec(), 3))


def _rows(made: Baseline | None) -> int:
    return 0 if made is None else made.rows


def _artefact(made: Baseline | None) -> str | None:
    return None if made is None or made.attribution is None else made.attribution.artefact


@dataclass
class _Known:
    """Baselines as the stream asks for them."""

    store: BaselineStore

    def baseline(self, baseline_id: str) -> Baseline:
        return self.store.get(baseline_id)

    def unpack(self, baseline_id: str, data: bytes) -> Any:
        raise NotImplementedError(baseline_id, len(data))
