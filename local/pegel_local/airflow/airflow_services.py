"""A real Airflow of this machine: home, keys, database, and its four processes on the loopback address.

Four processes, because `airflow standalone` leaves its children behind when it is asked to end. Airflow is never
imported: it is told everything by environment variables and asked by HTTP.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pegel.data.server_answers import json_of
from pegel.errors import SetupError
from pegel.spec.settings import AIRFLOW_DATABASE
from pegel_local.machine.paths import Checkout
from pegel_local.machine.ports import LOOPBACK
from pegel_local.processes import process_control
from pegel_local.processes.private_files import private_folder, write_json
from pegel_local.processes.process_id import ProcessId
from pegel_local.processes.service import Service, fetch

USER = "admin"
PARALLELISM = 5
"""Tasks at once, one more than may take minutes; with four, the four processes and their workers take about 0.9 GiB."""
MIGRATE_WITHIN_S = 180
START_WITHIN_S = 180
PART_OF = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
"""Our names of the parts, and what Airflow's health report calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Airflow:
    """One Airflow in one folder. `pegel` holds the `PEGEL_*` variables its tasks read their settings from."""

    folder: Path
    logs: Path
    checkout: Checkout
    port: int
    smtp_port: int
    pegel: dict[str, str]
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Connections beside those to the mail box and to Spark, by name."""

    @property
    def url(self) -> str:
        """Return the address of its user interface and REST API."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def password(self) -> str:
        """Return the generated password of the user `admin`."""
        return str(self._keys()["password"])

    @property
    def migration_log(self) -> Path:
        """Return the log of the process that prepares the database."""
        return self.logs / "airflow-migrate.log"

    def begin_migration(self) -> ProcessId:
        """Write passwords, start creating the database (or bringing it up to date), and return at once."""
        private_folder(self.folder)
        write_json(self._passwords, {USER: self.password})
        command = [self._program, "db", "migrate"]
        return process_control.start(command, log=self.migration_log, environment=self.environment())

    def finish_migration(self, process: ProcessId) -> None:
        """Wait until the database is ready. Raises SetupError with the end of the log when it cannot be made so."""
        if process_control.exit_code(process, within_s=MIGRATE_WITHIN_S) != 0:
            tail = process_control.last_lines(self.migration_log)
            raise SetupError(
                f"Airflow's database in {self.folder} could not be prepared.\n{tail}\nLog: {self.migration_log}"
            )

    def services(self) -> list[Service]:
        """Return its four processes, the API server first: the others talk to it."""
        api = ("api-server", "--host", LOOPBACK, "--port", str(self.port), "--workers", "1")
        return [
            self._service("api-server", api, lambda: self._health() is not None),
            self._service("scheduler", ("scheduler", "--skip-serve-logs"), self._beats("scheduler")),
            self._service("dag-processor", ("dag-processor",), self._beats("dag-processor")),
            self._service("triggerer", ("triggerer", "--skip-serve-logs"), self._beats("triggerer")),
        ]

    def environment(self) -> dict[str, str]:
        """Return the whole environment of its processes."""
        keys = self._keys()
        path = f"{self.checkout.root / 'spark' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        smtp = {
            "disable_ssl": True,
            "disable_tls": True,
            "from_email": "pegel@localhost",
            "timeout": 10,
            "retry_limit": 1,
        }
        connections = {
            "smtp_default": {"conn_type": "smtp", "host": LOOPBACK, "port": self.smtp_port, "extra": smtp},
            "spark_default": {"conn_type": "spark", "host": "local[2]"},
            **self.connections,
        }
        given = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(each) for name, each in connections.items()}
        options = {f"AIRFLOW__{name}": value for name, value in (self._options() | _secret_options(keys)).items()}
        home = {"AIRFLOW_HOME": str(self.folder), "PATH": path, "PYTHONWARNINGS": "ignore"}
        return process_control.scrubbed(os.environ, **home, **given, **options, **self.pegel)

    def _options(self) -> dict[str, str]:
        return {
            "API__BASE_URL": self.url,
            "API__EXPOSE_CONFIG": "False",
            "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            # Onboarding must run when it is triggered; nothing here starts by itself but reconcile and alerts.
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__DAGS_FOLDER": str(self.checkout.root / "dags"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__PARALLELISM": str(PARALLELISM),
            "CORE__PLUGINS_FOLDER": str(self.checkout.root / "plugins"),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self._passwords),
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            # Workflow files do not change while the system runs; parsing one costs seconds of a core.
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder / Path(AIRFLOW_DATABASE).name}",
            "LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            # Airflow sets these modes itself, whatever the umask says.
            "LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
            "LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            # As long as this, a supervisor may sleep over the end of its task's process. Until it wakes up, the task's
            # place is taken, and a question that is answered meanwhile is put again.
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            # The run that makes good for the time without a system is started while everything else starts, too: with
            # the five seconds of Airflow's own, it failed where the API server was not that quick.
            "WORKERS__EXECUTION_API_TIMEOUT": "30",
        }

    @property
    def _program(self) -> str:
        return str(self.checkout.python("airflow").with_name("airflow"))

    @property
    def _passwords(self) -> Path:
        return self.folder / "passwords.json"

    def _keys(self) -> dict[str, str]:
        """Return the keys all four processes share; made once, readable by their owner only."""
        path = self.folder / "keys.json"
        if not path.exists():
            fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            names = ("api", "jwt", "password")
            write_json(path, {"fernet": fernet, **{name: secrets.token_urlsafe(16) for name in names}})
        keys: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        return keys

    def _service(self, name: str, arguments: tuple[str, ...], healthy: Callable[[], bool]) -> Service:
        return Service(
            name=f"airflow {name}",
            command=(self._program, *arguments),
            log=self.logs / f"airflow-{name}.log",
            environment=self.environment(),
            healthy=healthy,
            within_s=START_WITHIN_S,
        )

    def _beats(self, part: str) -> Callable[[], bool]:
        return lambda: (self._health() or {}).get(PART_OF[part]) == "healthy"

    def _health(self) -> dict[str, str] | None:
        """Return the state of each part in Airflow's own words, or None while the API server does not answer."""
        body = fetch(f"{self.url}/api/v2/monitor/health")
        parts = None if body is None else json_of(body)
        if not isinstance(parts, dict):
            return None
        return {name: str(part.get("status")) for name, part in parts.items() if isinstance(part, dict)}


def _secret_options(keys: dict[str, str]) -> dict[str, str]:
    return {
        "CORE__FERNET_KEY": keys["fernet"],
        "API__SECRET_KEY": keys["api"],
        "API_AUTH__JWT_SECRET": keys["jwt"] * 4,
    }
