"""What one team or one Pegel does in a cluster is nothing to those beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from backends import JOB, jobs, served, serving
from cluster_access import Account, bind
from kubernetes.client import ApiClient, CustomObjectsApi
from objects import apply, read

from pegel.errors import Conflict, NotOurs, SetupError
from pegel.manifests.objects import INFERENCE_SERVICE, SPARK_APPLICATION
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState


@pytest.fixture
def other(
    admin: ApiClient,
    connect: Callable[[Account], None],
    account: Account,
    new_account: Callable[..., Account],
    new_namespace: Callable[[], str],
) -> str:
    """A second namespace, in which the connection may do the same."""
    place = new_namespace()
    role = new_account("other", namespace=place).name
    bind(admin, place, role=role, account=f"{account.namespace}/{account.name}")
    connect(account)
    return place


def test_two_installations_serve_in_one_namespace(other: str, custom: CustomObjectsApi, namespace: str) -> None:
    """Endpoints and candidates of another Pegel are not seen, taken over, ended or replaced; their names are taken."""
    first, second = serving(namespace), serving(f"{other},{namespace}")
    spec, following = served(namespace), served(namespace, protocol="v2")
    first.apply(spec)
    first.stage(following, by="a run")
    before = [read(custom, INFERENCE_SERVICE, namespace, name) for name in ("delays-v1", "delays-v1-candidate")]
    seen, listed = second.observe(spec.endpoint), second.names()
    for touch in (second.apply, second.stage):
        with pytest.raises(NotOurs, match=f"of the Pegel in namespace {other}.*installation={namespace}"):
            touch(following if touch is second.stage else spec)
    with pytest.raises(Conflict, match="another run staged"):
        second.promote(following)
    second.discard(following, by="a run")
    second.delete(spec.endpoint)

    assert (EndpointState.ABSENT, []) == (seen.state, listed)
    assert before == [read(custom, INFERENCE_SERVICE, namespace, name) for name in ("delays-v1", "delays-v1-candidate")]
    assert [spec.endpoint] == first.names()


def test_a_namespace_that_is_closed_holds_up_no_other(
    connect: Callable[[Account], None], account: Account, namespace: str, new_namespace: Callable[[], str]
) -> None:
    """Where one team's namespace may not be looked at, endpoints of the others are made, seen, replaced and ended."""
    connect(account)
    closed = new_namespace()
    backend = serving(f"{namespace},{closed}")
    spec, following = served(namespace), served(namespace, protocol="v2")
    backend.apply(spec)
    backend.stage(following)
    staged = backend.staged(spec.endpoint)
    backend.promote(following)
    promoted = backend.observe(spec.endpoint)
    backend.delete(spec.endpoint)

    assert [endpoint_fingerprint(following)] * 2 == [staged.fingerprint, promoted.fingerprint]
    for ask in (lambda: backend.observe(spec.endpoint), lambda: backend.apply(served(closed)), backend.names):
        with pytest.raises(SetupError, match=f"a permission is missing to .*{closed}"):
            ask()


def test_a_copy_of_a_driver_says_nothing_of_the_driver(
    connect: Callable[[Account], None], account: Account, custom: CustomObjectsApi, namespace: str
) -> None:
    """What carries the mark of a group's driver under another name is no reason to do anything about the driver."""
    connect(account)
    backend = jobs(namespace)
    backend.ensure(JOB, 1)
    before = backend.observe()
    driver = read(custom, SPARK_APPLICATION, namespace, "pegel-default")
    kept = {name: driver["metadata"][name] for name in ("labels", "annotations")}
    for name in ("pegel-default-copy", "a-copy"):
        copy = {**driver, "metadata": {"name": name, **kept}, "spec": {**driver["spec"], "image": "another:1"}}
        apply(custom, SPARK_APPLICATION, namespace, copy)

    assert ["default"] == [seen.group for seen in before]
    assert before == backend.observe()


def test_a_copy_of_an_endpoint_is_whoever_made_it(
    connect: Callable[[Account], None], account: Account, custom: CustomObjectsApi, namespace: str
) -> None:
    """What carries all labels of an endpoint under another name is no endpoint of ours, so nobody removes it."""
    connect(account)
    backend = serving(namespace)
    spec = served(namespace)
    backend.apply(spec)
    original = read(custom, INFERENCE_SERVICE, namespace, spec.endpoint)
    kept = {name: original["metadata"][name] for name in ("labels", "annotations")}
    apply(custom, INFERENCE_SERVICE, namespace, {**original, "metadata": {"name": "tried-by-hand", **kept}})

    assert [spec.endpoint] == backend.names()
