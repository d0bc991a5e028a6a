"""Whatever fails between a backend and its cluster is an error of ours, and once it is over all is as asked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from backend_steps import steps_of
from backends import SELECTOR, hook, served, serving
from cluster_access import Account
from fault_proxy import Answer, CutShort, Dropped, Fault, FaultProxy, Hanging

from pegel.errors import Conflict, PegelError, SetupError, Unavailable
from pegel.manifests.objects import CONFIG_MAP, INFERENCE_SERVICE, SPARK_APPLICATION
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import EndpointState

PATIENT, IMPATIENT = timedelta(seconds=20), timedelta(seconds=0.3)
MOST_CALLS = 40
KINDS = (INFERENCE_SERVICE, SPARK_APPLICATION, CONFIG_MAP)


FAULTS: list[tuple[Fault, type[Exception] | None]] = [
    (Answer(401), SetupError),
    (Dropped(carried_out=True), Unavailable),
    (Answer(403), SetupError),
    (Answer(409), Conflict),
    (Dropped(), Unavailable),
    (Answer(410), Conflict),
    (Answer(429, retry_after_s=0), None),
    (CutShort(), Unavailable),
    (Answer(429), Unavailable),
    (Answer(500), Unavailable),
    (Hanging(), Unavailable),
    (Answer(503), Unavailable),
]
"""Each with what it is told as; None is one that is waited for."""


def surprises(proxy: FaultProxy, namespace: str, faults: Iterator[tuple[Fault, type[Exception] | None]]) -> list[str]:
    """Fail each call that each step makes, one run at a time, each by the next fault; then let the step succeed.

    Return what was raised that does not say what it should, and what is left in the end.
    """
    wrong = []
    for step in steps_of(namespace):
        for nth in range(1, MOST_CALLS):
            fault, expected = next(faults)
            proxy.mend()
            proxy.fail_nth(nth, fault)
            try:
                step.call(hook(answers_within=IMPATIENT if isinstance(fault, Hanging) else PATIENT))
            except PegelError as error:
                if type(error) is not expected and not (expected is Conflict and isinstance(error, Conflict)):
                    wrong.append(f"{step.name}, call {nth}, {fault}: {type(error).__name__}: {error}")
            if not proxy.faults:
                break
        proxy.mend()
        step.call(hook(answers_within=PATIENT))
    things = [each for kind in KINDS for each in hook().listed(kind, namespace, SELECTOR)]
    # What an application owned goes after it.
    return [*wrong, *(str(each["metadata"]["name"]) for each in things if not each["metadata"].get("ownerReferences"))]


@pytest.fixture
def through(connect: Callable[[Account], None], account: Account, proxy: FaultProxy) -> FaultProxy:
    """The proxy, which Airflow's connection leads through."""
    connect(account.through(proxy.url))
    return proxy


def test_each_call_may_fail_in_some_way(through: FaultProxy, namespace: str) -> None:
    """A failing call raises what says whether to try again; tried again, each step succeeds, and leaves no trace."""
    assert [] == surprises(through, namespace, itertools.cycle(FAULTS))


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault[0])[:40])
def test_each_call_may_fail_in_every_way(
    through: FaultProxy, namespace: str, fault: tuple[Fault, type[Exception] | None]
) -> None:
    """The same, whatever fails each call."""
    assert [] == surprises(through, namespace, itertools.repeat(fault))


def test_what_was_promoted_through_faults_serves(through: FaultProxy, namespace: str) -> None:
    """A promotion that broke off anywhere is made good by the next, and leaves no candidate."""
    first, second = served(namespace), served(namespace, protocol="v2")
    for nth in range(1, MOST_CALLS):
        serving(namespace).apply(first)
        serving(namespace).stage(second)
        through.mend()
        through.fail_nth(nth, Dropped(carried_out=True))
        try:
            serving(namespace).promote(second)
        except Unavailable:
            serving(namespace).promote(second)
        was_hit = bool(through.faults)
        through.mend()
        status = serving(namespace).observe(second.endpoint)
        assert endpoint_fingerprint(second) == status.fingerprint
        assert status == serving(namespace).staged(second.endpoint)
        if not was_hit:
            break

    assert EndpointState.STARTING is status.state
