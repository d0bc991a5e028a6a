"""A real Apache Kafka broker (KRaft) in its own JVM, on the loopback address: a cluster of one node, or a further one.

Its data survives a stop and a kill. A folder belongs to one broker at a time.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pegel.errors import SetupError, Unavailable
from pegel_local.kafka.broker_config import JVM, LOGGING, PROPERTIES
from pegel_local.kafka.broker_probe import broker_takes_records
from pegel_local.machine import ports
from pegel_local.machine.find_java import find_java
from pegel_local.processes import process_control
from pegel_local.processes.private_files import private_folder, private_umask, write_json
from pegel_local.processes.process_id import ProcessId

FORMAT_WITHIN_S = 240
"""For a JVM to start and write some files: a second or two, and a hundred times that where the machine has no time."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The two ports a broker listens on; kept in its folder, because clients were told them."""

    port: int
    controller: int


class Broker:
    """One broker in one folder. As a context manager it is started on entry and stopped on exit.

    `jars` is the folder of the broker's Java archives. `port` is remembered from the first start on; None chooses a
    free one then. `joins` is a broker that runs and stays the controller of both; None: this one is its own. `node`:
    its number in their cluster.
    """

    def __init__(self, folder: Path, jars: Path, *, port: int | None = None, joins: Broker | None = None) -> None:
        """Name the folder; nothing is started or written yet."""
        self.node: int = 1 if joins is None else joins.node + 1
        self._joins = joins
        self.folder = folder
        self.log = folder / "server.log"
        self._jars = jars
        self._wanted_port = port
        self._process: ProcessId | None = None

    @property
    def address(self) -> str:
        """Return `host:port` for clients. Known after the first start."""
        return f"{ports.LOOPBACK}:{self._addresses().port}"

    @property
    def controller_port(self) -> int:
        """Return the port at which its controller listens. Known after the first start."""
        return self._addresses().controller

    @property
    def cluster_id(self) -> str:
        """Return the id of its cluster. Known after the first start."""
        lines = (self.folder / "data" / "meta.properties").read_text(encoding="utf-8").splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("cluster.id="))

    @property
    def process(self) -> ProcessId | None:
        """Return the broker's process, also one that an earlier caller started; None when none runs."""
        if self._process is None:
            self._process = _read_process(self.folder / "process.json")
        return self._process if self._process is not None and self._process.alive else None

    def start(self, timeout_s: float = 60.0) -> None:
        """Start the broker and wait until it takes records; a running one is left alone.

        Raises SetupError (see `launch`) and Unavailable (see `wait`).
        """
        self.launch()
        self.wait(timeout_s)

    def launch(self) -> ProcessId:
        """Start the broker and return at once. Raises SetupError: Java or archives missing, a port taken."""
        if self.process is not None:
            return self.process
        java = find_java()
        if not any(self._jars.glob("kafka_*.jar")):
            raise SetupError(f"no broker jars in {self._jars}. Run `make setup`.")
        with private_umask():
            shutil.rmtree(self._scratch, ignore_errors=True)
            private_folder(self._scratch)
            self._prepare(java)
        addresses = self._addresses()
        ports.require_free(addresses.port, "Kafka broker")
        if self._joins is None:
            ports.require_free(addresses.controller, "Kafka controller")
        self._process = process_control.start(
            [*self._java(java), "kafka.Kafka", self.folder / "server.properties"],
            log=self.folder / "console.log",
            environment=process_control.scrubbed(os.environ),
        )
        write_json(self.folder / "process.json", self._process.to_json())
        return self._process

    def wait(self, timeout_s: float = 60.0) -> None:
        """Wait until the broker takes records. Raises Unavailable with the end of its log."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.process is not None:
            if self.healthy():
                return
            time.sleep(0.1)
        happened = "still starting" if self.process else "ended"
        tail = process_control.last_lines(self.log) or process_control.last_lines(self.folder / "console.log")
        raise Unavailable(f"the Kafka broker did not take records within {timeout_s:g} s: {happened}.\n{tail}")

    def healthy(self) -> bool:
        """Say whether the broker takes records now."""
        return broker_takes_records(self._addresses().port)

    def stop(self, grace_s: float = 15.0) -> None:
        """Stop the broker and wait for its end; data stays. A stopped one is left alone."""
        if self.process is not None:
            process_control.end(self.process, grace_s=grace_s)

    def kill(self) -> None:
        """End the broker at once, as a power cut would (SIGKILL)."""
        if self.process is not None:
            process_control.kill_all([self.process])

    def __enter__(self) -> Self:
        """Start and wait."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    def _addresses(self) -> Addresses:
        data = json.loads((self.folder / "addresses.json").read_text(encoding="utf-8"))
        return Addresses(int(data["port"]), int(data["controller"]))

    def _prepare(self, java: Path) -> None:
        """Choose ports and format the storage, once."""
        if (self.folder / "addresses.json").exists():
            return
        private_folder(self.folder)
        first, second = ports.free_ports(2)
        port, controller = self._wanted_port or first, second if self._joins is None else self._joins.controller_port
        listeners = [f"PLAINTEXT://127.0.0.1:{port}"]
        listeners += [f"CONTROLLER://127.0.0.1:{controller}"] if self._joins is None else []
        text = PROPERTIES.format(
            roles="broker,controller" if self._joins is None else "broker",
            node=self.node,
            listeners=",".join(listeners),
            port=port,
            controller=controller,
            data=self.folder / "data",
        )
        (self.folder / "server.properties").write_text(text, encoding="utf-8")
        (self.folder / "log4j2.xml").write_text(LOGGING.format(log=self.log), encoding="utf-8")
        self._format(java)
        # Written last: a folder without it was not prepared to the end and is prepared again.
        data = {"port": port, "controller": controller}
        (self.folder / "addresses.json").write_text(json.dumps(data), encoding="utf-8")

    def _format(self, java: Path) -> None:
        own = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        cluster = own if self._joins is None else self._joins.cluster_id
        command = [*self._java(java), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        command += ["--standalone"] if self._joins is None else []
        # With `=`, because one id in 64 begins with a hyphen and would be taken for an option.
        command += [f"--cluster-id={cluster}", "-c", self.folder / "server.properties"]
        try:
            formatting = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=FORMAT_WITHIN_S,
                check=False,
                env=process_control.scrubbed(os.environ),
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"the broker's storage in {self.folder} was not formatted within {FORMAT_WITHIN_S} s: this machine is "
                "very slow, or very busy. Nothing of it is left; try again when it has less to do."
            ) from error
        if formatting.returncode != 0:
            raise SetupError(
                f"the broker's storage in {self.folder} could not be formatted: {formatting.stderr.strip()}"
            )

    def _java(self, java: Path) -> list[str | Path]:
        logging = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.xml'}"
        return [java, *JVM, f"-Djava.io.tmpdir={self._scratch}", logging, "-cp", f"{self._jars}/*"]

    @property
    def _scratch(self) -> Path:
        """Return where the JVM unpacks the libraries of its compressors; emptied before each start."""
        return self.folder / "scratch"


def _read_process(path: Path) -> ProcessId | None:
    try:
        return ProcessId.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        # Absent or cut off in the middle of a write: no broker is known here.
        return None
