"""Servers that run already and are not ours: watched through a proxy of ours, and never touched."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import running_servers
import sinks
from waiting import wait_until

from pegel.data import example_request
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_local.backends.endpoint_processes import LocalServingBackend

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
ROW: list[dict[str, Any]] = [
    {"name": "size", "kind": "numeric", "value": 2.0},
    {"name": "weight", "kind": "numeric", "value": 3.0},
]


@pytest.fixture
def backend(tmp_path: Path, sink: sinks.Sink) -> Iterator[LocalServingBackend]:
    """Run endpoints below a temporary home; their events go to the sink."""
    settings = Settings(home=tmp_path / "home", serving_python=Path(sys.executable), logger_url=sink.url)
    serving = LocalServingBackend(settings)
    yield serving
    for name in serving.names():
        serving.delete(name)


def wished(**model: str) -> MonitorSpec:
    """Return a spec of a server that runs already."""
    return MonitorSpec.parse({"model": {"name": "prices"} | model, "baseline": {"source": "local://prices"}})


def onboarded(backend: LocalServingBackend, spec: MonitorSpec) -> str:
    """Let an endpoint serve as onboarding does; its address."""
    backend.stage(spec)
    assert wait_until(lambda: backend.staged(spec.endpoint).state is EndpointState.READY, within_s=30)
    backend.promote(spec)
    return str(backend.observe(spec.endpoint).url)


def asked(spec: MonitorSpec, url: str) -> list[httpx.Response]:
    """Send what the probe sends until it is answered."""
    where, answers = example_request.address(spec, url), []
    for request in example_request.bodies(spec, ROW):
        answers.append(httpx.post(where, json=request, trust_env=False))
        if answers[-1].status_code == 200:
            break
    return answers


@pytest.mark.parametrize(("protocol", "path", "statuses"), [("v1", "/team", [400, 200]), ("v2", "", [200])])
def test_a_server_of_either_protocol_is_watched(
    backend: LocalServingBackend, sink: sinks.Sink, protocol: str, path: str, statuses: list[int]
) -> None:
    """Its own name and paths stay; calls are logged as the endpoint's, questions never, and removal leaves it alone."""
    apps = {"v1": (running_servers.v1_app, running_servers.V1), "v2": (running_servers.v2_app, running_servers.V2)}
    build, served_name = apps[protocol]
    with running_servers.running(build()) as server:
        spec = wished(url=f"{server}{path}", served_name=served_name, protocol=protocol)
        url = onboarded(backend, spec)
        answers = asked(spec, url)
        questions = ("/v2/health/ready", f"/v1/models/{served_name}", f"/v2/models/{served_name}", "/")
        asked_for = [httpx.get(f"{url}{question}", trust_env=False).status_code for question in questions]
        logged = sink.wait_for(len(statuses) + 1)
        backend.delete(spec.endpoint)
        direct = asked(spec, spec.model.place)

    assert statuses == [answer.status_code for answer in answers] == [answer.status_code for answer in direct]
    assert b"5.0" in answers[-1].content
    assert 200 in asked_for
    kinds = [headers["Ce-Type"].rpartition(".")[2] for headers, _ in logged]
    assert sorted([*["request"] * len(statuses), "response"]) == sorted(kinds)
    assert {("prices-v1", "default")} == {
        (headers["Ce-Inferenceservicename"], headers["Ce-Namespace"]) for headers, _ in logged
    }
    assert len(statuses) + 1 == len(sink.got)


def test_a_server_behind_tls_is_trusted_as_the_machine_trusts_it(
    backend: LocalServingBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its certificate among the trusted ones it is ready and answers; without, it does not count as ready."""
    certificate = tmp_path / "certificate"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    )
    files = ["-keyout", str(certificate), "-out", str(tmp_path / "public")]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    certificate.write_text(certificate.read_text() + (tmp_path / "public").read_text())
    with running_servers.running(running_servers.v2_app(), certificate) as server:
        spec = wished(url=server, served_name=running_servers.V2, protocol="v2")
        backend.apply(spec)
        refused = f"the server at {server} does not answer ready (status 502)"
        assert wait_until(lambda: backend.observe(spec.endpoint).detail == refused, within_s=30)
        backend.delete(spec.endpoint)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        answers = asked(spec, onboarded(backend, spec))
        backend.delete(spec.endpoint)

    assert [200] == [answer.status_code for answer in answers]
