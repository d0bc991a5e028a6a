"""Streaming drivers as processes: started, asked, killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from pegel.reconcile.job_backend import JobDocument
from pegel.store.database import connect
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Restored
from pegel.stream.result_rows import Heartbeat, WindowRow

FINGERPRINT = "f" * 64
WITHIN_S = 240.0


@dataclass
class Drivers:
    """Starts drivers of one group, each in a folder of its own if wished, and leaves none behind."""

    world: Any
    wire: Any
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, generation: int = 1, folder: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a driver."""
        self.folder = folder or self.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        document = JobDocument(
            group="default", fingerprint=FINGERPRINT, kafka=self.wire.address, trigger=timedelta(milliseconds=500)
        )
        told, job = json.dumps(document.to_json(generation)), self.folder / "job.json"
        if not job.exists() or job.read_text() != told:
            job.write_text(told)
        values = self.world.settings.variables()
        with self.log.open("ab") as log:
            driver = subprocess.Popen(
                [sys.executable, "-m", "pegel_spark.jobs.monitor", str(self.folder)],
                env={**os.environ, **values, **self.environment},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(driver)
        return driver

    @property
    def log(self) -> Path:
        """Return the file to which the newest driver writes."""
        return self.folder.with_name(f"{self.folder.name}.log")

    def wait(self, what: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
        """Return the first truthy value of `what`; fail with the log's end when it does not come or the driver ends."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            if value := what():
                return value
            if self.started[-1].poll() is not None:
                break
            time.sleep(0.1)
        return pytest.fail("\n".join(self.log.read_text().splitlines()[-60:]))

    def says(self, words: str) -> bool:
        """Say whether the newest driver's log has these words."""
        return words in self.log.read_text()

    def heartbeat(self, generation: int = 1) -> Heartbeat | None:
        """Return the group's heartbeat of a generation."""
        return next((beat for beat in self.world.results.heartbeats() if beat.generation == generation), None)

    def requests(self, name: str = "delays", *, final: bool = False) -> int:
        """Return how many requests all windows hold."""
        rows: list[WindowRow] = self.world.results.windows(name, 1, final_only=final)
        return sum(row.requests for row in rows)

    def finals(self, requests: int, name: str = "delays") -> list[WindowRow] | None:
        """Return the final windows once they hold so many requests."""
        rows: list[WindowRow] = self.world.results.windows(name, 1, final_only=True)
        return rows if sum(row.requests for row in rows) >= requests else None

    def send(self, first: int, last: int, begin: Any, endpoint: str = "delays-v1", wire: Any = None) -> None:
        """Send pairs with ids from `first` up to `last`, 37 ms apart."""
        rng = np.random.default_rng(first)
        for number in range(first, last):
            (wire or self.wire).pair(f"e{number}", begin + timedelta(milliseconds=37 * number), rng, endpoint)
        (wire or self.wire).producer.flush()

    def kill(self) -> None:
        """Kill the newest driver with everything it started, as a lost machine would."""
        os.killpg(self.started[-1].pid, signal.SIGKILL)
        self.started[-1].wait(10)

    def stored(self) -> Restored:
        """Return what the database holds of the group. Takes the group from the driver."""
        engine = connect(self.world.settings.database)
        store = StreamStore(engine)
        stored = store.restore(store.claim("default", 1_000, self.world.now()))
        engine.dispose()
        return stored

    def accounts(self) -> tuple[int, int]:
        """Return how many records arrived, and what became of them in all."""
        with closing(sqlite3.connect(self.world.settings.home / "pegel.db")) as database:
            arrived = database.execute("SELECT coalesce(sum(records), 0) FROM arrivals").fetchone()[0]
            outcomes = "judged + late + invalid + duplicate + set_aside + probe + elsewhere + notice"
            became = database.execute(f"SELECT coalesce(sum({outcomes}), 0) FROM ledger").fetchone()[0]  # noqa: S608
        return int(arrived), int(became)


def python_workers(driver: int) -> list[int]:
    """Return the processes of Spark's Python daemon and its workers, below a driver."""
    workers = []
    for process in psutil.Process(driver).children(recursive=True):
        with suppress(psutil.Error):  # some end while one looks
            if process.cmdline()[1:3] == ["-m", "pegel_spark.daemon"]:
                workers.append(process.pid)
    return workers
