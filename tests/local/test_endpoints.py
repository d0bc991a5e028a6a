"""Endpoints of this machine that hang, die or lose their files: each is told for itself and brought back."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from waiting import wait_until

from pegel.data.endpoint_readiness import READY, foreign_readiness
from pegel.errors import InvalidSpec, SetupError
from pegel.reconcile.actions import ActionKind
from pegel.reconcile.carrying_out import carry_out
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.endpoint_planner import plan_endpoints
from pegel.reconcile.look_at_endpoints import look_at_endpoints
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.testing import MemoryJobBackend
from pegel.testing.backend_checks import SERVING_CHECKS, ServingCheck
from pegel.testing.samples import deployed, sample_spec
from pegel_local.backends.endpoint_document import EndpointDocument, write_document
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.machine.ports import LOOPBACK, free_ports
from pegel_local.processes import shared_lock
from pegel_local.processes.supervisor_files import SupervisorFiles

SERVING = """#!{python}
import http.server, json, os, pathlib, sys, time
module, options = sys.argv[2], dict(zip(sys.argv[3::2], sys.argv[4::2]))
pathlib.Path("environment").write_text(" ".join(sorted(os.environ)))
if module == "pegel_serving.server":
    pathlib.Path("loaded").write_bytes((pathlib.Path(options["--model-dir"]) / "model.joblib").read_bytes())
    if pathlib.Path({exit!r}).exists():
        print("nothing to do in", options["--model-dir"])
        sys.exit(0)
    time.sleep(60)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({{"ready": True}}).encode())
http.server.HTTPServer(("127.0.0.1", int(options["--port"])), Ready).serve_forever()
"""
"""Stands for the serving environment's interpreter: starts in milliseconds, and is ready at once."""

SECOND = timedelta(seconds=1)


@pytest.fixture
def exits(tmp_path: Path) -> Path:
    """Name the file by whose presence model servers end at once, with exit code 0."""
    return tmp_path / "exit"


@pytest.fixture
def backend(tmp_path: Path, exits: Path) -> Iterator[LocalServingBackend]:
    """Run endpoints of a program that only looks like a serving environment; nothing of them outlives the test."""
    program = tmp_path / "python"
    program.write_text(SERVING.format(python=sys.executable, exit=str(exits)), encoding="utf-8")
    program.chmod(0o755)
    settings = Settings(
        home=tmp_path / "home", serving_python=program, database_url="postgresql://pegel:secret@127.0.0.1/pegel"
    )
    serving = LocalServingBackend(settings, answers_within=timedelta(seconds=1), grace=timedelta(seconds=1))
    yield serving
    for name in serving.names():
        serving.delete(name)


@pytest.fixture
def spec(tmp_path: Path) -> MonitorSpec:
    """Return a spec whose model is a folder of this machine."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.joblib").write_bytes(b"one")
    return sample_spec(model={"name": "delays", "version": 1, "uri": str(folder)})


@pytest.mark.parametrize("check_promise", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_the_promises_of_a_serving_backend(
    check_promise: ServingCheck, backend: LocalServingBackend, spec: MonitorSpec
) -> None:
    """The local backend passes the checks that the memory fake passes, whatever it is that serves."""
    check_promise(backend, spec)


@pytest.fixture
def foreign() -> Iterator[str]:
    """A server that is not ours and is ready by either protocol, in the words of other servers; its address."""

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = {"/v1/models/delays-v1": b'{"model_version_status": []}', "/v2/health/ready": b""}
            self.send_response(200 if self.path in known else 404)
            self.end_headers()
            self.wfile.write(known.get(self.path, b""))

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer((LOOPBACK, 0), Foreign) as server:
        thread = threading.Thread(daemon=True, target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("logged_by", ["proxy", "server"])
@pytest.mark.parametrize("check_promise", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_them_for_a_server_that_runs_already(
    check_promise: ServingCheck, backend: LocalServingBackend, foreign: str, logged_by: str
) -> None:
    """A server that is not ours is an endpoint like any other, with a proxy before it and without."""
    check_promise(backend, sample_spec(model={"name": "delays", "url": foreign, "logged_by": logged_by}))


@pytest.mark.parametrize("check_promise", SERVING_CHECKS, ids=lambda check: check.__name__)
def test_it_keeps_them_for_a_deployment_of_hopsworks(check_promise: ServingCheck, backend: LocalServingBackend) -> None:
    """What nobody here asks, starts or stops is an endpoint without a process and without an address."""
    check_promise(backend, sample_spec(model=deployed()))


@pytest.mark.parametrize(("logged_by", "parts"), [("proxy", ["proxy"]), ("server", [])])
def test_of_a_server_that_runs_already_nothing_is_ours_but_the_proxy(
    backend: LocalServingBackend, foreign: str, tmp_path: Path, logged_by: str, parts: list[str]
) -> None:
    """No model server is started; removing the endpoint leaves the one that runs as it is."""
    spec = sample_spec(model={"name": "delays", "url": foreign, "logged_by": logged_by})
    backend.apply(spec)
    assert wait_until(lambda: ready(backend, spec))
    folder = tmp_path / "home" / "endpoints" / "delays-v1"
    started, url = sorted(path.name for path in folder.iterdir() if path.is_dir()), backend.observe("delays-v1").url
    backend.delete(spec.endpoint)

    assert parts == started
    assert (logged_by == "server") is (url == foreign)
    assert READY == foreign_readiness(foreign, "delays-v1", "v1", SECOND)


@pytest.mark.parametrize("address", ["http://1.2.3.999", "http://a..b", "http://\u00e9..x"])
def test_an_address_that_cannot_be_is_not_ready(address: str) -> None:
    """What no client can ask is no crash of the look, by either protocol."""
    assert READY not in {foreign_readiness(address, "delays-v1", protocol, SECOND) for protocol in ("v1", "v2")}


def test_a_server_that_is_away_is_named(backend: LocalServingBackend) -> None:
    """Nothing is restarted for a server that is not ours: reconciling holds and says which address does not answer."""
    (nobody,) = free_ports(1)
    url = f"http://{LOOPBACK}:{nobody}"
    spec = sample_spec(model={"name": "delays", "url": url, "logged_by": "server"})
    backend.apply(spec)
    reason = f"the server at {url} does not answer ready (nobody listens there); it is not ours to restart"

    assert [(ActionKind.HOLD, reason)] == reconcile(backend, spec, hours_later=9)


def ready(backend: LocalServingBackend, spec: MonitorSpec) -> bool:
    """Say whether the endpoint of `spec` is ready."""
    return backend.observe(spec.endpoint).state is EndpointState.READY


def reconcile(backend: LocalServingBackend, spec: MonitorSpec, *, hours_later: int = 0) -> list[tuple[ActionKind, str]]:
    """Look, plan and carry out, as one run does; say what was done."""
    now = datetime.now(UTC) + timedelta(hours=hours_later)
    actions = plan_endpoints([spec], look_at_endpoints(backend, [spec.endpoint]), now)
    for action in actions:
        carry_out(action, MemoryJobBackend(), backend, observed_at=now)
    return [(action.kind, action.reason) for action in actions]


def test_a_model_server_gets_no_address_of_the_database(
    backend: LocalServingBackend, spec: MonitorSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither settings nor secrets of whoever starts an endpoint reach the process that loads somebody's pickle."""
    for name in ("PEGEL_DATABASE_URL", "AIRFLOW__CORE__FERNET_KEY", "CLOUD_SECRET_KEY"):
        monkeypatch.setenv(name, "secret")
    backend.apply(spec)
    note = tmp_path / "home" / "endpoints" / "delays-v1" / "server" / "environment"
    assert wait_until(lambda: note.exists() and note.read_text() != "")
    names = set(note.read_text().split())

    assert set() == {name for name in names if name.startswith(("PEGEL", "AIRFLOW", "CLOUD"))}
    assert "PATH" in names


def test_a_server_that_exited_with_0_is_brought_back(
    backend: LocalServingBackend, spec: MonitorSpec, exits: Path
) -> None:
    """A supervisor does not restart what ended well; reconciling does, at the same address.

    Why it does says where a person has the model, not where the copy of it is.
    """
    exits.touch()
    backend.apply(spec)
    assert wait_until(lambda: backend.observe(spec.endpoint).state is EndpointState.FAILED)
    url = backend.observe(spec.endpoint).url
    exits.unlink()
    done = reconcile(backend, spec)
    assert wait_until(lambda: ready(backend, spec))

    assert [(ActionKind.RESTART, f"its server exited with 0: nothing to do in {folder_of(spec)}")] == done
    assert url == backend.observe(spec.endpoint).url
    assert [(ActionKind.KEEP, "serves as desired")] == reconcile(backend, spec)


def test_an_endpoint_that_hangs_is_restarted_after_its_time(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """A proxy that stands still is not ready since it was last seen so, and is restarted when that is too long ago."""
    backend.apply(spec)
    assert wait_until(lambda: ready(backend, spec))
    proxy = SupervisorFiles(tmp_path / "home" / "endpoints" / "delays-v1" / "proxy").state()
    assert proxy is not None
    assert proxy.process is not None
    os.kill(proxy.process.pid, signal.SIGSTOP)
    early, late = reconcile(backend, spec), reconcile(backend, spec, hours_later=1)
    assert wait_until(lambda: ready(backend, spec))

    assert ([(ActionKind.KEEP, "starts as desired")], [ActionKind.RESTART]) == (early, [kind for kind, _ in late])
    assert not proxy.process.alive


def test_an_endpoint_that_answers_is_not_restarted(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """Whoever answers inferences is busy, not hanging, however long no look saw it ready; after its time it is not."""
    backend.apply(spec)
    assert wait_until(lambda: ready(backend, spec))
    folder = tmp_path / "home" / "endpoints" / "delays-v1" / "proxy"
    proxy = SupervisorFiles(folder).state()
    assert proxy is not None
    assert proxy.process is not None
    os.kill(proxy.process.pid, signal.SIGSTOP)
    answered = datetime.now(UTC) + timedelta(minutes=59)
    (folder / "answered").touch()
    os.utime(folder / "answered", (answered.timestamp(), answered.timestamp()))
    busy, quiet = reconcile(backend, spec, hours_later=1), reconcile(backend, spec, hours_later=2)

    assert [(ActionKind.KEEP, "starts as desired")] == busy
    assert [ActionKind.RESTART] == [kind for kind, _ in quiet]


@pytest.mark.parametrize("content", ["", '{"name": "delays-v1"', '{"name": "delays-v1"}', "[]"])
def test_a_damaged_document_of_one_endpoint_hides_no_other(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path, content: str
) -> None:
    """An endpoint whose file is cut off has failed and is replaced; every other one is seen as it is."""
    pets = sample_spec("pets", model={"name": "pets", "version": 1, "uri": spec.model.uri})
    for each in (spec, pets):
        backend.apply(each)
        assert wait_until(lambda each=each: ready(backend, each))  # type: ignore[misc]  # a lambda with a default
    (tmp_path / "home" / "endpoints" / "delays-v1" / "endpoint.json").write_text(content, encoding="utf-8")
    expected = {"delays-v1": EndpointState.FAILED, "pets-v1": EndpointState.READY}
    told = wait_until(lambda: expected == {one.name: one.state for one in look_at_endpoints(backend, backend.names())})
    done = reconcile(backend, spec)

    assert told
    assert wait_until(lambda: ready(backend, spec))
    assert [ActionKind.REPLACE] == [kind for kind, _ in done]


def folder_of(spec: MonitorSpec) -> Path:
    """Return the model's folder of a spec."""
    return Path(spec.model.place)


def loaded(home: Path) -> set[str]:
    """Return what the model servers of an endpoint have read, once they have."""
    servers = (home / "endpoints" / "delays-v1").glob("server*/loaded")
    return {path.read_text() for path in servers}


def test_a_replaced_model_is_another_one_to_serve(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """Applied again after its file was replaced, a model gets a candidate of the new bytes, which takes the place."""
    first = backend.pin(spec)
    backend.apply(first)
    assert wait_until(lambda: {"one"} == loaded(tmp_path / "home"))
    (folder_of(spec) / "model.joblib").write_bytes(b"two")
    second = backend.pin(spec)
    backend.stage(second)
    assert wait_until(lambda: {"one", "two"} == loaded(tmp_path / "home"))
    backend.promote(second)
    copies = [path.name for path in (tmp_path / "home" / "endpoints" / "delays-v1").glob("model-*")]

    assert first.model.digest != second.model.digest
    assert [f"model-{second.model.digest}"] == copies
    assert endpoint_fingerprint(second) == backend.observe(spec.endpoint).fingerprint


def test_a_restart_loads_what_was_taken_into_service(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """Whatever the folder holds by now, or if it is gone: the same bytes serve on, and the endpoint says so."""
    pinned, model = backend.pin(spec), folder_of(spec) / "model.joblib"
    backend.apply(pinned)
    assert wait_until(lambda: {"one"} == loaded(tmp_path / "home"))
    notes = [backend.observe(spec.endpoint).note]
    os.utime(model, (1, 1))
    notes.append(backend.observe(spec.endpoint).note)
    model.write_bytes(b"two")
    notes.append(backend.observe(spec.endpoint).note)
    for path in (tmp_path / "home" / "endpoints" / "delays-v1").glob("server*/loaded"):
        path.unlink()
    backend.restart(pinned, started_before=datetime.now(UTC))
    assert wait_until(lambda: loaded(tmp_path / "home") - {""} != set())
    shutil.rmtree(folder_of(spec))
    notes.append(backend.observe(spec.endpoint).note)

    assert {"one"} == loaded(tmp_path / "home")
    assert [
        "",
        "",
        "the folder has changed since it was taken into service: `pegel apply` takes it up",
        "the folder is no longer what was taken into service, of which a copy is served",
    ] == notes


def test_a_damaged_document_costs_no_copy(backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path) -> None:
    """Where the folder has changed, too, what was taken into service comes back out of its copy, even after a sweep."""
    pinned, document = backend.pin(spec), tmp_path / "home" / "endpoints" / "delays-v1" / "endpoint.json"
    backend.apply(pinned)
    assert wait_until(lambda: {"one"} == loaded(tmp_path / "home"))
    document.write_text("{", encoding="utf-8")
    (folder_of(spec) / "model.joblib").write_bytes(b"two")
    backend.discard(pinned)
    for path in document.parent.glob("server*/loaded"):
        path.unlink()
    backend.apply(pinned)
    assert wait_until(lambda: {"one"} == loaded(tmp_path / "home"))

    assert [f"model-{pinned.model.digest}"] == [path.name for path in document.parent.glob("model-*")]
    assert "the folder has changed since it was taken into service: `pegel apply` takes it up" == (
        backend.observe(spec.endpoint).note
    )


def cannot_be_copied(folder: Path) -> None:
    """Leave something in a model's folder that is no file."""
    (folder / "loose").symlink_to(folder / "nothing")


def without_an_interpreter(folder: Path) -> None:
    """Remove what model servers are started with."""
    (folder.parent / "python").unlink()


@pytest.mark.parametrize("trouble", [cannot_be_copied, without_an_interpreter])
def test_what_cannot_take_its_place_leaves_what_serves(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path, trouble: Callable[[Path], None]
) -> None:
    """A model that cannot be copied or started is refused before anything of the one that serves is ended."""
    first = backend.pin(spec)
    backend.apply(first)
    assert wait_until(lambda: ready(backend, spec))
    (folder_of(spec) / "model.joblib").write_bytes(b"two")
    second = backend.pin(spec)
    trouble(folder_of(spec))
    for verb in (backend.apply, backend.stage):
        with pytest.raises(SetupError, match="No endpoint was started"):
            verb(second)

    assert endpoint_fingerprint(first) == backend.observe(spec.endpoint).fingerprint
    assert ready(backend, spec)
    assert [f"model-{first.model.digest}"] == [
        path.name for path in (tmp_path / "home" / "endpoints" / "delays-v1").glob("model-*")
    ]


def test_a_folder_is_read_once_for_each_change_of_its_files(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """What a look saw holds while no time or size changes: bytes that come with neither are not read again."""
    backend.apply(spec)
    model, notes = folder_of(spec) / "model.joblib", []
    for content in (b"one", b"two", b"six"):
        model.write_bytes(content)
        os.utime(model, (1, 1))
        notes.append(LocalServingBackend(Settings(home=tmp_path / "home")).observe(spec.endpoint).note)
    os.utime(model, (2, 2))
    notes.append(backend.observe(spec.endpoint).note)

    changed = "the folder has changed since it was taken into service: `pegel apply` takes it up"
    assert ["", "", "", changed] == notes


def test_other_bytes_than_those_of_the_spec_are_never_loaded(
    backend: LocalServingBackend, spec: MonitorSpec, tmp_path: Path
) -> None:
    """Where the copy was lost, too, a folder that has changed is refused in words, and what serves stays."""
    pinned = backend.pin(spec)
    (folder_of(spec) / "metadata.json").write_bytes(b"{}")
    for verb in (backend.apply, backend.stage):
        with pytest.raises(SetupError, match="the folder has changed since: `pegel apply` takes up what is there now"):
            verb(pinned)
    stated = backend.pin(spec).model.digest
    with pytest.raises(InvalidSpec, match=f"model.digest: given {pinned.model.digest}: expected {stated}"):
        backend.pin(pinned)

    assert [] == backend.names()
    assert set() == loaded(tmp_path / "home")


@pytest.fixture
def silent() -> Iterator[int]:
    """Listen on a port, accept every connection and never answer."""
    stopped = threading.Event()
    with ExitStack() as opened:
        server = opened.enter_context(socket.create_server((LOOPBACK, 0), backlog=256))

        def accept() -> None:
            while not stopped.is_set():
                opened.enter_context(closing(server.accept()[0]))

        thread = threading.Thread(daemon=True, target=accept)
        thread.start()
        yield server.getsockname()[1]
        stopped.set()
        socket.create_connection((LOOPBACK, server.getsockname()[1])).close()
        thread.join()


def test_two_hundred_endpoints_that_hang_hold_up_nobody(
    backend: LocalServingBackend, spec: MonitorSpec, silent: int, tmp_path: Path
) -> None:
    """With 200 endpoints that accept and never answer, a look ends in its time, and sees who serves and who died."""
    backend.apply(spec)
    assert wait_until(lambda: ready(backend, spec))
    folder = tmp_path / "home" / "endpoints"
    hung = [sample_spec(f"hung{number}") for number in range(200)]
    with ExitStack() as held:
        for each in hung:
            document = replace(EndpointDocument.of(each), port=silent, server_port=silent)
            write_document(folder / each.endpoint / "endpoint.json", document)
            for part in ("server", "proxy"):
                # Whoever holds the lock of a part counts as its process.
                descriptor = shared_lock.acquire(folder / each.endpoint / part / "lock")
                assert descriptor is not None
                held.callback(os.close, descriptor)
        dead = sample_spec("dead")
        write_document(folder / dead.endpoint / "endpoint.json", EndpointDocument.of(dead))
        quick = LocalServingBackend(Settings(home=tmp_path / "home"), answers_within=timedelta(seconds=0.2))
        began = time.monotonic()
        seen = Counter(status.state for status in look_at_endpoints(quick, quick.names()))
        took_s = time.monotonic() - began
        began = time.monotonic()
        cut_off = look_at_endpoints(quick, quick.names(), at_once=2, within=timedelta(seconds=0.5))
        cut_off_s = time.monotonic() - began

    assert {EndpointState.READY: 1, EndpointState.FAILED: 1, EndpointState.STARTING: 200} == seen
    assert took_s < 15
    assert 202 == len(cut_off)
    assert cut_off_s < 5
