"""A whole system of real parts beside which somebody misbehaves: broker, logger, model server, proxy, and a driver."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import numpy as np
import paint_model
import pandas as pd
import processes
import psutil
import topics
from attempts import Doors
from blueprints import give_tables
from waiting import wait_until

import pegel
from pegel.reconcile.desired import driver_fingerprint
from pegel.reconcile.job_backend import JobDocument
from pegel.reconcile.serving_backend import EndpointState
from pegel.spec import names
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect
from pegel.store.results import Results
from pegel_local.backends.driver_processes import LocalJobBackend
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths
from pegel_local.processes.supervisor_files import SupervisorFiles


@dataclass
class WatchedMemory:
    """The largest memory that each of some processes took together with all below it, in MiB.

    It is Linux's proportional set size: pages that several processes share are divided among them, so that the workers
    a driver forks are not counted as copies of it.
    """

    pids: dict[str, int]
    peaks: dict[str, float] = field(default_factory=dict)
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Look five times a second."""
        self._thread = threading.Thread(daemon=True, target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.2):
            for name, pid in self.pids.items():
                self.peaks[name] = max(_taken_mib(pid), self.peaks.get(name, 0.0))


def _taken_mib(pid: int) -> float:
    """Return the memory of a process and all below it; 0 when it is gone."""
    taken = 0
    with suppress(psutil.Error):
        top = psutil.Process(pid)
        for process in (top, *top.children(recursive=True)):
            with suppress(psutil.Error):  # it has ended
                taken += process.memory_full_info().pss
    return taken / (1 << 20)


@dataclass
class System:
    """What runs, and where."""

    settings: Settings
    spec: MonitorSpec
    broker: Broker
    logger: processes.Service
    tight_proxy: processes.Service
    """Before the same model server as the endpoint's own, with bounds that a few slow readers reach."""
    serving: LocalServingBackend

    @property
    def proxy(self) -> str:
        """Return where clients send to."""
        return str(self.serving.observe(self.spec.endpoint).url)

    @property
    def doors(self) -> Doors:
        """Return where strangers find the doors, and the broker."""
        return Doors(self.proxy, self.tight_proxy.url, self.logger.url, self.broker.address)

    @property
    def pids(self) -> dict[str, int]:
        """Return the processes of the doors, and the driver's once it runs."""
        folders = {
            "proxy": self.settings.home / "endpoints" / self.spec.endpoint / "proxy",
            "driver": self.settings.home / "jobs" / self.spec.group,
        }
        states = {name: SupervisorFiles(folder).state() for name, folder in folders.items()}
        supervised = {name: state.process.pid for name, state in states.items() if state and state.process}
        services = {"logger": self.logger, "tight proxy": self.tight_proxy}
        return supervised | {name: service.process.pid for name, service in services.items()}

    def ended_by_tight_proxy(self) -> dict[str, int]:
        """Stop the tight proxy and return how many connections it ended, by reason."""
        assert self.tight_proxy.end() == 0
        lines = [json.loads(line) for line in self.tight_proxy.log.read_text().splitlines()]
        (ended,) = [line["ended"] for line in lines if line["event"] == "connections ended by the door"]
        return dict(ended)

    def serves(self) -> bool:
        """Say whether the model answers that it is ready."""
        return self.serving.observe(self.spec.endpoint).state is EndpointState.READY

    def records(self) -> list[topics.Record]:
        """Return everything on the topic of logged events."""
        return topics.consume(self.broker.address, names.inference_topic("default"), within_s=60.0)

    def counted(self, metric: str) -> int:
        """Return a counter of the logger for the honest endpoint."""
        return round(processes.metric(self.logger.url, f"pegel_logger_{metric}_total", endpoint=self.spec.endpoint))

    def settled(self) -> bool:
        """Wait until nothing waits in the logger."""
        return wait_until(lambda: processes.readiness(self.logger.url)["waiting_events"] == 0, within_s=60.0)


@contextmanager
def running(folder: Path) -> Iterator[System]:
    """Start everything but the driver below a folder, and end all of it."""
    model = folder / "model"
    model.mkdir()
    paint_model.write_paint_model(model)
    checkout = paths.checkout()
    with Broker(folder / "broker", checkout.jars("broker")) as broker:
        topics.create_topics(broker.address, "default")
        home = folder / "home"
        flat = ("--kafka", broker.address, "--spool", str(folder / "spool"), "--names", str(home / "endpoints"))
        logger = processes.start("pegel_serving.logger", *flat, log=folder / "logger.log")
        settings = Settings(
            home=home,
            kafka=broker.address,
            logger_url=f"{logger.url}/",
            serving_python=checkout.python("serving"),
            spark_python=checkout.python("spark"),
        )
        spec = MonitorSpec.parse(
            {
                "model": {"name": "paint", "version": 1, "uri": model.as_uri()},
                "baseline": {"source": "local://paint?version=1&split=train"},
                "windowing": {"length": 10, "lateness": 20},
            }
        )
        serving = LocalServingBackend(settings)
        try:
            serving.apply(spec)
            with ExitStack() as stack:
                tight = _tight_proxy(folder, settings, spec)
                stack.callback(tight.kill)
                system = System(settings, spec, broker, logger, tight, serving)
                assert wait_until(system.serves, within_s=120.0), serving.observe(spec.endpoint).detail
                yield system
        finally:
            serving.delete(spec.endpoint)
            logger.kill()


def server_port(settings: Settings, spec: MonitorSpec) -> int:
    """Return the port of the model server itself, past its proxy."""
    document = json.loads((settings.home / "endpoints" / spec.endpoint / "endpoint.json").read_text())
    return int(document["server_port"])


def _tight_proxy(folder: Path, settings: Settings, spec: MonitorSpec) -> processes.Service:
    options = {
        "--upstream": f"http://127.0.0.1:{server_port(settings, spec)}",
        "--logger": settings.logger_url,
        "--name": spec.endpoint,
        "--held-mib": "3",
        "--write-within": "8",
    }
    flat = [text for pair in options.items() for text in pair]
    return processes.start("pegel_serving.proxy", *flat, log=folder / "tight_proxy.log")


@contextmanager
def watched(system: System) -> Iterator[Results]:
    """Let a driver watch the honest model, and end it."""
    engine = connect(system.settings.database)
    give_tables(engine)
    rng = np.random.default_rng(7)
    rows = pd.DataFrame(
        {
            "colour": rng.choice(["red", "blue"], 3000),
            "size": rng.uniform(0, 40, 3000),
            "weight": rng.uniform(0, 1600, 3000),
        }
    )
    rows["price"] = 2 * rows["size"] + 3 * rows["weight"] + 10 * (rows["colour"] == "red")
    baselines = BaselineStore(engine)
    baseline = pegel.profile(rows, predictions=["price"], name="paint")
    baselines.register(system.spec, baselines.put(baseline), by="tests", now=datetime.now(UTC))
    jobs = LocalJobBackend(system.settings)
    group, results = system.spec.group, Results(engine)
    jobs.ensure(JobDocument(group=group, fingerprint=driver_fingerprint(), kafka=system.broker.address), 1)
    try:
        assert wait_until(lambda: bool(results.heartbeats()), within_s=180.0)
        yield results
    finally:
        jobs.stop(group, grace=timedelta(seconds=10))
        engine.dispose()
