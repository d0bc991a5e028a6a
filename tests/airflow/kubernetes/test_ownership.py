"""Whose an object is, and whether it still is what was applied."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.errors import NotOurs
from pegel.manifests import labels
from pegel_airflow.kubernetes.ownership import edited, is_ours, refuse_others, remembering

OBJECT: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {
        "name": "delays-v1",
        "namespace": "team-a",
        "labels": dict(labels.OURS),
        "annotations": {"serving.kserve.io/deploymentMode": "Standard", labels.CHANGED_AT: "2026-11-29T00:00:00+00:00"},
    },
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "model": {"storageUri": "s3://models/delays"},
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}],
            "tolerations": [{"key": "a"}],
        }
    },
}


def changed(*path: str | int, value: Any) -> dict[str, Any]:
    """Return the applied object with another value at a place; None removes it."""
    thing = copy.deepcopy(remembering(OBJECT))
    inner: Any = thing
    for step in path[:-1]:
        inner = inner[step]
    if value is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return thing


def test_what_was_applied_is_as_applied() -> None:
    """An object that nobody touched is not edited, also with a status and fields that the cluster adds."""
    thing = remembering(OBJECT)
    grown = copy.deepcopy(thing) | {"status": {"url": "http://a"}}
    grown["metadata"] |= {"uid": "1", "resourceVersion": "7", "finalizers": ["a"]}
    grown["spec"]["predictor"] |= {"name": ""}
    grown["spec"]["predictor"]["volumes"].append({"name": "others"})

    assert ["", ""] == [edited(thing), edited(grown)]


@pytest.mark.parametrize(
    ("thing", "difference"),
    [
        (
            changed("spec", "predictor", "model", "storageUri", value="s3://elsewhere"),
            'spec.predictor.model.storageUri is "s3://elsewhere", "s3://models/delays" was applied',
        ),
        (
            changed("spec", "predictor", "minReplicas", value=None),
            "spec.predictor.minReplicas is absent, 1 was applied",
        ),
        (
            changed("spec", "predictor", "volumes", 0, "emptyDir", value={}),
            'spec.predictor.volumes[tmp].emptyDir.sizeLimit is absent, "1Gi" was applied',
        ),
        (
            changed("spec", "predictor", "tolerations", value=[]),
            'spec.predictor.tolerations is [], [{"key": "a"}] was applied',
        ),
        (
            changed("metadata", "annotations", "serving.kserve.io/deploymentMode", value="Knative"),
            'metadata.annotations.serving.kserve.io/deploymentMode is "Knative", "Standard" was applied',
        ),
    ],
)
def test_a_change_by_hand_is_told_in_words(thing: dict[str, Any], difference: str) -> None:
    """The first field that is another one than was applied is named with both values."""
    assert f"changed by somebody else: {difference}" == edited(thing)


@pytest.mark.parametrize("note", ["", "no JSON", "[]", "7"])
def test_a_note_that_is_gone_is_a_change(note: str) -> None:
    """Where nobody knows any more what was applied, it has to be applied again."""
    assert edited(changed("metadata", "annotations", labels.APPLIED, value=note)).endswith("is not what was written")


@given(st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.lists(st.text(max_size=3)), max_size=4))
def test_fields_of_others_are_theirs(others: dict[str, Any]) -> None:
    """Whatever is added beside what was applied is no change of it."""
    thing = copy.deepcopy(remembering(OBJECT))
    thing["spec"] = others | thing["spec"]

    assert "" == edited(thing)


def marked(installation: str) -> dict[str, Any]:
    """Return the object as an installation made it."""
    return changed("metadata", "labels", labels.INSTALLATION, value=installation)


def test_an_object_without_our_label_is_named() -> None:
    """The error says which object it is and who manages it, if that is told; another Pegel is somebody else."""
    foreign = copy.deepcopy(OBJECT)
    foreign["metadata"]["labels"] = {labels.MANAGED_BY: "Helm"}
    with pytest.raises(NotOurs, match=r"InferenceService team-a/delays-v1.*is managed by 'Helm'"):
        refuse_others(foreign)

    with pytest.raises(NotOurs, match=r"of the Pegel in namespace ours.*installation=theirs: another Pegel made it"):
        refuse_others(marked("theirs"), "ours")

    assert [True, False, False] == [
        is_ours(marked("ours"), "ours"),
        is_ours(marked("theirs"), "ours"),
        is_ours(OBJECT, "ours"),
    ]
    assert [True, False, False] == [is_ours(OBJECT), is_ours(foreign), is_ours({"metadata": {}})]
