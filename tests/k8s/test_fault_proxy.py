"""The proxy by which tests of backends fail calls: it fails those that are chosen, as a network or a server does."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest
from cluster_access import Account
from fault_proxy import Answer, Call, CutShort, Dropped, Fault, FaultProxy, Hanging, WatchExpired
from kubernetes import watch
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from objects import Object, apply, at, inference_service
from urllib3.exceptions import HTTPError, MaxRetryError, ReadTimeoutError
from waiting import wait_until

from pegel.manifests.objects import INFERENCE_SERVICE


@pytest.fixture
def through(account: Account, proxy: FaultProxy) -> Iterator[CustomObjectsApi]:
    """A client of the account behind the proxy, which tries nothing again by itself."""
    with account.through(proxy.url).client() as opened:
        opened.configuration.retries = False
        opened.rest_client.pool_manager.connection_pool_kw["retries"] = False
        yield CustomObjectsApi(opened)


def names(custom: CustomObjectsApi, namespace: str) -> list[str]:
    """List the inference services."""
    listed = custom.list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace))
    return [each["metadata"]["name"] for each in listed["items"]]


def test_what_is_not_chosen_goes_through(through: CustomObjectsApi, proxy: FaultProxy, namespace: str) -> None:
    """Without a fault a call does what it does without a proxy, and is written down."""
    apply(through, INFERENCE_SERVICE, namespace, inference_service("a"))
    path = f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices"

    assert ["a"] == names(through, namespace)
    assert ["PATCH", "GET"] == [call.method for call in proxy.calls]
    assert Call("GET", path) == proxy.calls[1]


@pytest.mark.parametrize("status", [401, 403, 409, 410, 429, 500, 503])
def test_an_answer_is_in_the_words_of_a_server(
    through: CustomObjectsApi, proxy: FaultProxy, namespace: str, status: int
) -> None:
    """An error is answered with its status, its reason and the pause it asks for, and then all is as before."""
    proxy.fail("GET", "/inferenceservices", Answer(status, retry_after_s=7), times=1)
    with pytest.raises(ApiException) as failed:
        names(through, namespace)

    assert (status, "7") == (failed.value.status, failed.value.headers["Retry-After"])
    assert f'"code": {status}' in failed.value.body
    assert [] == names(through, namespace)


def test_the_nth_call_fails_and_no_other(through: CustomObjectsApi, proxy: FaultProxy, namespace: str) -> None:
    """Of calls chosen by method and path the second and third fail; others are not counted."""
    proxy.fail("GET", "/inferenceservices", Answer(503), nth=2, times=2)
    seen = []
    for nth in range(4):
        apply(through, INFERENCE_SERVICE, namespace, inference_service(f"a{nth}"))
        try:
            names(through, namespace)
            seen.append(200)
        except ApiException as error:
            seen.append(error.status)

    assert [200, 503, 503, 200] == seen
    assert 2 == len(proxy.faults)


@pytest.mark.parametrize(("carried_out", "left"), [(False, []), (True, ["a"])])
def test_a_dropped_call_may_have_been_carried_out(
    through: CustomObjectsApi, proxy: FaultProxy, namespace: str, carried_out: bool, left: list[str]
) -> None:
    """The client is left without an answer; whether the server has done what was asked is the test's choice."""
    proxy.fail("PATCH", "/inferenceservices/a", Dropped(carried_out=carried_out))
    with pytest.raises(HTTPError):
        apply(through, INFERENCE_SERVICE, namespace, inference_service("a"))

    assert left == names(through, namespace)


def test_an_answer_may_be_cut_short(through: CustomObjectsApi, proxy: FaultProxy, namespace: str) -> None:
    """An answer that ends in its middle is an error of the connection, and no list without objects."""
    proxy.fail("GET", "/inferenceservices", CutShort(after_bytes=10))
    with pytest.raises(HTTPError):
        names(through, namespace)

    assert 1 == len(proxy.faults)


def test_a_hanging_call_ends_with_the_patience_of_its_client(
    through: CustomObjectsApi, proxy: FaultProxy, namespace: str
) -> None:
    """A call that nobody answers ends by the time limit that its client sets."""
    proxy.fail("GET", "/inferenceservices", Hanging())
    with pytest.raises((ReadTimeoutError, MaxRetryError)):
        through.list_namespaced_custom_object(**at(INFERENCE_SERVICE, namespace), _request_timeout=0.2)

    assert [Hanging()] == [fault for _, fault in proxy.faults]


def test_a_watch_may_expire(through: CustomObjectsApi, proxy: FaultProxy, namespace: str) -> None:
    """A watch that is told 410 inside of a good answer raises it to its reader."""
    proxy.fail("GET", "watch=", WatchExpired())
    with pytest.raises(ApiException) as expired:
        list(_watch(through, namespace))

    assert 410 == expired.value.status


def test_a_watch_goes_through_as_it_happens(
    through: CustomObjectsApi, custom: CustomObjectsApi, namespace: str
) -> None:
    """Events of a watch reach the client one by one, before the watch ends."""
    events = _watch(through, namespace)
    seen = []
    for name in "ab":
        apply(custom, INFERENCE_SERVICE, namespace, inference_service(name))
        seen.append(next(events)["object"]["metadata"]["name"])
    events.close()

    assert ["a", "b"] == seen


@pytest.mark.parametrize("fault", [Answer(401), Dropped(), CutShort()], ids=["answered", "dropped", "cut short"])
def test_mended_it_forgets(through: CustomObjectsApi, proxy: FaultProxy, namespace: str, fault: Fault) -> None:
    """After `mend` everything goes through, and nothing is remembered."""
    proxy.fail("*", "", fault)
    with pytest.raises((ApiException, HTTPError)):
        names(through, namespace)
    proxy.mend()
    remembered = (list(proxy.calls), list(proxy.faults))

    assert ([], []) == remembered
    assert [] == names(through, namespace)
    assert wait_until(lambda: len(proxy.calls) == 1)


def _watch(custom: CustomObjectsApi, namespace: str) -> Generator[Object]:
    return watch.Watch().stream(  # type: ignore[no-any-return]  # the client has no types
        custom.list_namespaced_custom_object, **at(INFERENCE_SERVICE, namespace), timeout_seconds=10
    )
