"""What Airflow's processes are told."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from pegel_local.airflow.airflow_services import Airflow
from pegel_local.machine.paths import Checkout


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    """Describe an Airflow; nothing is started."""
    program = tmp_path / "tree" / ".venvs" / "airflow" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.touch()
    return Airflow(
        folder=tmp_path / "airflow",
        logs=tmp_path / "logs",
        checkout=Checkout(tmp_path / "tree"),
        port=8080,
        smtp_port=2525,
        pegel={"PEGEL_HOME": "here"},
    )


def test_it_listens_on_the_loopback_address_only(airflow: Airflow) -> None:
    """The API server is told its address; Airflow's own default is every interface."""
    api, *_ = airflow.services()

    assert ("--host", "127.0.0.1", "--port", "8080") == api.command[2:6]


def test_there_are_four_processes(airflow: Airflow) -> None:
    """Four processes of our own instead of one that leaves its children behind."""
    names = [service.name for service in airflow.services()]

    assert names == ["airflow api-server", "airflow scheduler", "airflow dag-processor", "airflow triggerer"]


def test_keys_are_made_once_and_private(airflow: Airflow) -> None:
    """All processes of all starts share the keys, and only their owner can read them."""
    first, second = airflow.environment(), airflow.environment()
    shared = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")

    assert [first[name] for name in shared] == [second[name] for name in shared]
    assert stat.S_IMODE((airflow.folder / "keys.json").stat().st_mode) == 0o600


def test_connections_name_the_mail_box_and_spark(airflow: Airflow) -> None:
    """Mail goes to the local box without encryption, Spark runs on two cores of this machine."""
    environment = airflow.environment()
    smtp = json.loads(environment["AIRFLOW_CONN_SMTP_DEFAULT"])
    spark = json.loads(environment["AIRFLOW_CONN_SPARK_DEFAULT"])

    assert ("127.0.0.1", 2525, True, True) == (
        smtp["host"],
        smtp["port"],
        smtp["extra"]["disable_ssl"],
        smtp["extra"]["disable_tls"],
    )
    assert spark["host"] == "local[2]"


def test_nothing_of_another_airflow_is_inherited(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of an Airflow that happens to be configured in the shell do not reach ours; our settings do."""
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL", "elsewhere")
    environment = airflow.environment()

    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW__CELERY__BROKER_URL" not in environment
    assert environment["PEGEL_HOME"] == "here"


def test_our_spark_submit_is_found_first(airflow: Airflow) -> None:
    """The Spark provider takes the first spark-submit on PATH: the one that scrubs Airflow's variables."""
    first = airflow.environment()["PATH"].split(":")[0]

    assert Path(first) == airflow.checkout.root / "spark" / "bin"
