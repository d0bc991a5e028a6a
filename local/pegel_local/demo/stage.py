"""What the stages share: the system they talk to, and what was measured so far."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import Engine

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.results import Results
from pegel_local.airflow.airflow_api import AirflowApi, Run
from pegel_local.airflow.failed_tasks import LOG_LINES, why_failed
from pegel_local.demo.failure import StageFailed
from pegel_local.demo.platform import Platform, ThisMachine
from pegel_local.machine.paths import Checkout
from pegel_local.processes import process_control
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.supervisor_files import SupervisorFiles
from pegel_local.system.parts import Parts
from pegel_local.system.stack import Stack
from pegel_local.system.stack_file import Part


@dataclass(frozen=True, slots=True)
class Started:
    """A process of a stage, with its output."""

    name: str
    process: ProcessId
    log: Path


@dataclass(kw_only=True)
class Demo:
    """One demonstration. `facts` is what was measured, as plain JSON: the summary and the end-to-end test read it."""

    stack: Stack
    checkout: Checkout
    data: Path
    keep: bool = False
    platform_of: Callable[[Demo], Platform] = field(
        default=lambda demo: ThisMachine(demo.home, demo.settings, demo.engine)
    )
    model_address: Callable[[Path], str] = Path.as_uri
    """How a spec names the folder of a model."""
    target: str = "make demo"
    """The command that gives this demonstration."""
    looks_up: bool = True
    """Whether there is an online store: the one of this machine has no place in a cluster."""
    facts: dict[str, Any] = field(default_factory=dict)
    parts: Parts | None = None
    training: Started | None = None

    @property
    def home(self) -> Path:
        """Return the folder of the demonstration's own system."""
        return self.stack.home.path

    @property
    def settings(self) -> Settings:
        """Return the settings of the system, once it is up."""
        if self.parts is None:
            raise StageFailed(expected="a system that is up", happened="it was not started")
        return self.parts.settings()

    @cached_property
    def spec(self) -> MonitorSpec:
        """Return what is asked for: the committed spec, with the model's folder filled in.

        Where nothing can be looked up, clients state all features, no labels come, and the spec says nothing of both.
        """
        data = yaml.safe_load(files("pegel_local.demo").joinpath("delays.yaml").read_text(encoding="utf-8"))
        data["model"]["uri"] = self.model_address(self.home / "model")
        if not self.looks_up:
            del data["online"], data["labels"]
        return MonitorSpec.parse(data)

    @cached_property
    def api(self) -> AirflowApi:
        """Return a session with Airflow's REST API."""
        addresses = self.stack.file.read()
        known = addresses.addresses if addresses else {}
        return AirflowApi(self.settings.airflow_url, known["user"], known["password"])

    @cached_property
    def engine(self) -> Engine:
        """Return the results database."""
        return connect(self.settings.database)

    @property
    def results(self) -> Results:
        """Return what the watching found."""
        return Results(self.engine)

    @cached_property
    def platform(self) -> Platform:
        """Return where endpoint and driver run."""
        return self.platform_of(self)

    @property
    def driver(self) -> SupervisorFiles:
        """Return the files of the streaming driver."""
        return self.platform.driver(self.spec.group)

    @property
    def server_log(self) -> Path:
        """Return the log of the model server."""
        return self.platform.server_log(self.spec.endpoint)

    def log(self, name: str) -> Path:
        """Return the log of a component."""
        return self.stack.home.log(name)

    def begin(self, name: str, module: str, *arguments: object) -> Started:
        """Start a module of the serving environment; it ends with the system if it is still running then."""
        log = self.log(name)
        log.unlink(missing_ok=True)
        command: list[str | Path] = [self.checkout.python("serving"), "-m", module, *map(str, arguments)]
        process = process_control.start(command, log=log, environment=process_control.scrubbed(os.environ))
        self.stack.file.record(parts={f"demo {name}": Part(process=process, log=str(log))})
        return Started(name, process, log)

    def finish(self, started: Started, *, within_s: float) -> str:
        """Wait for a module and return its last line of output. Raises StageFailed when it fails or takes too long."""
        code = process_control.exit_code(started.process, within_s=within_s)
        if code != 0:
            happened = (
                "it still runs" if code is None else f"exit code {code}: {process_control.last_lines(started.log, 3)}"
            )
            raise StageFailed(expected=f"{started.name} ends within {within_s:g} s", happened=happened, log=started.log)
        return process_control.last_lines(started.log, 1, at_most=1 << 24)

    def follow(self, dag: str, params: dict[str, Any], *, within_s: float) -> Run:
        """Trigger a workflow over the REST API and wait for its success.

        Raises StageFailed with the failed task's log.
        """
        ended = self.api.wait(self.api.trigger(dag, params), within_s=within_s)
        if ended.state != "success":
            happened = why_failed(self.api, ended, log_lines=LOG_LINES)
            raise StageFailed(expected=f"{dag} succeeds", happened=happened, log=self.log("airflow-scheduler"))
        return ended


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its title, and what it does. It returns what was observed, in one line."""

    title: str
    show: Callable[[Demo], str]
