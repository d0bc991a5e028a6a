"""An InferenceService of somebody else: logged after it is adopted, as it was after it is released."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from backends import served, serving
from cluster_access import Account
from kubernetes.client import CustomObjectsApi
from objects import apply as apply_as
from objects import at, read
from objects import inference_service as foreign_service

from pegel.errors import Conflict, InvalidSpec, NotFound, NotOurs, PermanentError
from pegel.manifests.inference_service import logger
from pegel.manifests.objects import INFERENCE_SERVICE
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.cluster_settings import ClusterSettings
from pegel_airflow import adopting
from pegel_airflow.kubernetes.adoption import is_adopted

Adopt = Callable[..., str]
BACK_THEN = {"generation", "managedFields", "resourceVersion"}
"""What the cluster says of any change."""


@pytest.fixture
def adopt(
    connect: Callable[[Account], None], account: Account, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> Adopt:
    """Adopt a service of the namespace by its name, or release it."""
    from pegel.spec.settings import Settings

    connect(account)
    monkeypatch.setenv("PEGEL_CLUSTER_MODEL_NAMESPACES", namespace)
    monkeypatch.setenv("PEGEL_CLUSTER_NAMESPACE", namespace)
    settings = Settings(serving_backend="kserve")
    return lambda name, *, release=False: adopting.carry_out(
        settings, f"{namespace}/{name}", release=release, user=None
    )


def content(thing: dict[str, Any]) -> dict[str, Any]:
    """Return an object without what the cluster says of any change."""
    return thing | {"metadata": {name: value for name, value in thing["metadata"].items() if name not in BACK_THEN}}


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "argocd-controller"])
def test_adopted_and_released_it_is_as_before(
    adopt: Adopt, custom: CustomObjectsApi, namespace: str, manager: str
) -> None:
    """Adopting sets the logger and nothing else, twice as well as once; releasing takes it away again."""
    apply_as(custom, INFERENCE_SERVICE, namespace, foreign_service("delays-v1"), manager=manager)
    before = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")
    said = [adopt("delays-v1"), adopt("delays-v1")]
    adopted = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")
    wanted = logger(ClusterSettings())
    adopt("delays-v1", release=True)
    after = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")

    assert "model.name delays, model.version 1" in said[0]
    assert said[0] == said[1]
    assert wanted["url"] != ""
    assert wanted["mode"] == adopted["spec"]["predictor"]["logger"].pop("mode")
    del adopted["spec"]["predictor"]["logger"]
    assert content(before) == content(adopted)
    assert content(before) == content(after)
    assert [False, False] == [is_adopted(before), is_adopted(after)]


def test_a_logger_of_somebody_else_is_left_alone(adopt: Adopt, custom: CustomObjectsApi, namespace: str) -> None:
    """Whose logger it is is said, with the field, and nothing changes."""
    body = foreign_service("delays-v1")
    body["spec"]["predictor"]["logger"] = {"mode": "all", "url": "http://theirs"}
    apply_as(custom, INFERENCE_SERVICE, namespace, body)
    before = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")
    with pytest.raises(NotOurs, match=r'conflict with "tests"'):
        adopt("delays-v1")
    with pytest.raises(PermanentError, match="whose logger is not ours"):
        adopt("delays-v1", release=True)

    assert before == read(custom, INFERENCE_SERVICE, namespace, "delays-v1")


def test_a_logger_that_two_have_set_stays_when_one_lets_it_go(
    adopt: Adopt, custom: CustomObjectsApi, namespace: str
) -> None:
    """What is said of a released service is what it has: the same logger of somebody else is still there."""
    body = foreign_service("delays-v1")
    body["spec"]["predictor"]["logger"] = logger(ClusterSettings())
    apply_as(custom, INFERENCE_SERVICE, namespace, body)
    adopt("delays-v1")
    said = adopt("delays-v1", release=True)
    after = read(custom, INFERENCE_SERVICE, namespace, "delays-v1")

    assert "its logger stays, because somebody else has set it, too" in said
    assert logger(ClusterSettings()) == after["spec"]["predictor"]["logger"]


def test_what_events_of_a_service_are_not_is_said(adopt: Adopt, custom: CustomObjectsApi, namespace: str) -> None:
    """Rows of two revisions, and rows that a transformer has made, are told before anybody watches them."""
    body = foreign_service("delays-v1")
    body["spec"]["predictor"]["canaryTrafficPercent"] = 10
    body["spec"]["transformer"] = {"containers": [{"name": "kserve-container", "image": "features:1"}]}
    apply_as(custom, INFERENCE_SERVICE, namespace, body)
    said = adopt("delays-v1")

    assert ". Mind: while a canary gets a part of its requests" in said
    assert ". Mind: what its transformer makes of requests" in said


def test_no_name_leads_to_another_namespace(adopt: Adopt, custom: CustomObjectsApi, namespace: str) -> None:
    """A name with steps in it is a name that nothing has, not a way around who may do what where."""
    apply_as(custom, INFERENCE_SERVICE, namespace, foreign_service("delays-v1"))
    with pytest.raises(NotFound, match="there is none"):
        adopt(f"../../{namespace}/inferenceservices/delays-v1")


def test_a_service_that_is_being_deleted_is_not_adopted(adopt: Adopt, custom: CustomObjectsApi, namespace: str) -> None:
    """It would go, and with it what was said of it."""
    place = at(INFERENCE_SERVICE, namespace) | {"name": "delays-v1"}
    apply_as(custom, INFERENCE_SERVICE, namespace, foreign_service("delays-v1", finalizers=["tests.example.org/held"]))
    custom.delete_namespaced_custom_object(**place)
    with pytest.raises(Conflict, match="is being deleted"):
        adopt("delays-v1")
    custom.patch_namespaced_custom_object(
        **place, body={"metadata": {"finalizers": None}}, _content_type="application/merge-patch+json"
    )


@pytest.mark.parametrize(
    ("name", "error"), [("delays", InvalidSpec), ("delays-v1", NotFound), ("ours-v1", PermanentError)]
)
def test_what_cannot_be_adopted_is_refused(
    adopt: Adopt, custom: CustomObjectsApi, namespace: str, name: str, error: type[Exception]
) -> None:
    """A name without a version, a service that is not there and one of ours are each told by name."""
    apply_as(custom, INFERENCE_SERVICE, namespace, foreign_service("delays"))
    serving(namespace).apply(served(namespace, name="ours"))
    with pytest.raises(error, match=name):
        adopt(name)


def test_an_adopted_service_is_watched_by_its_address(adopt: Adopt, namespace: str) -> None:
    """Of a server that is not ours there is a note; it is asked, and no object of it is made, changed or removed."""
    backend = serving(namespace)
    spec = served(namespace, uri=None, url="http://127.0.0.1:9", logged_by="server")
    backend.stage(spec, by="a run")
    staged = backend.staged(spec.endpoint)
    backend.promote(spec)
    seen, names = backend.observe(spec.endpoint), backend.names()
    backend.delete(spec.endpoint)

    assert (EndpointState.STARTING, "http://127.0.0.1:9") == (staged.state, staged.url)
    assert seen.detail.startswith("the server at http://127.0.0.1:9 does not answer ready")
    assert ("", ["delays-v1"]) == (seen.edited, names)
    assert EndpointState.ABSENT is backend.observe(spec.endpoint).state
