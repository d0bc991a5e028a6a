"""A cluster to test against: that of `KUBECONFIG`, else the API server of `tests/k8s/apiserver`, started here.

`make test-k8s` builds the latter. `PEGEL_CRDS` names the folder of the definitions of KServe's, the Spark operator's
and Strimzi's objects; a cluster of `KUBECONFIG` has them already, and nothing is put there but namespaces
`pegel-test-...`, which go with their tests.

Most tests write statuses themselves or look for every change of an object: they need a cluster in which nobody acts on
InferenceServices and SparkApplications. Beside controllers of KServe or the Spark operator they are left out, loudly;
what holds there, too, is marked `beside_controllers`. What needs a server that may be killed asks for `own_server`.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "lib"))

import pytest
from api_server import ApiServer
from built_server import BUILT, built_server
from cluster_access import Account, Cluster, Door, create_account
from controllers import controllers
from crds import filled_server
from fault_proxy import FaultProxy, fault_proxy
from kubernetes import client, config
from kubernetes.client import ApiClient
from waiting import wait_until

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="pegel-k8s-"))

# Importing Airflow reads these.
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "false",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PEGEL_HOME": str(HOME / "pegel"),
    }
)

# Airflow and its libraries warn about each other, which is not ours to mend. Whatever is raised on account of our own
# modules stays an error.
WARNINGS = ("ignore", "error:::pegel.*", "error:::test_.*")

EVERYTHING = (
    {
        "apiGroups": ["serving.kserve.io", "sparkoperator.k8s.io", "kafka.strimzi.io"],
        "resources": ["inferenceservices", "sparkapplications", "kafkatopics"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    },
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "verbs": ["get", "list", "watch", "create", "patch", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
)
"""What an account may do by default: all that Pegel's components do, taken together."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose whose warnings are errors, and let any first test carry the cost of a start."""
    for item in items:
        if "tests/k8s" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings(*WARNINGS))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(180))


def pytest_sessionfinish() -> None:
    """Leave no folder behind."""
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster of `KUBECONFIG`, else an API server of ours with the definitions of `PEGEL_CRDS`."""
    if given := os.environ.get("KUBECONFIG"):
        yield Cluster(Path(given), None)
        return
    program, crds = built_server(), os.environ.get("PEGEL_CRDS")
    if not program.exists() or not crds:
        pytest.skip("!!! NO CLUSTER: neither KUBECONFIG nor PEGEL_CRDS and a built API server; run `make test-k8s`")
    server = filled_server(program, sorted(Path(crds).glob("*.yaml")), BUILT, HOME / "state")
    yield Cluster(server.kubeconfig, server)
    server.kill()


@pytest.fixture(scope="session")
def door(cluster: Cluster) -> Door:
    """Where the cluster answers."""
    return Door.of(cluster.kubeconfig)


@pytest.fixture(scope="session")
def admin(cluster: Cluster) -> Iterator[ApiClient]:
    """A client that may do everything."""
    with config.new_client_from_config(str(cluster.kubeconfig)) as opened:
        yield opened


@pytest.fixture(scope="session")
def acted_on(cluster: Cluster, admin: ApiClient) -> list[str]:
    """Kinds of objects that somebody in the cluster acts on; nobody does in one of ours."""
    return controllers(admin) if cluster.server is None else []


@pytest.fixture(autouse=True)
def alone(request: pytest.FixtureRequest) -> None:
    """Leave a test out where others would write to what it writes to."""
    if request.node.get_closest_marker("beside_controllers") is None and (kinds := request.getfixturevalue("acted_on")):
        pytest.skip(f"!!! LEFT OUT: controllers of this cluster act on objects of kind {', '.join(kinds)}")


@pytest.fixture
def own_server(cluster: Cluster) -> ApiServer:
    """The API server, which may be killed and started again."""
    if cluster.server is None:
        pytest.skip("!!! LEFT OUT: the API server of another's cluster is not killed, and nothing is played there")
    return cluster.server


@pytest.fixture
def new_namespace(admin: ApiClient) -> Iterator[Callable[[], str]]:
    """Create namespaces with a `default` service account; they are deleted with all that is in them."""
    core, created = client.CoreV1Api(admin), []

    def create() -> str:
        name = f"pegel-test-{secrets.token_hex(4)}"
        core.create_namespace({"metadata": {"name": name, "labels": {"pegel-test": "true"}}})
        created.append(name)
        selector = {"field_selector": "metadata.name=default"}
        assert wait_until(lambda: bool(core.list_namespaced_service_account(name, **selector).items))
        return name

    yield create
    left = {each.metadata.name for each in core.list_namespace(label_selector="pegel-test").items}
    for name in left.intersection(created):
        core.delete_namespace(name)


@pytest.fixture
def namespace(new_namespace: Callable[[], str]) -> str:
    """An empty namespace of one test."""
    return new_namespace()


@pytest.fixture
def new_account(admin: ApiClient, namespace: str, door: Door) -> Callable[..., Account]:
    """Create service accounts: `new_account(name, rules, namespace=...)`."""

    def create(name: str = "pegel", rules: Sequence[dict[str, Any]] = EVERYTHING, **where: str) -> Account:
        return create_account(admin, where.get("namespace", namespace), name, rules, door)

    return create


@pytest.fixture
def account(new_account: Callable[..., Account]) -> Account:
    """A service account that may do in the namespace what Pegel does."""
    return new_account()


@pytest.fixture
def custom(account: Account) -> Iterator[client.CustomObjectsApi]:
    """The account's client for custom objects."""
    with account.client() as opened:
        yield client.CustomObjectsApi(opened)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[Account], None]:
    """Make Airflow's connection `kubernetes_default` an account: `connect(account)`."""

    def set_connection(account: Account) -> None:
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", account.airflow_connection())

    return set_connection


@pytest.fixture
def proxy(door: Door) -> Iterator[FaultProxy]:
    """A fault proxy before the cluster; `account.through(proxy.url)` is an account that goes through it."""
    with fault_proxy(door.server, door.trust()) as running:
        yield running
