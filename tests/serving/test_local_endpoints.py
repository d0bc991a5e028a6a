"""The local serving backend keeps what every serving backend promises, with real model servers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from waiting import wait_until

from pegel.data.entity_keys import entity_key
from pegel.errors import InvalidSpec, SetupError
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector
from pegel.reconcile.actions import ActionKind
from pegel.reconcile.carrying_out import carry_out
from pegel.reconcile.endpoint_planner import plan_endpoints
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.testing import MemoryJobBackend
from pegel.testing.backend_checks import SERVING_CHECKS, ServingCheck, a_promoted_candidate_serves
from pegel_local.backends.endpoint_document import read_document
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.machine import ports

pytestmark = pytest.mark.slow


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[LocalServingBackend]:
    """Run endpoints below a temporary home; their events go to a port where nobody listens."""
    (nobody,) = ports.free_ports(1)
    url = f"http://{ports.LOOPBACK}:{nobody}/"
    found = LocalServingBackend(Settings(home=tmp_path, serving_python=Path(sys.executable), logger_url=url))
    yield found
    for name in found.names():
        found.delete(name)


@pytest.fixture
def spec(model_folder: Path) -> MonitorSpec:
    """Wish for the small model."""
    model = {"name": "paint", "uri": model_folder.as_uri()}
    return MonitorSpec.parse({"model": model, "baseline": {"source": "local://paint?version=1&split=train"}})


@pytest.mark.parametrize("check_promise", [a_promoted_candidate_serves])
def test_a_candidate_is_promoted_with_real_model_servers(
    check_promise: ServingCheck, backend: LocalServingBackend, spec: MonitorSpec
) -> None:
    """A server starts, another beside it, and takes its place; all other promises are checked without any model."""
    check_promise(backend, spec)


@pytest.mark.long
@pytest.mark.parametrize("check_promise", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_all_promises_of_a_serving_backend_with_real_model_servers(
    check_promise: ServingCheck, backend: LocalServingBackend, spec: MonitorSpec
) -> None:
    """The local backend passes the checks that the memory fake passes."""
    check_promise(backend, spec)


@pytest.mark.long
def test_a_server_that_cannot_load_its_model_fails_with_its_log(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """After its bounded restarts the endpoint is FAILED, and the detail ends with what the model server said."""
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = spec.model_copy(update={"model": spec.model.model_copy(update={"uri": str(empty)})})
    backend.apply(broken)
    assert wait_until(lambda: backend.observe(broken.endpoint).state is EndpointState.FAILED, within_s=50)
    seen = backend.observe(broken.endpoint)

    assert "its server exited with 1" in seen.detail
    assert "metadata.json" in seen.detail


def reconcile(backend: LocalServingBackend, spec: MonitorSpec) -> list[tuple[ActionKind, str]]:
    """Look, plan and carry out, as one run does; say what was done."""
    now = datetime.now(UTC)
    actions = plan_endpoints([spec], look_at_endpoints(backend, [spec.endpoint]), now)
    for action in actions:
        carry_out(action, MemoryJobBackend(), backend, observed_at=now)
    return [(action.kind, action.reason) for action in actions]


def wait_ready(backend: LocalServingBackend, spec: MonitorSpec) -> str:
    """Wait until the endpoint is ready; return its address."""
    assert wait_until(lambda: backend.observe(spec.endpoint).state is EndpointState.READY, within_s=50)
    return str(backend.observe(spec.endpoint).url)


@pytest.mark.timeout(180)
def test_a_model_that_was_unloaded_is_brought_back(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """A server that works and has lost its model has failed: the next reconcile restarts it, at the same address."""
    backend.apply(spec)
    url = wait_ready(backend, spec)
    document = read_document(tmp_path / "endpoints" / spec.endpoint / "endpoint.json")
    assert document is not None
    server = f"http://{ports.LOOPBACK}:{document.server_port}"
    unloaded = httpx.post(f"{server}/v2/repository/models/{spec.endpoint}/unload", trust_env=False)
    done = reconcile(backend, spec)

    assert 200 == unloaded.status_code
    assert [(ActionKind.RESTART, "its server has lost the model (status 404)")] == done
    assert url == wait_ready(backend, spec)
    assert [(ActionKind.KEEP, "serves as desired")] == reconcile(backend, spec)


def test_a_model_from_elsewhere_is_refused(backend: LocalServingBackend, spec: MonitorSpec) -> None:
    """The local backend serves folders of this machine only, and says so."""
    far = spec.model_copy(update={"model": spec.model.model_copy(update={"uri": "s3://models/paint"})})

    with pytest.raises(SetupError, match=r"a folder of this machine .* given: s3://models/paint\. No endpoint"):
        backend.apply(far)


@pytest.mark.parametrize("verb", ["apply", "stage"])
def test_a_model_outside_the_allowed_places_is_never_loaded(spec: MonitorSpec, tmp_path: Path, verb: str) -> None:
    """A link from an allowed folder to a model elsewhere is refused before any process starts."""
    (tmp_path / "models").mkdir()
    link = tmp_path / "models" / "paint"
    link.symlink_to(urlsplit(spec.model.uri).path)
    settings = Settings(home=tmp_path, serving_python=Path(sys.executable), model_roots=str(tmp_path / "models"))
    linked = spec.model_copy(update={"model": spec.model.model_copy(update={"uri": link.as_uri()})})
    with pytest.raises(InvalidSpec, match="expected a model below PEGEL_MODEL_ROOTS"):
        getattr(LocalServingBackend(settings), verb)(linked)

    assert not (tmp_path / "endpoints").exists()


@pytest.mark.timeout(180)
def test_an_endpoint_that_looks_features_up(backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path) -> None:
    """A spec with `online` is served by a transformer before proxy and server; clients send to the transformer."""
    colour = FeatureVector({"colour": "red"}, datetime.now(UTC))
    LocalOnlineStore(tmp_path / "online.db", "tins").load([(entity_key(["t1"]), colour)])
    online = {"source": "local://tins", "keys": ["tin"], "features": ["colour"]}
    looking = MonitorSpec.parse(spec.to_json() | {"online": online})
    backend.apply(looking)
    url = wait_ready(backend, looking)
    asked = {"instances": [{"tin": "t1", "size": 1.0, "weight": 2.0}]}
    answer = httpx.post(f"{url}/v1/models/{spec.endpoint}:predict", json=asked, trust_env=False)
    kinds = [Path(log).parent.name for log in backend.logs_of(spec.endpoint)]

    assert [18.0] == pytest.approx(answer.json()["predictions"])
    assert ["server", "proxy", "transformer"] == kinds
