"""The section `labels` of a spec: where labels come from and how they find their predictions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from pegel.errors import InvalidSpec
from pegel.spec.monitor_spec import MonitorSpec

ONLINE = {"source": "local://flights", "keys": ["flight"], "features": ["airline"]}


def parsed(labels: Any, **parts: Any) -> MonitorSpec:
    """Return a spec with a section `labels`."""
    whole = {"model": {"name": "delays", "uri": "models/delays"}, "baseline": {"source": "local://delays"}}
    return MonitorSpec.parse(whole | {"labels": labels} | parts)


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"source": "topic"},
        {"source": "topic", "match": "entity", "keys": "flight", "tolerance": "1h", "horizon": "30d"},
        {"source": "delta:s3a://lake/outcomes", "field": "late", "event_id": "id", "row": "n", "known_at": "seen"},
        {
            "source": "delta:s3a://lake/outcomes",
            "match": "entity",
            "keys": ["flight"],
            "field": "late",
            "time": "departed",
            "known_at": "departed",
        },
        {"source": "jdbc://shop/public.outcomes", "field": "late", "prediction": "late"},
    ],
)
def test_a_section_is_read_again(labels: dict[str, Any]) -> None:
    """A spec with labels is the same after it was written and read; without a source there are none."""
    spec = parsed(labels)

    assert spec == MonitorSpec.parse(spec.to_json())
    assert bool(labels) == spec.labels.is_used
    assert labels.get("source") in {None, spec.labels.source}


def test_the_keys_are_those_of_look_ups_where_nothing_else_is_said() -> None:
    """Matched by entity, the section `online` says the keys; labels are seven days late at most by default."""
    spec = parsed({"source": "topic", "match": "entity"}, online=ONLINE)

    assert (("flight",), timedelta(days=7)) == (spec.label_keys, spec.labels.horizon)
    assert () == parsed({"source": "topic"}, online=ONLINE).label_keys


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"field": "late"}, "labels: field is about labels that come from somewhere; state their `source`"),
        ({"source": "kafka"}, "labels.source: given 'kafka': expected `topic`, or a table: parquet:/folder"),
        ({"source": "topic", "field": "late"}, "labels: field names a column of a table"),
        ({"source": "topic", "keys": "flight"}, "labels: keys is about labels that are matched by entity"),
        ({"source": "topic", "match": "entity"}, "spec: labels: matched by entity, and nobody says by which keys"),
        ({"source": "parquet:/rows"}, "labels: state `field`"),
        ({"source": "parquet:/rows", "field": "late", "match": "entity", "keys": "a"}, "labels: state `time`"),
        (
            {"source": "parquet:/rows", "field": "late", "match": "entity", "keys": "a", "time": "t", "row": "n"},
            "labels: row is about labels that are matched by event",
        ),
        ({"source": "parquet:/rows", "field": "late", "row": "late"}, "labels: late: given as more than one column"),
        ({"source": "delta:/rows?version=3", "field": "late"}, "what is pinned has no new labels"),
        ({"source": "parquet:/rows?predictions=late", "field": "late"}, "expected the address of the table alone"),
        ({"source": "parquet:rows", "field": "late"}, "expected parquet:/folder"),
        (
            {"source": "hopsworks://demo/outcomes/2", "field": "late"},
            "name the feature group by the address of its Delta",
        ),
        ({"source": "jdbc://u:secret@shop/rows", "field": "late"}, "labels.source: given"),
        (
            {"source": "topic", "match": "entity", "keys": "a", "tolerance": "8d"},
            "labels: tolerance 691200s > horizon 604800s",
        ),
        ({"source": "topic", "horizon": "0"}, "labels.horizon: given '0': must be longer than 0 s"),
    ],
)
def test_a_wrong_section_is_refused(labels: dict[str, Any], sentence: str) -> None:
    """What is wrong is said where it is, with what to do."""
    with pytest.raises(InvalidSpec) as refused:
        parsed(labels)

    assert sentence in str(refused.value)
    assert "secret" not in str(refused.value)


def test_rows_outlive_the_horizon_of_their_labels() -> None:
    """A label that may come when its row is gone would be nobody's; as long as the horizon is enough."""
    section = {"source": "topic", "horizon": "7d"}
    assert parsed(section, archive={"keep": "7d"}).labels.is_used
    for kept in ("6d", "0"):
        with pytest.raises(InvalidSpec, match=r"whose row is kept for .* by archive\.keep"):
            parsed(section, archive={"keep": kept})


def test_rows_are_not_found_by_what_is_dropped() -> None:
    """A key that no archived row has cannot match; one that is hashed can."""
    labels, model = {"source": "topic", "match": "entity", "keys": ["a", "b"]}, "labels: matched by b, which archive"
    with pytest.raises(InvalidSpec, match=model):
        parsed(labels, archive={"private": {"b": "drop"}})

    assert ("a", "b") == parsed(labels, archive={"private": ["b"]}).label_keys
