"""What an InferenceService says of itself, in the words of endpoints."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel.manifests import labels
from pegel.reconcile.serving_backend import EndpointState
from pegel_airflow.kubernetes.kserve_status import endpoint_status

CHANGED = "2026-11-29T10:00:00+00:00"
LATER = "2026-11-29T10:05:00Z"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": LATER}
UNREADY = {"type": "Ready", "status": "False", "lastTransitionTime": LATER}
STOPPED = {"type": "Stopped", "status": "False"}
LACKING = {"type": "PredictorReady", "status": "False", "reason": "MinimumReplicasUnavailable", "message": "0 of 1"}


def service(status: dict[str, Any] | None, **metadata: Any) -> dict[str, Any]:
    """Return an InferenceService of ours with a status."""
    annotations = {labels.CHANGED_AT: CHANGED, labels.FINGERPRINT: "abc"}
    thing: dict[str, Any] = {"metadata": {"name": "delays-v1", "annotations": annotations} | metadata, "spec": {}}
    return thing if status is None else thing | {"status": status}


@pytest.mark.parametrize(
    ("status", "state", "detail"),
    [
        (None, EndpointState.STARTING, "KServe has not taken it up yet"),
        ({}, EndpointState.STARTING, "KServe has not taken it up yet"),
        ({"conditions": [READY, STOPPED]}, EndpointState.READY, ""),
        ({"conditions": [READY], "modelStatus": {"transitionStatus": "UpToDate"}}, EndpointState.READY, ""),
        (
            {"conditions": [READY], "modelStatus": {"transitionStatus": "InProgress"}},
            EndpointState.STARTING,
            "it is ready and changes its model: InProgress",
        ),
        (
            {"conditions": [UNREADY, LACKING, STOPPED]},
            EndpointState.STARTING,
            "PredictorReady is False: MinimumReplicasUnavailable: 0 of 1",
        ),
        ({"conditions": [UNREADY, STOPPED | {"status": "True"}]}, EndpointState.STARTING, "Stopped is True"),
        (
            {
                "conditions": [READY],
                "components": {"predictor": {"latestCreatedRevision": "b", "latestReadyRevision": "a"}},
            },
            EndpointState.STARTING,
            "revision b is not ready yet, a serves",
        ),
        (
            {
                "conditions": [UNREADY],
                "modelStatus": {
                    "transitionStatus": "BlockedByFailedLoad",
                    "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no such file", "exitCode": 1},
                },
            },
            EndpointState.FAILED,
            "its model cannot be loaded (BlockedByFailedLoad); ModelLoadFailed: no such file: exit code 1",
        ),
        (
            {"conditions": [UNREADY], "modelStatus": {"transitionStatus": "InvalidSpec"}},
            EndpointState.FAILED,
            "KServe finds its specification wrong (InvalidSpec); KServe does not say why",
        ),
    ],
)
def test_each_status_has_its_state(status: dict[str, Any] | None, state: EndpointState, detail: str) -> None:
    """The state follows conditions and the model's transition, and the detail says why in words."""
    seen = endpoint_status(service(status), "delays-v1")

    assert (state, detail, "abc") == (seen.state, seen.detail, seen.fingerprint)


def test_a_failure_of_before_is_not_one_of_this_model() -> None:
    """KServe tells of the failure before until it has looked again; a date before the change gives it away."""
    failure = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": {"time": "2026-11-29T09:59:59Z"}}
    seen = endpoint_status(service({"conditions": [UNREADY], "modelStatus": failure}), "delays-v1")

    assert EndpointState.STARTING is seen.state


def test_it_is_unready_since_the_latest_of_its_times() -> None:
    """What was ready and is not any more counts from that moment; what never was, from its change or restart."""
    restarted = service({"conditions": [{"type": "Ready", "status": "False"}]})
    restarted["spec"] = {"predictor": {"annotations": {labels.RESTARTED_AT: "2026-11-29T10:02:00+00:00"}}}
    things = [service(None), restarted, service({"conditions": [UNREADY]}), service({"conditions": [READY]})]
    expected = [datetime(2026, 11, 29, 10, minute, tzinfo=UTC) for minute in (0, 2, 5)]

    assert [*expected, None] == [endpoint_status(thing, "delays-v1").unready_since for thing in things]


def test_one_that_is_being_deleted_is_left_alone() -> None:
    """Nothing is concluded of an object that goes."""
    seen = endpoint_status(service({"conditions": [READY]}, deletionTimestamp=LATER), "delays-v1")

    assert (EndpointState.UNKNOWN, "it is being deleted") == (seen.state, seen.detail)


def test_the_address_inside_the_cluster_is_told_first() -> None:
    """Probes come from inside; without such an address, the public one is told."""
    public = {"conditions": [READY], "url": "http://outside"}
    seen = [
        endpoint_status(service(status), "a").url for status in (public | {"address": {"url": "http://in"}}, public)
    ]

    assert ["http://in", "http://outside"] == seen


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "conditions": st.lists(st.fixed_dictionaries({}, optional={"type": JSON, "status": JSON, "reason": JSON})),
            "modelStatus": st.fixed_dictionaries({}, optional={"transitionStatus": JSON, "lastFailureInfo": st.none()}),
            "url": JSON,
        },
    )
)
def test_no_status_is_too_odd_to_be_read(status: dict[str, Any]) -> None:
    """Whatever is written into a status gives some state, and ready only where it is said."""
    seen = endpoint_status(service(status), "delays-v1")
    said = any(each.get("type") == "Ready" and each.get("status") == "True" for each in status.get("conditions") or [])

    assert (seen.state is EndpointState.READY) <= said
