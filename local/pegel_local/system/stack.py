"""The whole local system: up in the order of its dependencies, down to the last process it started."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pegel.errors import Conflict, PegelError, SetupError, Unavailable
from pegel.notebook.naming import place, reason
from pegel.spec.limits import SERVICE_GRACE, STOP_GRACE
from pegel.spec.outside_text import shown
from pegel.store.database import connect, migrate
from pegel_local.backends.driver_processes import forget_scratch
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.machine import ports
from pegel_local.machine.interrupts import undisturbed
from pegel_local.machine.paths import Checkout, Home
from pegel_local.processes import process_control
from pegel_local.processes.private_files import private_folder, private_umask, write_json
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.service import Service
from pegel_local.processes.supervised_process import SupervisedProcess
from pegel_local.system.parts import PURPOSES, Parts
from pegel_local.system.stack_file import Part, StackFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

AIRFLOW_GRACE_S = STOP_GRACE.total_seconds()
"""A task that is being carried out may itself wait for a driver to stop."""

SUPERVISED = ("jobs/*", "workers/*", "endpoints/*/*", "pods/*/*/*")
"""Folders below a home in which commands run under supervisors: drivers, attribution workers, parts of endpoints,
containers of a player."""


@dataclass(frozen=True, slots=True)
class Step:
    """One component that works now, and how long that took since the start of all of them.

    `trouble` says why it does not work, for a component that the system can do without.
    """

    name: str
    seconds: float
    trouble: str = ""


_BESIDE_AIRFLOW: Mapping[str, Callable[[Parts], tuple[Path, Callable[[], ProcessId]]]] = {
    "broker": lambda parts: (parts.broker().log, parts.broker().launch),
    "logger": lambda parts: (parts.logger().log, parts.logger().launch),
    "mail": lambda parts: (parts.mail().log, parts.mail().launch),
}
"""The log of each part that can be started while Airflow runs, and what starts it."""


def ignore(_step: Step) -> None:
    """Say nothing about a step."""


class Stack:
    """One local system in one home."""

    purposes: tuple[str, ...] = PURPOSES
    """What ports are chosen for."""

    def __init__(self, home: Path, checkout: Checkout, *, wanted_ports: dict[str, int] | None = None) -> None:
        """Name the home. `wanted_ports` may fix some of `pegel_local.system.parts.PURPOSES`; the rest are free ones."""
        self.home = Home(home.resolve())
        self.file = StackFile(self.home)
        self._checkout = checkout
        self._wanted = wanted_ports or {}
        self.ports_before: dict[str, int] = {}
        """Once it was told to start: the ports that it had before."""
        self._called_off = threading.Event()
        self._gate = threading.Lock()

    def up(self, report: Callable[[Step], None] = ignore) -> Parts:
        """Start what does not run yet and wait until all of it works.

        An interrupt (Ctrl-C) or a failure is passed on after everything that runs here has been stopped. Raises
        SetupError when the machine lacks something, Unavailable when a component does not come up, Conflict when
        another process is starting or stopping the same home.
        """
        with self._alone():
            try:
                parts = self._describe()
                self._start_all(parts, report)
                self._resume_endpoints(parts, report)
            except BaseException:
                # An interrupt as well: whatever runs by now is stopped before anybody hears of it.
                with undisturbed():
                    self._down()
                raise
            return parts

    def start_again(self) -> list[str]:
        """Start those of broker, logger and mail box that have ended while the system is up, and return their names.

        Waits for none of them: whoever calls looks again later. Airflow, which is to call this, is not started. Raises
        SetupError and Unavailable as `up` does, Conflict when another process is starting or stopping the same home.
        """
        with self._alone():
            state = self.file.read()
            parts = Parts(self.home, self._checkout, ports.known(self.home.path / "ports.json"))
            again = [name for name in _BESIDE_AIRFLOW if state is not None and name in state.ended]
            for name in again:
                self._begin(name, *_BESIDE_AIRFLOW[name](parts))
        return again

    def down(self) -> bool:
        """Stop everything that was started from this home, and nothing else; data stay. Return whether anything ran.

        Raises Conflict when another process is starting or stopping the same home.
        """
        if not self.home.path.exists():
            return False
        with self._alone(), undisturbed():
            return self._down()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                private_folder(self.home.path)
                held.enter_context(private_umask())
                held.enter_context(FileLock(self.home.path / "up.lock", timeout=0))
                # Beside the lock, which is emptied by whoever tries it.
                self._holder.write_text(str(os.getpid()), encoding="utf-8")
            except Timeout as error:
                raise Conflict(
                    f"another process{self._named_holder()} is starting or stopping the system in {self.home.path}; "
                    f"nothing was done. Interrupt it, or try again when it is done."
                ) from error
            except OSError as error:
                raise SetupError(
                    f"expected a home to write to, given {place(self.home.path)}: {reason(error)}. Nothing was "
                    f"started or stopped. Name another one with --home."
                ) from error
            yield

    @property
    def _holder(self) -> Path:
        return self.home.path / "up.pid"

    def _named_holder(self) -> str:
        """Return who holds the home and since when, in brackets; "" where that cannot be read."""
        try:
            since = datetime.fromtimestamp(self._holder.stat().st_mtime, UTC)
            return f" (pid {shown(self._holder.read_text(encoding='utf-8'))}, since {since:%H:%M:%S} UTC)"
        except (OSError, UnicodeError):
            return ""

    def _describe(self) -> Parts:
        """Settle the ports, once: a system that is up keeps its own."""
        file = self.home.path / "ports.json"
        state = self.file.read()
        up = state is not None and state.is_up
        self.ports_before = ports.known(file)
        chosen = self.ports_before if up else ports.settle(file, self.purposes, self._wanted)
        parts = self._parts(chosen)
        self.file.record(addresses=parts.addresses())
        write_json(self.home.settings, parts.settings().said())
        return parts

    def _parts(self, chosen: dict[str, int]) -> Parts:
        """Return the parts of this system on the ports that were chosen."""
        return Parts(self.home, self._checkout, chosen)

    def _further_work(self, parts: Parts) -> dict[str, Callable[[], None]]:  # noqa: ARG002 - for those that have some
        """Return what else is to be started, beside the parts that every system has."""
        return {}

    def _start_all(self, parts: Parts, report: Callable[[Step], None]) -> None:
        began = time.monotonic()
        work: dict[str, Callable[[], None]] = {
            "broker": lambda: self._start_broker(parts),
            "logger": lambda: self._start(parts.logger()),
            "mail": lambda: self._start(parts.mail()),
            "results database": lambda: _migrate(parts),
            "Airflow": lambda: self._start_airflow(parts),
            **self._further_work(parts),
        }

        def timed(name: str) -> None:
            work[name]()
            report(Step(name, time.monotonic() - began))

        with ThreadPoolExecutor(max_workers=len(work)) as pool:
            try:
                _all(pool.submit(timed, name) for name in work)
            except BaseException:
                # Threads that still wait see their process end, and give up.
                self._call_off()
                raise

    def _resume_endpoints(self, parts: Parts, report: Callable[[Step], None]) -> None:
        """Start the endpoints that served before. One that cannot be started is said, and left to reconciling."""
        serving = LocalServingBackend(parts.settings())
        for endpoint in serving.names():
            began = time.monotonic()
            try:
                serving.resume(endpoint)
            except PegelError as error:
                report(Step(f"endpoint {endpoint}", time.monotonic() - began, trouble=str(error)))

    def _start(self, service: Service) -> None:
        service.wait(self._begin(service.name, service.log, service.launch))

    def _start_broker(self, parts: Parts) -> None:
        broker = parts.broker()
        self._begin("broker", broker.log, broker.launch)
        broker.wait()

    def _start_airflow(self, parts: Parts) -> None:
        airflow = parts.airflow()
        airflow.finish_migration(self._begin("airflow migrate", airflow.migration_log, airflow.begin_migration))
        services = airflow.services()
        started = [self._begin(service.name, service.log, service.launch) for service in services]
        for service, process in zip(services, started, strict=True):
            service.wait(process)

    def _begin(self, name: str, log: Path, launch: Callable[[], ProcessId]) -> ProcessId:
        """Start a part and record it in one step that no interrupt can fall into; a part that lives is left alone."""
        with self._gate:
            if self._called_off.is_set():
                raise Conflict(f"{name} was not started: the start was called off.")
            state = self.file.read()
            known = state.parts.get(name) if state else None
            if known is not None and known.process.alive:
                return known.process
            process = launch()
            try:
                self.file.record(parts={name: Part(process=process, log=str(log))})
            except OSError as error:
                # What is not written down would never be stopped.
                process_control.kill_all([process])
                raise Unavailable(f"{name} was not started, its record could not be written: {error}.") from error
            return process

    def _call_off(self) -> None:
        with self._gate:
            self._called_off.set()
        state = self.file.read()
        process_control.kill_all([part.process for part in state.parts.values()] if state else [])

    def _down(self) -> bool:
        """Airflow ends first, lest it starts again what is stopped after it.

        What will not end is named after everything else was stopped. Raises Unavailable.
        """
        state = self.file.read()
        parts = state.parts if state else {}
        airflow = [part.process for name, part in parts.items() if name.startswith("airflow")]
        others = [part.process for name, part in parts.items() if not name.startswith("airflow")]
        ran = process_control.end_all(airflow, grace_s=AIRFLOW_GRACE_S)
        supervised, left = self._stop_supervised()
        ran = process_control.end_all(others, grace_s=SERVICE_GRACE.total_seconds()) or ran
        # What batch jobs wrote for a while; they ended with the tasks that waited for them.
        shutil.rmtree(self.home.path / "spark", ignore_errors=True)
        self.home.settings.unlink(missing_ok=True)
        self.file.forget()
        if left:
            raise Unavailable("not everything could be stopped:\n" + "\n".join(left))
        return ran or supervised

    def _stop_supervised(self) -> tuple[bool, list[str]]:
        """Stop streaming drivers, proxies and model servers, all at once. Their folders stay.

        Return whether any ran, and what to say of those that would not end.
        """
        home = self.home.path
        locks = [path for places in SUPERVISED for path in home.glob(f"{places}/lock")]
        running = [
            supervised for supervised in (SupervisedProcess(path.parent) for path in locks) if supervised.files.running
        ]
        with ThreadPoolExecutor(max_workers=max(1, len(running))) as pool:
            stops = [pool.submit(each.stop, grace_s=STOP_GRACE.total_seconds()) for each in running]
        for each in running:
            forget_scratch(each.folder)
        failures = (stop.exception() for stop in stops)
        return bool(running), [f"{type(failure).__name__}: {failure}" for failure in failures if failure is not None]


def _all(futures: Iterable[Future[None]]) -> None:
    """Wait for all; the first failure is passed on as soon as it is seen."""
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()


def _migrate(parts: Parts) -> None:
    engine = connect(parts.settings().database)
    try:
        migrate(engine)
    finally:
        engine.dispose()
