"""What Pegel relies on in an API server, proved on the one that the other tests use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from api_server import ApiServer
from cluster_access import Account
from kubernetes import client, watch
from kubernetes.client import ApiClient, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from objects import Object, apply, at, body_of, inference_service, read, set_status, spark_application
from waiting import wait_until

from pegel.manifests.objects import INFERENCE_SERVICE, KAFKA_TOPIC, SPARK_APPLICATION, ObjectKind

BODIES = {
    "InferenceService": (INFERENCE_SERVICE, inference_service("a")),
    "SparkApplication": (SPARK_APPLICATION, spark_application("a")),
    "KafkaTopic": (KAFKA_TOPIC, body_of(KAFKA_TOPIC, "a", {"partitions": 3, "replicas": 1})),
}


@pytest.mark.parametrize(("kind", "body"), BODIES.values(), ids=BODIES.keys())
def test_applied_is_created_and_read_back(
    custom: CustomObjectsApi, namespace: str, kind: ObjectKind, body: Object
) -> None:
    """Applying creates an object, of which the client returns None, and applying it again changes nothing."""
    created = apply(custom, kind, namespace, body)
    first = read(custom, kind, namespace, "a")
    again = apply(custom, kind, namespace, body)

    assert created is None
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert 1 == again["metadata"]["generation"]


@pytest.mark.beside_controllers
def test_an_unknown_field_is_a_500_when_applied(custom: CustomObjectsApi, namespace: str) -> None:
    """A field that the schema lacks makes server-side apply answer 500, although asking again cannot help."""
    body = inference_service("a")
    body["spec"]["predictor"]["minReplica"] = 1
    with pytest.raises(ApiException) as refused:
        apply(custom, INFERENCE_SERVICE, namespace, body)

    assert 500 == refused.value.status
    assert "minReplica: field not declared in schema" in refused.value.body


@pytest.mark.beside_controllers
def test_a_strict_dry_run_names_the_field(custom: CustomObjectsApi, namespace: str) -> None:
    """Creating with strict validation and without effect answers 400 with the path of the field, and keeps nothing."""
    body = inference_service("a")
    body["spec"]["predictor"]["minReplica"] = 1
    with pytest.raises(ApiException) as refused:
        custom.create_namespaced_custom_object(
            **at(INFERENCE_SERVICE, namespace), body=body, dry_run="All", field_validation="Strict"
        )
    listed = custom.list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))

    assert 400 == refused.value.status
    assert 'unknown field \\"spec.predictor.minReplica\\"' in refused.value.body
    assert [] == listed["items"]


@pytest.mark.beside_controllers
def test_a_wrong_value_is_a_422_that_names_the_field(custom: CustomObjectsApi, namespace: str) -> None:
    """A value outside of an enumeration is refused with the field's path when it is applied."""
    body = spark_application("a")
    body["spec"]["restartPolicy"]["type"] = "Sometimes"
    with pytest.raises(ApiException) as refused:
        apply(custom, SPARK_APPLICATION, namespace, body)

    assert 422 == refused.value.status
    assert "spec.restartPolicy.type" in refused.value.body


def test_a_second_manager_is_a_conflict(custom: CustomObjectsApi, namespace: str) -> None:
    """A field that another manager set answers 409, naming both; whoever forces it takes it over."""
    apply(custom, INFERENCE_SERVICE, namespace, inference_service("a"), manager="theirs")
    wanted = inference_service("a", uri="s3://models/other")
    with pytest.raises(ApiException) as refused:
        apply(custom, INFERENCE_SERVICE, namespace, wanted, manager="ours")
    forced = apply(custom, INFERENCE_SERVICE, namespace, wanted, manager="ours", force=True)

    assert 409 == refused.value.status
    assert '"theirs"' in refused.value.body.replace('\\"', '"')
    assert ".spec.predictor.model.storageUri" in refused.value.body
    assert "s3://models/other" == forced["spec"]["predictor"]["model"]["storageUri"]


def test_a_field_left_out_is_taken_back(custom: CustomObjectsApi, namespace: str) -> None:
    """A field that its only manager no longer applies is gone; what another one set stays."""
    body = inference_service("a", annotations={"ours": "1"})
    apply(custom, INFERENCE_SERVICE, namespace, body, manager="ours")
    apply(
        custom,
        INFERENCE_SERVICE,
        namespace,
        {**inference_service("a", annotations={"theirs": "1"}), "spec": body["spec"]},
        manager="theirs",
    )
    apply(custom, INFERENCE_SERVICE, namespace, inference_service("a"), manager="ours")

    assert {"theirs": "1"} == read(custom, INFERENCE_SERVICE, namespace, "a")["metadata"]["annotations"]


def test_a_status_has_a_door_of_its_own(custom: CustomObjectsApi, admin: ApiClient, namespace: str) -> None:
    """A status is written only through its subresource, and raises no generation."""
    apply(custom, SPARK_APPLICATION, namespace, spark_application("a"))
    state = {"applicationState": {"state": "RUNNING"}, "driverInfo": {}}
    patched = custom.patch_namespaced_custom_object(
        **at(SPARK_APPLICATION, namespace),
        name="a",
        body={"status": state},
        _content_type="application/merge-patch+json",
    )
    written = set_status(CustomObjectsApi(admin), SPARK_APPLICATION, namespace, "a", state)

    assert "status" not in patched
    assert "RUNNING" == written["status"]["applicationState"]["state"]
    assert 1 == written["metadata"]["generation"]


@pytest.mark.parametrize("precondition", ["uid", "resourceVersion"])
def test_a_precondition_keeps_another_object(custom: CustomObjectsApi, namespace: str, precondition: str) -> None:
    """Deleting what has meanwhile become another object answers 409, and that stays."""
    apply(custom, INFERENCE_SERVICE, namespace, inference_service("a"))
    with pytest.raises(ApiException) as refused:
        custom.delete_namespaced_custom_object(
            **at(INFERENCE_SERVICE, namespace), name="a", body={"preconditions": {precondition: "1"}}
        )

    assert 409 == refused.value.status
    assert "a" == read(custom, INFERENCE_SERVICE, namespace, "a")["metadata"]["name"]


def test_what_is_owned_goes_with_its_owner(custom: CustomObjectsApi, admin: ApiClient, namespace: str) -> None:
    """A ConfigMap that names a SparkApplication as its owner is deleted after it."""
    apply(custom, SPARK_APPLICATION, namespace, spark_application("a"))
    owner = read(custom, SPARK_APPLICATION, namespace, "a")
    reference = {key: owner[key] for key in ("apiVersion", "kind")} | {
        key: owner["metadata"][key] for key in ("name", "uid")
    }
    core = client.CoreV1Api(admin)
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "owned", "ownerReferences": [reference]}})
    core.create_namespaced_config_map(namespace, {"metadata": {"name": "free"}})
    custom.delete_namespaced_custom_object(**at(SPARK_APPLICATION, namespace), name="a")

    def names() -> set[str]:
        return {each.metadata.name for each in core.list_namespaced_config_map(namespace).items}

    assert wait_until(lambda: "owned" not in names())
    assert "free" in names()


@pytest.mark.beside_controllers
def test_a_deleted_namespace_takes_all_with_it(
    custom: CustomObjectsApi, admin: ApiClient, new_namespace: Callable[[], str], new_account: Callable[..., Account]
) -> None:
    """A namespace that is deleted with objects in it is gone after a moment."""
    other = new_namespace()
    apply(CustomObjectsApi(admin), INFERENCE_SERVICE, other, inference_service("a"))
    core = client.CoreV1Api(admin)
    core.delete_namespace(other)

    assert wait_until(lambda: other not in {each.metadata.name for each in core.list_namespace().items}, within_s=60)


@pytest.mark.beside_controllers
def test_an_account_without_a_role_may_nothing(new_account: Callable[..., Account], namespace: str) -> None:
    """Without rules everything is 403, and the answer names account, verb and resource."""
    account = new_account("nobody", [])
    with account.client() as opened, pytest.raises(ApiException) as refused:
        CustomObjectsApi(opened).list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))

    assert 403 == refused.value.status
    assert account.user in refused.value.body
    assert "cannot list resource" in refused.value.body


@pytest.mark.beside_controllers
def test_a_reader_may_not_apply(new_account: Callable[..., Account], namespace: str) -> None:
    """Who may list may not therefore apply, and applying needs both `create` and `patch`."""
    rule = {"apiGroups": [INFERENCE_SERVICE.group], "resources": [INFERENCE_SERVICE.plural]}
    refused = {}
    for name, verbs in {"reader": ["list"], "patcher": ["patch"]}.items():
        with new_account(name, [{**rule, "verbs": verbs}]).client() as opened:
            custom = CustomObjectsApi(opened)
            with pytest.raises(ApiException) as error:
                apply(custom, INFERENCE_SERVICE, namespace, inference_service("a"))
            refused[name] = (error.value.status, error.value.body)
    with new_account("lister", [{**rule, "verbs": ["list"]}]).client() as opened:
        listed = CustomObjectsApi(opened).list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))

    assert {"reader": 403, "patcher": 403} == {name: status for name, (status, _) in refused.items()}
    assert "cannot create" in refused["patcher"][1]
    assert [] == listed["items"]


@pytest.mark.beside_controllers
def test_a_wrong_token_is_a_401(account: Account, namespace: str) -> None:
    """A token that nobody issued answers 401."""
    with account.with_token("not.a.token").client() as opened, pytest.raises(ApiException) as refused:
        CustomObjectsApi(opened).list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))

    assert 401 == refused.value.status


def test_a_watch_tells_what_happened_since(custom: CustomObjectsApi, namespace: str) -> None:
    """A watch from a resource version tells each change after it, in order, also those before it was begun."""
    begun = custom.list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))["metadata"]["resourceVersion"]
    apply(custom, INFERENCE_SERVICE, namespace, inference_service("a"))
    apply(custom, INFERENCE_SERVICE, namespace, inference_service("a", uri="s3://models/other"))
    custom.delete_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace), name="a")

    assert ["ADDED", "MODIFIED", "DELETED"] == [kind for kind, _ in _events(custom, namespace, begun, 3)]


def test_a_watch_goes_on_where_another_ended(custom: CustomObjectsApi, namespace: str) -> None:
    """Begun again from the version of the last event that was seen, a watch tells the rest and nothing twice."""
    begun = custom.list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))["metadata"]["resourceVersion"]
    for name in "abc":
        apply(custom, INFERENCE_SERVICE, namespace, inference_service(name))
    [(_, seen)] = _events(custom, namespace, begun, 1)
    rest = _events(custom, namespace, seen["metadata"]["resourceVersion"], 2)

    assert ["a", "b", "c"] == [body["metadata"]["name"] for body in (seen, *(body for _, body in rest))]


def test_a_killed_server_keeps_its_objects(own_server: ApiServer, custom: CustomObjectsApi, namespace: str) -> None:
    """Killed and started again, the server answers at the same address with what was there, to the same token."""
    apply(custom, INFERENCE_SERVICE, namespace, inference_service("a"))
    before = read(custom, INFERENCE_SERVICE, namespace, "a")
    own_server.kill()
    own_server.start()

    assert before == read(custom, INFERENCE_SERVICE, namespace, "a")


def _events(custom: CustomObjectsApi, namespace: str, version: str, count: int) -> list[tuple[str, Any]]:
    """Return the next events after a resource version."""
    watching = watch.Watch()
    events = []
    for event in watching.stream(
        custom.list_namespaced_custom_object,
        **at(INFERENCE_SERVICE, namespace),
        resource_version=version,
        timeout_seconds=20,
    ):
        events.append((event["type"], event["object"]))
        if len(events) == count:
            watching.stop()
    return events
