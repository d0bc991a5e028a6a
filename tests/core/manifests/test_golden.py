"""What a cluster is asked for, read as it stands.

`pytest tests/core/manifests/test_golden.py --golden` writes the files anew.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cluster_schemas import is_known, problems
from manifest_samples import golden

from pegel.manifests.yaml_text import yaml_text

FOLDER = Path(__file__).parent / "golden"
CUSTOM = ("InferenceService", "SparkApplication", "KafkaTopic", "ClusterServingRuntime")
"""Kinds whose schemas come with `PEGEL_CRDS`."""


@pytest.mark.parametrize("name", sorted(golden()))
def test_objects_are_those_of_the_golden_file(name: str, pytestconfig: pytest.Config) -> None:
    """Each object is the one that a person has read; another one is a change that has to be read."""
    path = FOLDER / f"{name}.yaml"
    text = yaml_text(golden()[name])
    if pytestconfig.getoption("--golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    assert path.read_text() == text


@pytest.mark.parametrize("name", sorted(golden()))
def test_schemas_accept_every_object(name: str) -> None:
    """No object has a field that its kind does not know, or a value of another type."""
    assert [] == [problem for manifest in golden()[name] for problem in problems(manifest)]


def test_schemas_of_custom_kinds_are_here() -> None:
    """The definitions of KServe, the Spark operator and Strimzi are those that the objects are held against."""
    every = [manifest for objects in golden().values() for manifest in objects if manifest["kind"] in CUSTOM]
    if not any(map(is_known, every)):
        pytest.skip("!!! PEGEL_CRDS names no folder with their definitions: no custom kind was held against its schema")

    assert [] == [manifest["kind"] for manifest in every if not is_known(manifest)]
