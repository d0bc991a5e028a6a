"""The backends of a cluster keep the promises of every backend, on a real API server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from backends import JOB, jobs, served, serving
from cluster_access import Account
from kubernetes.client import ApiClient
from status_writer import StatusWriter, writing

from pegel.testing.backend_checks import JOB_CHECKS, SERVING_CHECKS, JobCheck, ServingCheck


@pytest.fixture
def writer(admin: ApiClient, namespace: str) -> Iterator[StatusWriter]:
    """What writes the statuses of a namespace."""
    with writing(admin, namespace) as running:
        yield running


@pytest.mark.parametrize("check_promise", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_endpoints(
    check_promise: ServingCheck,
    connect: Callable[[Account], None],
    account: Account,
    namespace: str,
    writer: StatusWriter,
) -> None:
    """Endpoints as InferenceServices pass the checks that the memory fake passes."""
    connect(account)
    check_promise(serving(namespace), served(namespace))


@pytest.mark.parametrize("check_promise", JOB_CHECKS, ids=lambda check: check.__name__)
def test_drivers(
    check_promise: JobCheck, connect: Callable[[Account], None], account: Account, namespace: str, writer: StatusWriter
) -> None:
    """Drivers as SparkApplications pass the checks that the memory fake passes."""
    connect(account)
    check_promise(jobs(namespace), JOB)
