"""A cluster that stands in for Spark: it notes what is submitted and makes a baseline, as the real job does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import scene

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.job_results import JobEnd, JobResult, JobResults
from pegel_airflow import services

ROWS = 2_000
REFUSED = 2
"""Exit code of a job that refuses its input."""


@dataclass(frozen=True)
class Submission:
    """How Spark's client was called."""

    master: str
    application: str
    model: str


class Cluster(HTTPServer):
    """Runs one job after the other, in this process: what the job imports is here already."""

    def __init__(self) -> None:
        """Listen on a free port of the loopback address."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.submissions: list[Submission] = []
        self.started: list[str] = []
        """Launchers, in the order of their submissions."""
        self.intervals: list[tuple[str, str]] = []
        """Of the jobs that write results back, or look at archived rows."""
        self.named: list[list[str]] = []
        """Of each job, the models that it is told of by their keys."""
        self.rows = ROWS
        """Rows of the training data of every model."""
        self.left_out: list[str] = []
        """What the job that archives rows says of models that it has left out."""
        self.refusal = ""
        """The sentence with which every job refuses its input; empty: none does."""

    def run(self, arguments: list[str]) -> int:
        """Do what the arguments of a submission ask for; returns its exit code."""
        options = {name: arguments[place + 1] for place, name in enumerate(arguments) if name.startswith("--")}
        application = next(Path(argument).name for argument in arguments if argument.endswith(".py"))
        self.started.append(application)
        told_of = [arguments[place + 1] for place, name in enumerate(arguments) if name == "--model"]
        self.named.append(told_of)
        jobs = services.stores(Settings()).jobs
        finite = {
            "write_back.py": self._write_back,
            "archive.py": self._archive,
            "read_tables.py": self._tables,
            "join_labels.py": self._labels,
        }
        if application in finite:
            return finite[application](options, jobs)
        if application == "archive_checks.py":
            self.intervals.append((options["--since"], options["--until"]))
            told = {"lines": ["delays/1: 300 rows"], "failed": [self.refusal] if self.refusal else []}
            jobs.put(options["--id"], JobResult(state=JobEnd.DONE, result=told), datetime.now(UTC))
            return 0
        spec = MonitorSpec.parse(json.loads(options["--spec"]))
        self.submissions.append(Submission(options["--master"], application, spec.model.name))
        if self.refusal:
            jobs.put(options["--id"], JobResult(state=JobEnd.REFUSED, sentence=self.refusal), datetime.now(UTC))
            return REFUSED
        # What the data are called is all that makes one baseline another here.
        seed = sum(spec.baseline.source.encode())
        changed = "changed" in spec.baseline.source
        baselines = services.stores(Settings()).baselines
        baseline = scene.baseline(spec, np.random.default_rng(seed), self.rows, changed=changed)
        baselines.put(baseline)
        current, recount = baselines.current(spec.model.name, spec.model.version), None
        if current not in {None, baseline.id} and current is not None:
            cells = baselines.get(current).layout
            again = scene.baseline(spec, np.random.default_rng(seed), self.rows, changed=changed, layout=cells)
            recount = {"baseline_id": baselines.put(again), "why_not": "", "since": None, "until": None}
        result = {
            "baseline_id": baseline.id,
            "rows": baseline.rows,
            "features": len(scene.SCHEMA.fields),
            "request_row": scene.REQUEST_ROW,
            "recount": recount,
        }
        jobs.put(options["--id"], JobResult(state=JobEnd.DONE, result=result), datetime.now(UTC))
        return 0

    def _archive(self, options: dict[str, str], jobs: JobResults) -> int:
        self.submissions.append(Submission(options["--master"], "archive.py", options.get("--model", "")))
        if self.refusal:
            jobs.put(options["--id"], JobResult(state=JobEnd.REFUSED, sentence=self.refusal), datetime.now(UTC))
            return REFUSED
        result = {"rows": {"delays/1": 60}, "files": 2, "left_out": self.left_out}
        jobs.put(options["--id"], JobResult(state=JobEnd.DONE, result=result), datetime.now(UTC))
        return 0

    def _tables(self, options: dict[str, str], jobs: JobResults) -> int:
        self.intervals.append((options["--since"], options["--until"]))
        self.submissions.append(Submission(options["--master"], "read_tables.py", options.get("--model", "")))
        if self.refusal:
            jobs.put(options["--id"], JobResult(state=JobEnd.FAILED, sentence=self.refusal), datetime.now(UTC))
            return 1
        result = {"windows": {"scores/1": 3}, "rows": {"scores/1": 1_800}, "failed": {}}
        jobs.put(options["--id"], JobResult(state=JobEnd.DONE, result=result), datetime.now(UTC))
        return 0

    def _labels(self, options: dict[str, str], jobs: JobResults) -> int:
        self.submissions.append(Submission(options["--master"], "join_labels.py", options.get("--model", "")))
        if self.refusal:
            jobs.put(options["--id"], JobResult(state=JobEnd.FAILED, sentence=self.refusal), datetime.now(UTC))
            return 1
        result = {"taken": 1_200, "refused": {"bad_key": 3}, "hours": {"delays/1": 26}, "failed": {}}
        jobs.put(options["--id"], JobResult(state=JobEnd.DONE, result=result), datetime.now(UTC))
        return 0

    def _write_back(self, options: dict[str, str], jobs: JobResults) -> int:
        self.intervals.append((options["--since"], options["--until"]))
        if self.refusal:
            jobs.put(options["--id"], JobResult(state=JobEnd.REFUSED, sentence=self.refusal), datetime.now(UTC))
            return REFUSED
        result = {"rows": {"pegel_windows": 60}, "reports": 0, "left_out": ["a window that cannot be read"]}
        jobs.put(options["--id"], JobResult(state=JobEnd.DONE, result=result), datetime.now(UTC))
        return 0


class _Handler(BaseHTTPRequestHandler):
    server: Cluster

    def do_POST(self) -> None:
        """Take one submission; its client waits until it has ended."""
        code = self.server.run(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(code).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@contextmanager
def running() -> Iterator[Cluster]:
    """Take submissions until the block ends."""
    with Cluster() as cluster:
        thread = threading.Thread(daemon=True, target=cluster.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield cluster
        finally:
            cluster.shutdown()
            thread.join()
