"""An Airflow that answers what it is told, over real HTTP.

What it says is shaped as a real one says it: `tests/airflow/test_airflow_answers.py` holds both side by side.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
RUN = {"dag_id": "d", "dag_run_id": "r", "state": "queued", "start_date": None, "end_date": None}
"""A run as Airflow describes it, before it began."""


@dataclass
class FakeAirflow:
    """Gives its answers in order, and keeps what it was asked: method, path, body."""

    url: str = ""
    answers: list[tuple[int, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[FakeAirflow]:
    """Serve a fake Airflow; the first question is always the log-in."""
    state = FakeAirflow(answers=[(201, {"access_token": "t"})])

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            state.asked.append((self.command, self.path, json.loads(body) if body else None))
            status, content = state.answers.pop(0)
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the server's names

        def log_message(self, *_arguments: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    thread = threading.Thread(daemon=True, target=server.serve_forever, args=(0.01,))
    thread.start()
    state.url = f"http://{LOOPBACK}:{server.server_port}"
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def task(name: str, state: str, *, map_index: int = -1, start: str | None = "2026") -> dict[str, Any]:
    """Return a task of a run as Airflow describes it."""
    return {
        "task_id": name,
        "map_index": map_index,
        "state": state,
        "duration": 1.0,
        "try_number": 1,
        "start_date": start,
    }


def returned(result: object) -> tuple[int, Any]:
    """Return Airflow's answer to who asks what a task returned: the value itself, a text no further quoted."""
    return 200, {"value": result}


def failure(words: str, *before: str) -> tuple[int, Any]:
    """Return the log of a task that some texts and then an exception of these words end."""
    entries: list[Any] = [{"event": text} for text in before]
    cause = {"exc_type": "OSError", "exc_value": "a cause"}
    return 200, {
        "content": [*entries, {"event": "Task failed", "error_detail": [{"exc_type": "E", "exc_value": words}, cause]}]
    }


def question(run: str, *, state: str = "awaiting_input") -> dict[str, Any]:
    """Return a question as Airflow lists it."""
    task = {"dag_id": "approval", "dag_run_id": run, "task_id": "ask", "map_index": -1, "state": state}
    return {"task_instance": task, "subject": "May it?", "body": "**moved**", "options": ["yes", "no"]}
