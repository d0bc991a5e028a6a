"""`pegel validate` asks what runs at `model.url`, where a system is up: what cannot be watched is one sentence."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from speaking_servers import restarted_server

from pegel.cli.main import main
from pegel.data.columns import Field, Kind, Schema
from pegel.data.running_server import problem_of_server
from pegel.errors import InvalidSpec
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import SETTINGS_FILE, Settings

pytestmark = pytest.mark.environments("pyarrow")

READY_V1, READY_V2, MODEL_V2 = "/v1/models/tickets-v1", "/v2/health/ready", "/v2/models/tickets-v1"


@dataclass(frozen=True)
class Said:
    """What is answered to one path."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answers = Mapping[str, Said]
PAGE = Said(b"<html>", headers={"Content-Type": "text/html"})


@contextmanager
def running(answers: Answers, otherwise: Said, certificate: Path | None) -> Iterator[int]:
    """Answer these paths so, and all others otherwise; the port."""

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = answers.get(self.path, otherwise)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of who hangs up."""

    with Quiet(("127.0.0.1", 0), Server) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(daemon=True, target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


Serve = Callable[..., int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that give these answers, and 404 or `otherwise` to all other paths; the port of each."""
    with ExitStack() as opened:

        def begin(answers: Answers, otherwise: Said = Said(b"", 404), certificate: Path | None = None) -> int:
            return opened.enter_context(running(answers, otherwise, certificate))

        yield begin


def spec(url: str, protocol: str = "v1", **model: Any) -> MonitorSpec:
    """Return a spec of a server that runs already."""
    fields = {"name": "tickets", "url": url, "protocol": protocol} | model
    return MonitorSpec.parse({"model": fields, "baseline": {"source": "local://tickets?version=1&split=train"}})


def problem(url: str, protocol: str = "v1", **settings: Any) -> str:
    """Return what is said of a server, without its common beginning, of which is sure that it is there."""
    wish = spec(url, protocol)
    told = problem_of_server(wish.model, wish.served_name, Settings(**settings))
    if not told:
        return ""
    beginning = f"model.url: given {url!r}: expected a server of protocol {protocol} with the model tickets-v1; "
    assert told.startswith(beginning)
    return told.removeprefix(beginning)


V1 = {READY_V1: Said(b'{"model_version_status": []}')}
V2 = {READY_V2: Said(b""), MODEL_V2: Said(b'{"inputs": []}')}


@pytest.mark.parametrize(
    ("protocol", "answers"),
    [
        ("v1", V1),
        ("v1", {READY_V1: Said(b'{"ready": false}')}),
        ("v1", {READY_V1: Said(b"", 503)}),
        ("v2", V2),
        ("v2", {READY_V2: Said(b"")}),
        ("v2", {READY_V2: Said(b""), MODEL_V2: Said(b'{"detail": "Not Found"}', 404)}),
        ("v2", {READY_V2: Said(b"starting", 503)}),
        *(("v1", {READY_V1: Said(b"", status)}) for status in (408, 425, 429)),
        ("v2", {READY_V2: Said(b""), MODEL_V2: Said(b'{"error": "too many requests"}', 429)}),
    ],
)
def test_a_model_server_has_no_problem(serve: Serve, protocol: str, answers: Answers) -> None:
    """Ready or not yet, with its model described or not, in the words of other servers."""
    assert "" == problem(f"http://127.0.0.1:{serve(answers)}", protocol)


@pytest.mark.parametrize(
    ("protocol", "answers", "otherwise", "said"),
    [
        ("v1", {}, Said(b"", 404), f"GET {READY_V1} answers 404"),
        ("v1", {}, PAGE, f"GET {READY_V1} answers 200 without a JSON object"),
        ("v2", {}, PAGE, f"GET {MODEL_V2} answers 200 without a JSON object"),
        ("v1", {}, Said(b'{"error": "no\\nsuch\\u001b[31m"}', 400), f"GET {READY_V1} answers 400: no such\\x1b[31m"),
        ("v1", V2, Said(b"", 404), f"GET {READY_V1} answers 404; by v2 it is ready: did you mean `protocol: v2`?"),
        ("v2", V1, Said(b"", 404), f"GET {READY_V2} answers 404; by v1 it is ready: did you mean `protocol: v1`?"),
        (
            "v2",
            {READY_V2: Said(b""), MODEL_V2: Said(b'{"error": "Model tickets-v1 not found."}', 404)},
            Said(b"", 404),
            f"GET {MODEL_V2} answers 404: Model tickets-v1 not found",
        ),
        (
            "v1",
            {},
            Said(b"", 401),
            f"GET {READY_V1} answers 401: it asks for credentials, and nobody here has any",
        ),
        (
            "v1",
            {},
            Said(b"", 302, {"Location": "https://models.example.org/"}),
            f"GET {READY_V1} answers 302 and leads to https://models.example.org/: state the server itself",
        ),
    ],
)
def test_what_answers_and_is_no_such_server_is_told(
    serve: Serve, protocol: str, answers: Answers, otherwise: Said, said: str
) -> None:
    """Which question it answered how, its own sentence, and the protocol that was meant."""
    assert said == problem(f"http://127.0.0.1:{serve(answers, otherwise)}", protocol)


def test_nobody_there_is_told(serve: Serve) -> None:
    """A port that nobody listens on, a host that is not known."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]

    assert "nobody listens there" == problem(f"http://127.0.0.1:{free}")
    assert "no host is known by that name" == problem("http://nobody.invalid").partition(" (")[0]


def test_a_certificate_that_cannot_be_verified_is_told(serve: Serve, tmp_path: Path) -> None:
    """A server behind TLS is trusted as the machine trusts it, so one of a certificate of its own is not."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    subprocess.run([openssl, *command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    key.write_bytes(key.read_bytes() + certificate.read_bytes())
    port = serve(V1, certificate=key)

    assert "its certificate cannot be verified (self-signed certificate)" == problem(f"https://127.0.0.1:{port}")
    assert "no TLS can be agreed on with it" == problem(f"https://127.0.0.1:{serve(V1)}").partition(" (")[0]


def test_a_proxy_of_ours_is_no_model_server(serve: Serve) -> None:
    """By what it says in `Via` the proxy of any endpoint is known, also behind another one."""
    via = {"Via": "1.1 edge, 1.1 pegel-default.loans-v1"}
    port = serve({READY_V1: Said(headers=via)})
    said = "that is our own proxy of default.loans-v1, and its requests would be logged twice or go in circles"

    assert said == problem(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("setting", "address", "url", "name"),
    [
        ("airflow_url", "http://localhost:{}", "http://127.0.0.1:{}", "Airflow"),
        ("airflow_url", "http://127.0.0.1:{}/", "http://[::1]:{}/some/model", "Airflow"),
        ("airflow_url", "http://Airflow.invalid:{}/", "http://airflow.invalid.:{}/x", "Airflow"),
        ("logger_url", "http://127.0.0.1:{}/", "http://LOCALHOST:{}", "the inference logger"),
        ("page_url", "http://127.0.0.1:{}/pegel", "http://127.0.0.1:{}/pegel", "the monitoring page"),
        ("page_url", "http://127.0.0.1:{}/pegel/", "http://127.0.0.1:{}/pegel/models", "the monitoring page"),
        ("kafka", "127.0.0.1:1,127.0.0.1:{}", "http://127.0.0.1:{}", "the broker"),
        ("smtp", "127.0.0.1:{}", "http://127.0.0.1:{}", "the mail server"),
    ],
)
def test_parts_of_our_own_system_are_told_by_name(
    serve: Serve, setting: str, address: str, url: str, name: str
) -> None:
    """By host, port and what the path begins with, however this machine is written, and only where settings say so."""
    port = serve(V1)

    assert f"that is the address of {name}" == problem(url.format(port), **{setting: address.format(port)})
    assert "" == problem(f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("path", ["", "/airflow2", "/models"])
def test_beside_a_part_of_our_own_there_may_be_a_model_server(serve: Serve, path: str) -> None:
    """Behind one address are many servers: what has another path is asked like any other."""
    port = serve({f"{path}{READY_V1}": Said()})

    assert "" == problem(f"http://127.0.0.1:{port}{path}", airflow_url=f"http://localhost:{port}/airflow")


def test_a_server_that_is_restarted_is_asked_again() -> None:
    """A connection that ends without an answer is no reason to refuse a server, where there is patience with it."""
    with restarted_server() as address:
        wish = spec(address)
        patience = timedelta(seconds=60)
        said = problem_of_server(wish.model, wish.served_name, Settings(), patience=patience)

    assert "" == said


def test_another_platforms_network_is_not_here() -> None:
    """Where another platform serves, its servers are not asked from this machine."""
    assert "" == problem("http://nobody.invalid", serving_backend="elsewhere:Backend")


@pytest.mark.parametrize("path", ["/../x", "/a/..", "/a/%2e%2e/b", "/a/./b", "//a", "/a//b", "/..;x/b"])
def test_a_path_that_servers_read_differently_is_refused(path: str) -> None:
    """Empty steps, `.` and `..`, escaped or not, are no part of a base address."""
    with pytest.raises(InvalidSpec, match=r"has an empty step, `\.` or `\.\.` in its path"):
        spec(f"http://a.org{path}")


@pytest.fixture
def validated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[dict[str, Any]], list[str]]:
    """Validate a spec whose training data is registered where a system is up; the problems."""
    home = tmp_path / "home"
    home.mkdir()
    (home / SETTINGS_FILE).write_text("{}", encoding="utf-8")
    parquet.write_table(pa.table({"length": [1.0]}), tmp_path / "train.parquet")
    schema = Schema((Field("length", Kind.NUMERIC),))
    LocalFeatureStore(home / "features").register_training_data("tickets", 1, tmp_path / "train.parquet", schema)

    def validate(wish: dict[str, Any]) -> list[str]:
        (tmp_path / "spec.json").write_text(json.dumps(wish), encoding="utf-8")
        with pytest.raises(SystemExit):
            main(["validate", str(tmp_path / "spec.json"), "--home", str(home)])
        return capsys.readouterr().err.splitlines()

    return validate


def test_all_problems_are_told_at_once(validated: Callable[[dict[str, Any]], list[str]], serve: Serve) -> None:
    """The server's problem stands beside those of the data, a line each."""
    wish = spec(f"http://127.0.0.1:{serve({})}").to_json() | {"watch": {"features": ["lenght"]}}
    server, misspelt = validated(wish)

    assert server.endswith(f"GET {READY_V1} answers 404")
    assert misspelt.endswith("did you mean `length`?")


@pytest.mark.parametrize(("wrong", "asked"), [({"namspace": "shop"}, True), ({"model": {"name": "Tickets!"}}, False)])
def test_of_a_wrong_spec_a_server_is_asked_where_its_model_has_a_name(
    validated: Callable[[dict[str, Any]], list[str]], serve: Serve, wrong: dict[str, Any], asked: bool
) -> None:
    """Another mistake hides no server's problem; but of a model whose name is wrong nothing is asked."""
    wish = spec(f"http://127.0.0.1:{serve({})}").to_json()
    problems = validated(wish | wrong | {"model": wish["model"] | wrong.get("model", {})})

    assert asked is any(problem.endswith(f"GET {READY_V1} answers 404") for problem in problems)
