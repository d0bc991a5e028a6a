"""A model that is only scored in batches states its table, and nothing of endpoints, drivers and events."""

from __future__ import annotations

from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.model_roots import refuse_models_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.testing.samples import sample_spec, tabled

TABLED = tabled("churn")


def test_a_table_survives_its_own_json() -> None:
    """What is stored is read again as the same wish; its place is its table, which no root of models allows or not."""
    spec = sample_spec(model=TABLED | {"event_id": "id", "keys": "customer"})

    assert spec == MonitorSpec.parse(spec.to_json())
    assert ("delta:s3a://lake/scores", ("customer",)) == (spec.model.place, spec.entity_keys)
    assert None is refuse_models_outside(spec, ())  # type: ignore[func-returns-value]  # it raises


def test_labels_find_rows_by_id_or_by_keys() -> None:
    """Keys of labels are those of the table, unless some of them are named."""
    by_keys = sample_spec(model=TABLED | {"keys": ["customer", "day"]}, labels={"source": "topic", "match": "entity"})
    by_id = sample_spec(model=TABLED | {"event_id": "id"}, labels={"source": "topic"})

    assert [("customer", "day"), ()] == [by_keys.label_keys, by_id.label_keys]


def test_long_windows_of_many_rows_are_no_matter_of_memory() -> None:
    """No driver keeps their requests."""
    spec = sample_spec(model=TABLED, windowing={"length": "1d"}, watch={"rows_per_day": 1e9})

    assert 1_000_000_000 == spec.expected_rows


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"table": None}, "model: state `table`, the address of the table with its rows and predictions"),
        ({"time": None}, "model: state `time`, the column of the table with the time of each row"),
        ({"uri": "/m"}, "model: given uri of a model that only stands in a table; leave it out"),
        ({"protocol": "v2"}, "model: given protocol of a model that only stands in a table; leave it out"),
        ({"event_id": "scored_at"}, "model: scored_at: given as more than one column; each is one"),
        ({"table": "local://scores"}, "model.table: given 'local://scores': expected the address of a table: parquet:"),
        ({"table": "delta:/a?version=3"}, "expected the address of the table alone, as in delta:/folder"),
        ({"table": "jdbc://u:p@shop/a"}, "given a jdbc address with a password"),
        ({"source": "endpoint", "uri": "/m"}, "model: table is about a model whose rows stand in a table; state "),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(model: dict[str, Any], words: str) -> None:
    """Address and time must be there, and nothing that somebody would serve."""
    with pytest.raises(InvalidSpec) as raised:
        sample_spec(model=TABLED | model)

    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        ({"group": "own"}, "group: the model only stands in a table: no streaming driver reads it; leave it out"),
        ({"serving": {"replicas": 2}}, "serving: the model only stands in a table: nobody serves it"),
        ({"windowing": {"length": 60, "slide": 30}}, "windowing.slide: the model only stands in a table"),
        ({"watch": {"outliers": "realtime"}}, "watch.outliers: the model only stands in a table"),
        ({"alerts": {"outliers": "page"}}, "alerts.outliers: the model only stands in a table"),
        ({"events": {"late": 0.5}}, "events: the model only stands in a table: there are no events"),
        (
            {"online": {"source": "local://flights", "keys": ["flight"], "features": ["airline"]}},
            "online: the model only stands in a table: nobody asks it",
        ),
        ({"labels": {"source": "topic"}}, "labels: matched by event, and nobody says which column of model.table"),
        (
            {"labels": {"source": "topic", "match": "entity", "keys": ["customer"]}},
            "labels: matched by customer, which is none of model.keys; state it there, too",
        ),
        ({"labels": {"source": "topic", "match": "entity"}}, "labels: matched by entity, and nobody says by which"),
    ],
)
def test_what_makes_no_sense_without_events_is_refused(wishes: dict[str, Any], words: str) -> None:
    """Nothing is silently left out: each field that would do nothing is named, with why."""
    with pytest.raises(InvalidSpec) as raised:
        sample_spec(model=TABLED, **wishes)

    assert words in str(raised.value)
