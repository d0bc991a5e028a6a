"""A ModelMonitor of 2020 becomes a spec, and nothing of it disappears without a word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pegel.cli.import_model_monitor import import_model_monitor
from pegel.errors import InvalidSpec
from pegel.manifests.model_monitor import CARRIED, UNKNOWN, imported
from pegel.spec.monitor_spec import MonitorSpec

SIZES: dict[str, Any] = {"cores": 1, "coreLimit": "1000m", "memory": "512m"}
FULL: dict[str, Any] = {
    "apiVersion": "monitoring.hops.io/v1beta1",
    "kind": "ModelMonitor",
    "metadata": {"name": "iris-monitor", "namespace": "demo", "labels": {"team": "a"}},
    "spec": {
        "model": {
            "name": "Iris_Model",
            "id": "42",
            "version": 3,
            "schemas": dict.fromkeys(("request", "response", "instance", "prediction"), "{}"),
        },
        "monitoring": {
            "trigger": {"window": {"duration": 60000, "slide": 30000, "watermarkDelay": 5000}},
            "stats": {
                **{name: {} for name in ("max", "min", "count", "sum", "pow2Sum", "avg", "mean")},
                "distr": {"bounds": {"petal": [0, 1]}, "binning": "sturge"},
                **{name: {"type": "sample"} for name in ("stddev", "cov", "corr")},
                "perc": {"percentiles": ["25", "50"], "iqr": True},
            },
            "baseline": {"descriptive": "{}", "distributions": "{}"},
            "outliers": {"descriptive": ["max", "min"]},
            "drift": {
                name: {"threshold": "0.3", "showAll": False}
                for name in ("wasserstein", "kullbackLeibler", "jensenShannon")
            },
        },
        "storage": {
            "inference": {
                "kafka": {"brokers": "b:9092", "topic": {"name": "t", "partitions": 2, "replicationFactor": 1}}
            },
            "analysis": {
                name: {"kafka": {"brokers": "b:9092", "topic": {"name": name}}}
                for name in ("stats", "outliers", "drift")
            },
        },
        "job": {"timeout": 0, "exposeMetrics": True, "driver": SIZES, "executor": {**SIZES, "instances": 1}},
        "inferenceLogger": {
            "autoscaler": "kpa",
            "metric": "concurrency",
            "window": "60s",
            "panicWindow": 10,
            "panicThreshold": 200,
            "minScale": 1,
            "maxScale": 0,
            "target": 100,
            "targetUtilization": 70,
            "resources": {"requests": {"cpu": "0.1", "memory": "128Mi"}},
        },
    },
    "status": {},
}
PLACES = {"uri": "s3://models/iris", "source": "local://iris"}


def leaves(data: Any, prefix: str = "") -> Iterator[str]:
    """Return the path of every value, lists and empty sections among them."""
    if isinstance(data, dict) and data:
        for name, value in data.items():
            yield from leaves(value, f"{prefix}.{name}" if prefix else name)
    else:
        yield prefix


def without(data: dict[str, Any], path: str) -> dict[str, Any]:
    """Return a copy in which one value is missing."""
    name, _, rest = path.partition(".")
    inner = {name: without(data[name], rest)} if rest else {}
    return {key: value for key, value in data.items() if key != name} | inner


def test_what_a_spec_says_too_is_carried_over() -> None:
    """Model, namespace and windows are those of the resource; a wish for percentiles is one for quantiles."""
    spec = imported(FULL, **PLACES).spec

    assert ("iris-model", 3, "demo") == (spec.model.name, spec.model.version, spec.namespace)
    assert (timedelta(seconds=60), timedelta(seconds=30)) == (spec.windowing.length, spec.windowing.slide)
    assert timedelta(seconds=5) == spec.windowing.lateness
    assert ("quantiles",) == spec.watch.statistics


def test_every_field_of_the_resource_is_known() -> None:
    """None of the fields that the resource can have is told as unknown."""
    assert [] == [note for note in imported(FULL, **PLACES).notes if UNKNOWN in note]


OPTIONAL = sorted(set(leaves(FULL)) - {"apiVersion", "kind", "spec.model.name"})


@given(st.sets(st.sampled_from(OPTIONAL)))
def test_every_field_is_carried_over_or_told(left_out: set[str]) -> None:
    """Whatever is written of a resource, each of its values is in the spec, or in a note that names it."""
    resource = FULL
    for path in sorted(left_out):
        resource = without(resource, path)
    result = imported(resource, **PLACES)
    written = {path for path in leaves(resource) if path in OPTIONAL}
    told = {note.partition(":")[0] for note in result.notes}

    assert set() == written - told - set(CARRIED)


def test_an_unknown_field_is_told() -> None:
    """A mistyped field of a resource is named, because the operator that would have refused it is gone."""
    resource = FULL | {"spec": FULL["spec"] | {"monitorng": {"x": 1}}}

    assert ["spec.monitorng.x: 1 is no field of a ModelMonitor; it was left out"] == [
        note for note in imported(resource, **PLACES).notes if UNKNOWN in note
    ]


def test_names_that_only_look_like_fields_are_told() -> None:
    """A name with points in it, and one that begins as a field does, carry nothing over."""
    resource = {**FULL, "spec": {"model": FULL["spec"]["model"], "monitoring": {"stats": {"percentage": 3}}}}
    result = imported(resource | {"spec.model.name": "another"}, **PLACES)
    plain = imported(FULL | {"spec": {"model": FULL["spec"]["model"]}}, **PLACES).spec

    assert "iris-model" == result.spec.model.name
    assert plain.watch == result.spec.watch
    assert 2 == len([note for note in result.notes if UNKNOWN in note])


@pytest.mark.parametrize("name", [None, ["iris", "b"], 7])
def test_a_name_that_is_no_text_is_refused(name: Any) -> None:
    """No name is made up of what is none."""
    with pytest.raises(InvalidSpec, match=r"^model\.name: "):
        imported(FULL | {"spec": {"model": {"name": name, "version": 1}}}, **PLACES)


@pytest.mark.parametrize("value", [[], "text", None, {"kind": "Deployment"}, FULL | {"apiVersion": "v1"}])
def test_what_is_no_model_monitor_is_refused(value: Any) -> None:
    """Another resource is one sentence with what was given."""
    with pytest.raises(InvalidSpec, match=r"expected a ModelMonitor of monitoring\.hops\.io/v1beta1"):
        imported(value, **PLACES)


def test_windows_that_no_spec_has_are_refused_by_their_field() -> None:
    """The former operator took any milliseconds; what would lose events is told in the spec's own words."""
    window = {"duration": 60000, "slide": 90000, "watermarkDelay": 0}
    resource = FULL | {"spec": FULL["spec"] | {"monitoring": {"trigger": {"window": window}}}}

    with pytest.raises(InvalidSpec, match="slide 90s > length 60s"):
        imported(resource, **PLACES)


def test_the_command_prints_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output is a valid spec of the same meaning, and standard error has a line for each note."""
    file = tmp_path / "monitor.yaml"
    file.write_text(yaml.safe_dump(FULL))
    import_model_monitor(file, **PLACES)
    printed = capsys.readouterr()

    assert imported(FULL, **PLACES).spec == MonitorSpec.from_yaml(printed.out)
    assert "spec.monitoring.drift.wasserstein.threshold" in printed.err
