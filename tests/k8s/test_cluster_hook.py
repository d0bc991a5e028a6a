"""Applying, listing and deleting on a real API server: what is ours is kept as asked, what is not is left alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from backend_steps import steps_of
from backends import CONNECTION, JOB, SELECTOR, hook, jobs, served, serving
from cluster_access import Account, bind
from fault_proxy import FaultProxy
from kubernetes.client import ApiClient, CustomObjectsApi
from objects import apply as apply_as
from objects import at, body_of, read
from objects import inference_service as foreign_service
from status_writer import StatusWriter, job

from pegel.errors import Conflict, InvalidSpec, NotOurs, SetupError
from pegel.manifests import labels
from pegel.manifests.inference_service import inference_service
from pegel.manifests.objects import CONFIG_MAP, INFERENCE_SERVICE, SPARK_APPLICATION
from pegel.manifests.roles import provisioner, reconciler
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.cluster_settings import ClusterSettings
from pegel_airflow.kubernetes.hook import ClusterHook
from pegel_airflow.kubernetes.kinds import Object

pytestmark = pytest.mark.usefixtures("connected")
Connect = Callable[[Account], None]


@pytest.fixture
def connected(connect: Callable[[Account], None], account: Account) -> None:
    """Airflow's connection is the account."""
    connect(account)


def manifest(namespace: str, **predictor: Any) -> dict[str, Any]:
    """Return an endpoint's object with fields of its predictor changed."""
    whole = inference_service(served(namespace), ClusterSettings(model_namespaces=namespace))
    return whole | {"spec": {"predictor": whole["spec"]["predictor"] | predictor}}


def applied(wanted: dict[str, Any], present: Object | None) -> Object:
    """Apply an object over what was seen of it."""
    return hook().apply(wanted, labels.SERVING_MANAGER, present)


def test_the_same_again_changes_nothing(namespace: str) -> None:
    """Applied twice, an object keeps its version, so that nobody who watches it hears of anything."""
    first = applied(manifest(namespace), None)
    second = applied(manifest(namespace), first)

    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@pytest.mark.parametrize("was_there", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_look_that_is_out_of_date_does_no_harm(namespace: str, was_there: bool, is_there: bool) -> None:
    """Whatever was made or deleted since an object was looked at, it is applied as asked, and is one object."""
    seen = applied(manifest(namespace), None) if was_there else None
    if seen is not None:
        hook().delete(seen)
    if is_there:
        applied(manifest(namespace, minReplicas=2), None)
    made = applied(manifest(namespace), seen)

    assert 1 == made["spec"]["predictor"]["minReplicas"]
    assert made == hook().get(INFERENCE_SERVICE, namespace, "delays-v1")


def test_what_is_not_ours_is_left_alone_if_it_came_after_the_look(custom: CustomObjectsApi, namespace: str) -> None:
    """A name that was free when looked at and is somebody's now is refused, also where no field is in dispute."""
    apply_as(custom, INFERENCE_SERVICE, namespace, body_of(INFERENCE_SERVICE, "delays-v1", {"predictor": {}}))
    before = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")
    with pytest.raises(NotOurs, match=f"InferenceService {namespace}/delays-v1"):
        applied(manifest(namespace), None)

    assert before == read(custom, INFERENCE_SERVICE, namespace, "delays-v1")


@pytest.mark.parametrize("knows", [False, True])
def test_nothing_is_applied_to_what_is_being_deleted(custom: CustomObjectsApi, namespace: str, knows: bool) -> None:
    """Whether that was seen before or not, it is told: what is applied then would go with the object."""
    seen = applied(manifest(namespace), None)
    held: dict[str, Any] = {"metadata": {"finalizers": ["tests/hold"]}}
    custom.patch_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace), name="delays-v1", body=held)
    hook().delete(seen)
    going = hook().get(INFERENCE_SERVICE, namespace, "delays-v1")
    with pytest.raises(Conflict, match="is being deleted"):
        applied(manifest(namespace), going if knows else seen)
    held["metadata"]["finalizers"] = None
    custom.patch_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace), name="delays-v1", body=held)

    assert hook().get(INFERENCE_SERVICE, namespace, "delays-v1") is None


def test_nothing_is_looked_at_twice(account: Account, connect: Connect, proxy: FaultProxy, namespace: str) -> None:
    """Before it writes a backend reads each object once; and a call that writes nothing reads none again either."""
    connect(account.through(proxy.url))
    twice: dict[tuple[str, str], int] = {}
    for step in steps_of(namespace):
        proxy.mend()
        step.call(hook())
        # After it has deleted something it looks until that is gone.
        deleted = next((nth for nth, call in enumerate(proxy.calls) if call.method == "DELETE"), None)
        reads = Counter(call.path for call in proxy.calls[:deleted] if call.method == "GET")
        twice |= {(step.name, path): count for path, count in reads.items() if count > 1}

    assert {} == twice


@pytest.mark.parametrize(
    ("predictor", "field"),
    [
        ({"modell": {}}, "spec.predictor.modell"),
        ({"minReplicas": "many"}, "spec.predictor.minReplicas"),
        ({"logger": {"mode": "some"}}, "spec.predictor.logger.mode"),
    ],
)
@pytest.mark.parametrize("is_there", [False, True])
def test_a_wrong_field_is_refused_by_name(
    namespace: str, predictor: dict[str, Any], field: str, is_there: bool
) -> None:
    """An unknown field, a wrong type and a wrong value are permanent errors with the field, and nothing changes."""
    if is_there:
        applied(manifest(namespace), None)
    before = hook().get(INFERENCE_SERVICE, namespace, "delays-v1")
    with pytest.raises(InvalidSpec, match=field):
        applied(manifest(namespace, **predictor), before)

    assert before == hook().get(INFERENCE_SERVICE, namespace, "delays-v1")


def test_an_object_of_somebody_else_is_never_touched(custom: CustomObjectsApi, namespace: str) -> None:
    """A name that is taken by an object without our label is a clear error, whatever is asked of it."""
    apply_as(custom, INFERENCE_SERVICE, namespace, foreign_service("delays-v1"))
    before = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")
    backend, spec = serving(namespace), served(namespace)
    with pytest.raises(NotOurs, match=f"InferenceService {namespace}/delays-v1"):
        backend.apply(spec)
    with pytest.raises(NotOurs, match=f"InferenceService {namespace}/delays-v1"):
        hook().delete(before)
    backend.delete("delays-v1")

    assert before == read(custom, INFERENCE_SERVICE, namespace, "delays-v1")
    assert (EndpointState.ABSENT, []) == (backend.observe("delays-v1").state, backend.names())


def test_a_change_by_hand_is_seen_and_put_right(custom: CustomObjectsApi, namespace: str) -> None:
    """What somebody changed is told by field; applied again, it is as asked, and what others added is still there."""
    backend, spec = serving(namespace), served(namespace)
    backend.apply(spec)
    body = {"metadata": {"annotations": {"theirs": "1"}}, "spec": {"predictor": {"model": {"storageUri": "s3://b"}}}}
    custom.patch_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace), name="delays-v1", body=body)
    edited = backend.observe("delays-v1").edited
    backend.apply(spec)

    assert (
        'changed by somebody else: spec.predictor.model.storageUri is "s3://b", "s3://models/delays/7" was applied'
        == edited
    )
    assert "" == backend.observe("delays-v1").edited
    assert "1" == read(custom, INFERENCE_SERVICE, namespace, "delays-v1")["metadata"]["annotations"]["theirs"]


def test_a_spec_that_moves_leaves_nothing_behind(
    admin: ApiClient, account: Account, new_account: Callable[..., Account], new_namespace: Callable[[], str]
) -> None:
    """In its new namespace the endpoint serves, and in the old one there is nothing of it."""
    old, new = account.namespace, new_namespace()
    new_account("mover", namespace=new)
    bind(admin, new, role="mover", account=f"{old}/{account.name}")
    backend = serving(f"{old},{new}")
    for place in (old, new):
        backend.apply(served(place))

    assert [None, "delays-v1"] == [
        seen and seen["metadata"]["name"]
        for seen in (hook().get(INFERENCE_SERVICE, place, "delays-v1") for place in (old, new))
    ]
    assert ["delays-v1"] == backend.names()


@pytest.mark.beside_controllers
def test_a_missing_permission_is_named(
    new_account: Callable[..., Account], connect: Callable[[Account], None], namespace: str
) -> None:
    """Who may read and not write is told which verb on what is missing."""
    readers = [
        {"apiGroups": [group], "resources": [kind], "verbs": ["get"]}
        for group, kind in (("serving.kserve.io", "inferenceservices"), ("", "configmaps"))
    ]
    connect(new_account("reader", readers))
    with pytest.raises(SetupError, match='cannot create resource "inferenceservices"'):
        serving(namespace).apply(served(namespace))


def test_the_roles_of_the_installation_are_enough(
    new_account: Callable[..., Account], connect: Callable[[Account], None], namespace: str
) -> None:
    """Who may do what the installation's own roles say, and nothing else, can do everything that backends do."""
    cluster = ClusterSettings(namespace=namespace, model_namespaces=namespace)
    connect(new_account("airflow", [*provisioner(namespace)["rules"], *reconciler(cluster)["rules"]]))
    for step in steps_of(namespace):
        step.call(hook())

    assert [] == serving(namespace).names()


@pytest.mark.beside_controllers
def test_credentials_that_do_not_hold_are_named(
    connect: Callable[[Account], None], account: Account, namespace: str
) -> None:
    """A token that the cluster does not know is no temporary trouble."""
    connect(account.with_token("expired"))
    with pytest.raises(SetupError, match="does not accept the credentials"):
        serving(namespace).observe("delays-v1")


def test_a_long_list_is_read_whole(namespace: str, custom: CustomObjectsApi) -> None:
    """A listing goes on over its pages, chooses by label and is in order."""
    for nth in range(5):
        marks = dict(labels.OURS) if nth % 2 else {}
        apply_as(custom, INFERENCE_SERVICE, namespace, foreign_service(f"a{nth}", labels=marks))
    listed = ClusterHook(CONNECTION, page=1).listed(INFERENCE_SERVICE, namespace, SELECTOR)

    assert ["a1", "a3"] == [each["metadata"]["name"] for each in listed]


def test_only_the_object_that_was_looked_at_is_deleted(namespace: str) -> None:
    """One that was made anew under the same name is another one; one that is gone is no error."""
    first = applied(manifest(namespace), None)
    hook().delete(first)
    hook().delete(first)
    second = applied(manifest(namespace), None)
    with pytest.raises(Conflict):
        hook().delete(first)

    assert second == hook().get(INFERENCE_SERVICE, namespace, "delays-v1")


def test_what_a_driver_is_told_goes_with_it(namespace: str) -> None:
    """The ConfigMap of a driver is its object's own; a driver that lost it gets it back, and is not disturbed."""
    backend = jobs(namespace)
    backend.ensure(JOB, 3)
    told = hook().get(CONFIG_MAP, namespace, "pegel-default")
    application = hook().get(SPARK_APPLICATION, namespace, "pegel-default")
    assert told is not None
    assert application is not None
    hook().delete(told)
    backend.ensure(JOB, 4)
    again = hook().get(CONFIG_MAP, namespace, "pegel-default")

    assert application["metadata"]["uid"] == told["metadata"]["ownerReferences"][0]["uid"]
    assert application == hook().get(SPARK_APPLICATION, namespace, "pegel-default")
    assert again is not None
    assert told["data"] == again["data"]


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED"])
def test_a_driver_that_has_ended_makes_room_for_the_next(admin: ApiClient, namespace: str, state: str) -> None:
    """Its object is replaced by one of the next generation, and what that is told is of that generation, too."""
    backend = jobs(namespace)
    backend.ensure(JOB, 3)
    writer = StatusWriter(CustomObjectsApi(admin), namespace, {"pegel-default": job(state)})
    writer.write()
    backend.ensure(JOB, 4)
    told = hook().get(CONFIG_MAP, namespace, "pegel-default")
    (seen,) = backend.observe()

    assert told is not None
    assert (4, 4) == (seen.generation, json.loads(told["data"]["job.json"])["generation"])
