"""Airflow's connection to Hopsworks: host, project and API key. Its client is never imported here.

What is asked of Hopsworks is asked by jobs. A job on this machine finds the key in a private file, for as long as its
task runs; one in a cluster has it from a Secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from pegel.errors import SetupError

CONNECTION = "hopsworks_default"
NOTHING = "Nothing was submitted."


class HopsworksHook(BaseHook):
    """Where Hopsworks is and who asks it. `password` is the API key; `project` and `ca` are fields of their own."""

    conn_name_attr: ClassVar[str] = "hopsworks_conn_id"
    default_conn_name: ClassVar[str] = CONNECTION
    conn_type: ClassVar[str] = "hopsworks"
    hook_name: ClassVar[str] = "Hopsworks"

    def __init__(self, hopsworks_conn_id: str = CONNECTION) -> None:
        super().__init__()
        self.hopsworks_conn_id = hopsworks_conn_id

    @contextmanager
    def job_environment(self) -> Iterator[dict[str, str]]:
        """Yield the variables by which a job on this machine asks Hopsworks; its files are gone when the block ends.

        Raises SetupError where there is no such connection, or it lacks host or key.
        """
        connection = self._connection()
        with TemporaryDirectory(prefix="pegel-") as folder:
            variables = {
                "PEGEL_HOPSWORKS": _address(connection),
                "PEGEL_HOPSWORKS_KEY_FILE": _private(Path(folder) / "key", str(connection.password)),
            }
            extra: dict[str, Any] = connection.extra_dejson
            if extra.get("project"):
                variables["PEGEL_HOPSWORKS_PROJECT"] = str(extra["project"])
            if extra.get("ca"):
                variables["PEGEL_HOPSWORKS_CA"] = _private(Path(folder) / "ca.pem", str(extra["ca"]))
            yield variables

    def test_connection(self) -> tuple[bool, str]:
        """Ask Hopsworks once; return whether it accepts the key and has the project, and a sentence.

        Airflow's button *Test* shows it, where `AIRFLOW__CORE__TEST_CONNECTION` allows that.
        """
        try:
            connection = self._connection()
        except SetupError as error:
            return False, str(error)
        from pegel_airflow.hopsworks_answer import answer_of

        extra: dict[str, Any] = connection.extra_dejson
        return answer_of(
            _address(connection), str(connection.password), str(extra.get("project") or ""), str(extra.get("ca") or "")
        )

    def _connection(self) -> Connection:
        try:
            connection = self.get_connection(self.hopsworks_conn_id)
        except AirflowNotFoundException as error:
            raise SetupError(
                f"expected a connection {self.hopsworks_conn_id!r} of type `hopsworks` in Airflow, as training data of "
                f"Hopsworks are asked for; there is none. {NOTHING}"
            ) from error
        lacking = [name for name, value in (("host", connection.host), ("API key", connection.password)) if not value]
        if lacking:
            raise SetupError(
                f"expected host and API key in Airflow's connection {self.hopsworks_conn_id!r}; it lacks the "
                f"{' and the '.join(lacking)}. {NOTHING}"
            )
        return connection


def _address(connection: Connection) -> str:
    """Return host, or host and port, however the form has them."""
    host = str(connection.host).strip().removeprefix("https://").rstrip("/")
    return f"{host}:{connection.port}" if connection.port else host


def _private(path: Path, text: str) -> str:
    """Write a file that this account alone may read; return its path."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return str(path)
