"""Airflow's connection to Hopsworks: a type of its own, and a key that reaches a job by a private file alone."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates

from pegel.errors import SetupError
from pegel.manifests.spark_application import baseline_application
from pegel.spec.cluster_settings import ClusterSettings
from pegel.spec.settings import Settings
from pegel.testing.hopsworks import Contents, Fault, HopsworksServer
from pegel.testing.samples import brief_spec
from pegel_airflow.baseline_operator import BaselineJob
from pegel_airflow.hopsworks_hook import HopsworksHook
from pegel_airflow.provider_info import get_provider_info

KEY = "the-key.nobody-sees"
CA = "-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n"


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Airflow's connection, as the environment names it."""
    given = {"conn_type": "hopsworks", "host": "hops.example.org", "port": 8443, "password": KEY}
    given |= {"extra": {"project": "demo", "ca": CA}}
    monkeypatch.setenv("AIRFLOW_CONN_HOPSWORKS_DEFAULT", json.dumps(given))
    return given


def test_the_type_of_connection_is_known_to_airflow() -> None:
    """Airflow's form has the fields of a connection to Hopsworks, and the password is called what it is."""
    (kind,) = get_provider_info()["connection-types"]

    assert ("hopsworks", "API key") == (kind["connection-type"], kind["ui-field-behaviour"]["relabeling"]["password"])
    assert {"project", "ca"} == set(kind["conn-fields"])
    assert HopsworksHook.conn_type == kind["connection-type"]
    assert f"{HopsworksHook.__module__}.{HopsworksHook.__name__}" == kind["hook-class-name"]


def test_airflow_accepts_what_it_is_told_of_the_type() -> None:
    """What a package says of its connections is what Airflow's schema asks for."""
    import airflow
    import jsonschema

    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    assert [] == list(jsonschema.Draft7Validator(schema).iter_errors(get_provider_info()))


def test_a_job_finds_the_key_in_a_private_file_for_as_long_as_it_runs(connection: dict[str, Any]) -> None:
    """The variables name files of mode 0600; no variable holds the key, and the files go with the task."""
    with HopsworksHook().job_environment() as variables:
        files = [Path(variables[name]) for name in ("PEGEL_HOPSWORKS_KEY_FILE", "PEGEL_HOPSWORKS_CA")]

        assert [KEY, CA] == [file.read_text() for file in files]
        assert [0o600, 0o600] == [stat.S_IMODE(file.stat().st_mode) for file in files]
        assert ("hops.example.org:8443", "demo") == (variables["PEGEL_HOPSWORKS"], variables["PEGEL_HOPSWORKS_PROJECT"])
        assert [] == [name for name, value in variables.items() if KEY in value]

    assert [False, False] == [file.exists() for file in files]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "expected a connection 'hopsworks_default' of type `hopsworks` in Airflow"),
        ({"conn_type": "hopsworks", "host": "hops.example.org"}, "it lacks the API key"),
        ({"conn_type": "hopsworks"}, "it lacks the host and the API key"),
    ],
)
def test_a_connection_that_is_not_whole_is_said(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str] | None, said: str
) -> None:
    """What is missing is named before anything is submitted."""
    if given is not None:
        monkeypatch.setenv("AIRFLOW_CONN_HOPSWORKS_DEFAULT", json.dumps(given))

    with pytest.raises(SetupError, match=said), HopsworksHook().job_environment():
        pass


@pytest.fixture
def hopsworks(tmp_path: Path) -> Iterator[tuple[HopsworksServer, str]]:
    """A Hopsworks with TLS, and the certificate by which it is trusted."""
    certificates = Certificates.made_in(tmp_path / "certificates")
    server = HopsworksServer(certificates.server, Contents(tmp_path / "storage"))
    with server.running():
        yield server, certificates.ca.read_text()


def tried(server: HopsworksServer, ca: str, **changed: Any) -> tuple[bool, str]:
    """Press Airflow's button, as its API does: a connection of the database's own kind, named in the environment."""
    from airflow.models.connection import Connection

    host, _, port = server.address.partition(":")
    extra = {"project": "demo", "ca": ca} | changed.pop("extra", {})
    given = {"conn_type": "hopsworks", "host": host, "port": int(port), "password": server.key, "extra": extra}
    connection = Connection(conn_id="hopsworks_default", **(given | changed))
    os.environ["AIRFLOW_CONN_HOPSWORKS_DEFAULT"] = connection.get_uri()
    try:
        told: tuple[bool, str] = connection.test_connection()  # type: ignore[no-untyped-call]  # Airflow's
    finally:
        del os.environ["AIRFLOW_CONN_HOPSWORKS_DEFAULT"]
    return told


def test_the_button_says_whether_the_key_is_accepted(hopsworks: tuple[HopsworksServer, str]) -> None:
    """Over verified TLS, with and without a project; what is wrong is one sentence, without the key."""
    server, ca = hopsworks
    where = f"Hopsworks at {server.address}"

    assert (True, f"{where} accepts the API key and has the project demo.") == tried(server, ca)
    assert (True, f"{where} accepts the API key; name a project for results to be written to.") == tried(
        server, ca, extra={"project": ""}
    )
    assert (False, f"{where} accepts the API key and shows its owner no project other.") == tried(
        server, ca, extra={"project": "other"}
    )
    assert (False, f"{where} does not accept the API key.") == tried(server, ca, password="another")  # noqa: S106  none
    assert (False, "The API key is none: it has letters that no key has.") == tried(server, ca, password="\u20ac")  # noqa: S106  none


def test_the_button_trusts_no_other_certificate(hopsworks: tuple[HopsworksServer, str]) -> None:
    """A server that nothing vouches for is not told the key; nor is one that is not there."""
    server, ca = hopsworks
    before = len(server.asked)
    is_well, told = tried(server, ca, extra={"ca": ""})
    absent = tried(server, ca, port=1)

    assert (False, before) == (is_well, len(server.asked))
    assert "its certificate cannot be verified (unable to get local issuer certificate)" in told
    assert (False, "Hopsworks at 127.0.0.1:1 cannot be asked: nobody listens there.") == absent


@pytest.mark.parametrize(
    ("fault", "said"), [(Fault.BUSY, "answers 429."), (Fault.BROKEN, "answers 500.")], ids=["busy", "broken"]
)
def test_the_button_says_what_hopsworks_answers_else(
    hopsworks: tuple[HopsworksServer, str], fault: Fault, said: str
) -> None:
    """A busy or broken server is told by its status."""
    server, ca = hopsworks
    server.fault = fault

    assert (False, f"What is at {server.address} {said}") == tried(server, ca)


def spark_submit(folder: Path) -> Path:
    """Write a program in place of spark-submit that notes its arguments, its environment and the key's file."""
    program = folder / "spark-submit"
    notes = (
        'printf "%s\\n" "$@" > "$NOTES/arguments"',
        'env > "$NOTES/environment"',
        'cp "$PEGEL_HOPSWORKS_KEY_FILE" "$NOTES/key"',
    )
    program.write_text("\n".join(["#!/bin/sh", *notes, ""]))
    program.chmod(0o755)
    return program


def test_the_key_is_in_no_argument_and_no_log(
    connection: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that is submitted reads the key from its file; neither its command line nor the task's log has it."""
    spark_submit(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NOTES", str(tmp_path))
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[1]"}))
    monkeypatch.setenv("PEGEL_DATABASE_URL", f"sqlite:///{tmp_path / 'results.db'}")
    spec = brief_spec(baseline={"source": "hopsworks://demo/txn_view/1"})
    caplog.set_level("DEBUG")

    with pytest.raises(Exception, match="to leave its result in the results database"):
        BaselineJob(task_id="profile", spec=spec.to_json()).profile(Settings())

    notes = {name: (tmp_path / name).read_text() for name in ("arguments", "environment", "key")}
    assert KEY == notes["key"]
    lines = [*notes["arguments"].splitlines(), *notes["environment"].splitlines(), *caplog.text.splitlines()]
    # By this variable the test, and nobody else, names the connection.
    assert [] == [line for line in lines if KEY in line and not line.startswith("AIRFLOW_CONN_HOPSWORKS_DEFAULT=")]


def test_in_a_cluster_the_databases_are_a_file_of_a_secret() -> None:
    """The file that names databases is mounted into the driver alone, and the object holds nothing of it."""
    cluster = ClusterSettings(databases_secret="databases")  # noqa: S106  the name of one
    application = baseline_application(brief_spec(), "a job", Settings(), cluster)["spec"]
    said = {each["name"]: each.get("value") for each in application["driver"]["env"]}

    assert {"secretName": "databases", "defaultMode": 0o440} == application["volumes"][-1]["secret"]
    assert "/etc/pegel/databases/databases" == said["PEGEL_DATABASES_FILE"]
    mounted = [part for part in ("driver", "executor") if "databases" in json.dumps(application[part]["volumeMounts"])]
    assert ["driver"] == mounted


def test_in_a_cluster_the_key_is_a_file_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object of a job names the Secret; the key's file is mounted into the driver and no executor."""
    settings = Settings(hopsworks="hops.example.org", hopsworks_ca=Path("/ca.pem"))
    cluster = ClusterSettings(hopsworks_secret="hopsworks")  # noqa: S106  the name of one
    application = baseline_application(brief_spec(), "a job", settings, cluster)["spec"]
    said = {each["name"]: each.get("value") for each in application["driver"]["env"]}

    assert {"secretName": "hopsworks", "defaultMode": 0o440} == application["volumes"][-1]["secret"]
    assert "/etc/pegel/hopsworks/key" == said["PEGEL_HOPSWORKS_KEY_FILE"]
    assert "/etc/pegel/hopsworks/ca.pem" == said["PEGEL_HOPSWORKS_CA"]
    mounted = [part for part in ("driver", "executor") if "hopsworks" in json.dumps(application[part]["volumeMounts"])]
    assert ["driver"] == mounted
