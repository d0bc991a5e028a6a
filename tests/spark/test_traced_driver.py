"""One trace holds the whole way of one prediction: proxy, logger, broker, driver and window, all real."""

from __future__ import annotations

import json
import select
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from stream_drivers import Drivers

from pegel.testing import TraceReceiver
from pegel.testing.samples import brief_spec
from pegel_local.machine.paths import checkout
from pegel_spark.driver import Exit

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
TRACE, CLIENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
Start = Callable[..., str]


class Model(BaseHTTPRequestHandler):
    """A model server that knows one answer."""

    def do_POST(self) -> None:
        """Answer a prediction."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"predictions": [4.5]}')

    def log_message(self, *_about: object) -> None:
        """Say nothing."""


@pytest.fixture
def model() -> Iterator[str]:
    """The address of a model server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Start]:
    """Start processes of the serving environment; all of them are ended after the test."""
    with ExitStack() as stack:

        def start(module: str, *options: str) -> str:
            errors = stack.enter_context((tmp_path / f"{module}.log").open("wb"))
            process = stack.enter_context(
                subprocess.Popen(
                    [checkout().python("serving"), "-m", module, *options], stdout=subprocess.PIPE, stderr=errors
                )
            )
            stack.callback(process.terminate)
            assert process.stdout is not None
            select.select([process.stdout], [], [], 120)
            ready: dict[str, str] = json.loads(process.stdout.readline())
            return ready["url"]

        yield start


def test_one_trace_holds_the_whole_way(
    drivers: Drivers, serving: Start, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each span is a child of the one that caused it: client, proxy, logger, batch, window; others have none."""
    world, wire = drivers.world, drivers.wire
    with TraceReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        world.watch(brief_spec(namespace=wire.namespace))
        logger = serving("pegel_serving.logger", "--kafka", wire.address, "--spool", str(tmp_path / "spool"))
        options = ("--upstream", model, "--logger", logger, "--name", "delays-v1", "--namespace", wire.namespace)
        proxy = serving("pegel_serving.proxy", *options)
        driver = drivers.start()
        drivers.wait(lambda: drivers.says("running"))
        for sampled in ("00", "01"):
            ask(f"{proxy}/v1/models/delays-v1:predict", f"00-{TRACE}-{CLIENT}-{sampled}")
        drivers.wait(lambda: drivers.finals(2))
        drivers.wait(lambda: len(receiver.spans) == 10)
        driver.send_signal(signal.SIGTERM)
        code = driver.wait(90)
        spans = receiver.spans
    ids = {span.id: span for span in spans}

    assert Exit.STOPPED == code
    assert {TRACE} == {span.trace for span in spans}

    def way(span_id: str) -> list[str]:
        span = ids.get(span_id)
        return [*way(span.parent), span.name] if span else [span_id]

    logged = [[CLIENT, "predict", f"log {kind}"] for kind in ("request", "response")]
    assert sorted(
        [
            [CLIENT, "predict"],
            [CLIENT, "predict", "model server"],
            *logged,
            *([*above, "batch"] for above in logged),
            *([*above, "batch", last] for above in logged for last in ("count", "window")),
        ]
    ) == sorted(way(span.id) for span in spans)
    finals = world.results.windows("delays", 1, final_only=True)
    assert {(row.span.start.isoformat(), row.span.end.isoformat()) for row in finals} >= {
        (span.attributes["pegel.window.start"], span.attributes["pegel.window.end"])
        for span in spans
        if span.name == "window"
    }


def ask(address: str, traceparent: str) -> None:
    """Ask for a prediction as a client that is traced would."""
    headers = {"traceparent": traceparent, "content-type": "application/json"}
    body = json.dumps({"instances": [[400.0, "AA", 40.0]]}).encode()
    to = urlsplit(address)
    with closing(HTTPConnection(to.netloc, timeout=60)) as connection:
        connection.request("POST", to.path, body, headers)
        assert connection.getresponse().read()
