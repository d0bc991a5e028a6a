"""A model server that stands in for a real one: it answers, and logs both events to Kafka as agent and logger do."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kafka import KafkaProducer

OK = 200


class Model(ThreadingHTTPServer):
    """Answers every POST with `answer`, and logs to `topic` unless it is muted."""

    def __init__(self, kafka: str, topic: str) -> None:
        """Listen on a free port of the loopback address."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.producer = KafkaProducer(bootstrap_servers=kafka)
        self.topic = topic
        self.status = 200
        self.first: list[int] = []
        """Statuses of the first answers, while the model warms up; then `status`."""
        self.error = "unknown category WN"
        """What it says with every status but 200."""
        self.muted: set[str] = set()
        self.lists_only = False
        """Whether it refuses rows by name, as servers of matrices do."""
        self.endpoint = ""
        """Where one is named, its events say so and have an identity of its logger's own."""
        self.inputs: list[str] = []
        """What its metadata lists; without any it has none."""
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.tokens: list[str | None] = []
        """What each request carried as the secret of a probe."""

    @property
    def address(self) -> str:
        """Return the base address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def log(self, identity: str, kind: str, body: bytes) -> None:
        """Put one event on the topic."""
        if kind in self.muted:
            return
        headers = [("ce_id", identity.encode()), ("ce_type", f"org.kubeflow.serving.inference.{kind}".encode())]
        headers += [("ce_inferenceservicename", self.endpoint.encode())]
        self.producer.send(self.topic, value=body, key=identity.encode(), headers=headers)
        self.producer.flush()


class _Handler(BaseHTTPRequestHandler):
    server: Model

    def do_GET(self) -> None:
        """Say what the model takes."""
        metadata = json.dumps({"inputs": [{"name": name} for name in self.server.inputs]}).encode()
        self.send_response(OK if self.server.inputs else 404)
        self.send_header("Content-Length", str(len(metadata)))
        self.end_headers()
        self.wfile.write(metadata)

    def do_POST(self) -> None:
        """Take one request, log it, answer it, log the answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        self.server.tokens.append(self.headers["Pegel-Probe"])
        identity = str(uuid.uuid4()) if self.server.endpoint else self.headers["Ce-Id"]
        self.server.log(identity, "request", body)
        by_name = isinstance(json.loads(body)["instances"][0], dict)
        usual = 400 if self.server.lists_only and by_name else self.server.status
        status = self.server.first.pop(0) if self.server.first else usual
        answer = b'{"predictions": [1.0]}' if status == OK else json.dumps({"error": self.server.error}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        self.server.log(identity, "response", answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@contextmanager
def served(kafka: str, topic: str) -> Iterator[Model]:
    """Serve a model until the block ends."""
    with Model(kafka, topic) as model:
        thread = threading.Thread(daemon=True, target=model.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield model
        finally:
            model.shutdown()
            thread.join()
            model.producer.close()
