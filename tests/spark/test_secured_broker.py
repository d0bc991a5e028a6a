"""Every client of a broker that asks who it is, over TLS: logger, driver, workers, reader of outliers, topic admin."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest
import wires
from certificates import Certificates
from secured_broker import PASSWORD, USER, SecuredBroker, unsigned_token
from stream_drivers import Drivers

from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.errors import Unavailable
from pegel.spec import names
from pegel.stream.positions import OffsetRange
from pegel.testing.samples import brief_spec
from pegel_local.machine.paths import checkout
from pegel_spark.consuming import Reading
from pegel_spark.driver import Exit
from pegel_spark.side_topics import SideTopics
from pegel_spark.topic_partitions import TopicPartitions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
FAR = b'{"instances": [[1e9, "ZZ", -1e9]]}'
NEAR = b'{"predictions": [5.0]}'


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority, and the broker's certificate by it."""
    return Certificates.made_in(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[SecuredBroker]:
    """A real broker that asks."""
    with SecuredBroker(tmp_path_factory.mktemp("secured"), certificates) as running:
        yield running


@pytest.fixture
def by_password(certificates: Certificates) -> dict[str, str]:
    """The environment of a client with a user and a password."""
    return {
        "PEGEL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "PEGEL_KAFKA_SASL_MECHANISM": "PLAIN",
        "PEGEL_KAFKA_USER": USER,
        "PEGEL_KAFKA_PASSWORD": PASSWORD,
        "PEGEL_KAFKA_CA": str(certificates.ca),
    }


@pytest.fixture
def by_scram(by_password: dict[str, str]) -> dict[str, str]:
    """The same with a password that does not travel."""
    return by_password | {"PEGEL_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512"}


@pytest.fixture
def by_token(by_password: dict[str, str], certificates: Certificates, tmp_path: Path) -> dict[str, str]:
    """The environment of a client with a token in a file, and the certificates as text."""
    file = tmp_path / "token"
    file.write_text(unsigned_token())
    named = {name: value for name, value in by_password.items() if name.rpartition("_")[2] not in {"USER", "PASSWORD"}}
    said = {"PEGEL_KAFKA_SASL_MECHANISM": "OAUTHBEARER", "PEGEL_KAFKA_TOKEN_FILE": str(file)}
    return {**named, **said, "PEGEL_KAFKA_CA": certificates.ca.read_text()}


@pytest.fixture(
    params=["by_password", *(pytest.param(each, marks=pytest.mark.long) for each in ("by_scram", "by_token"))]
)
def environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of this process and of those that it starts."""
    given: dict[str, str] = request.getfixturevalue(request.param)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def test_the_clients_of_a_driver_are_let_in(secured: SecuredBroker, environment: dict[str, str]) -> None:
    """What asks for partitions, what reads records and what tells of outliers: by a password, and by a token."""
    wire = wires.wire_to(secured)
    wire.send("one", REQUEST_TYPE, "delays-v1", FAR, wires.now())
    wire.producer.flush()
    side = SideTopics(secured.secured)
    side._send(names.outliers_topic(wire.namespace), b"one", b"told", ())
    side.close()
    topics = TopicPartitions(secured.secured)
    (ends,) = topics.look([wire.topic]).ends
    topics.close()
    records = list(Reading(secured.secured, [OffsetRange((wire.topic, 0), 0, 1)]).records())
    wire.producer.close()

    assert (0, 1) == (ends.beginning, ends.end)
    assert [FAR] == records[0].bodies
    assert (0, [b"told"]) == (side.lost, [each.value for each in wire.read(names.outliers_topic(wire.namespace))])
    assert environment


@pytest.mark.long
def test_a_client_may_prove_who_it_is_by_a_certificate(
    secured: SecuredBroker, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a certificate and its key both libraries are let in; without them the driver says that it is not."""
    monkeypatch.setenv("PEGEL_KAFKA_SECURITY_PROTOCOL", "SSL")
    monkeypatch.setenv("PEGEL_KAFKA_CA", str(certificates.ca))
    wire = wires.wire_to(secured)
    wire.send("one", REQUEST_TYPE, "delays-v1", FAR, wires.now())
    wire.producer.flush()
    wire.producer.close()
    nobody = TopicPartitions(secured.mutual)
    with pytest.raises(Unavailable):
        nobody.look([wire.topic])
    nobody.close()
    for name in ("PEGEL_KAFKA_CERTIFICATE", "PEGEL_KAFKA_KEY"):
        monkeypatch.setenv(name, str(certificates.server))
    topics = TopicPartitions(secured.mutual)
    (ends,) = topics.look([wire.topic]).ends
    topics.close()
    records = list(Reading(secured.mutual, [OffsetRange((wire.topic, 0), 0, 1)]).records())

    assert (1, [FAR]) == (ends.end, records[0].bodies)


@pytest.mark.long
def test_a_wrong_password_is_told_and_not_shown(
    secured: SecuredBroker, by_password: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker counts as away, in one sentence with its reason."""
    wrong = "wrong-password"
    for name, value in (by_password | {"PEGEL_KAFKA_PASSWORD": wrong}).items():
        monkeypatch.setenv(name, value)
    topics = TopicPartitions(secured.secured)
    with pytest.raises(Unavailable) as refused:
        topics.look(["any"])
    topics.close()

    assert "uthentication" in str(refused.value)
    assert wrong not in str(refused.value)


def post(port: int, kind: str, body: bytes, namespace: str) -> int:
    """Post an event to a logger, as an endpoint does; return the status of the answer."""
    told = wires.headers_of("far", kind, "delays-v1", namespace)
    values = {name.replace("ce_", "ce-"): value.decode() for name, value in told}
    with urlopen(Request(f"http://127.0.0.1:{port}/", body, values), timeout=30) as answer:
        return int(answer.status)


@pytest.fixture
def logger(secured: SecuredBroker, by_password: dict[str, str], tmp_path: Path) -> Iterator[Any]:
    """An inference logger of the serving environment, by its own command; yields its port and its process."""
    said = ["--kafka", secured.secured, "--spool", str(tmp_path / "spool")]
    with (tmp_path / "logger.log").open("wb") as log:
        started = subprocess.Popen(
            [checkout().python("serving"), "-m", "pegel_serving.logger", *said],
            env={**os.environ, **by_password},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert started.stdout is not None
    yield json.loads(started.stdout.readline())["port"], started
    started.terminate()
    started.wait(30)
    started.stdout.close()


@pytest.mark.long
def test_an_event_travels_from_logger_to_result(
    drivers: Drivers, secured: SecuredBroker, by_password: dict[str, str], logger: Any, tmp_path: Path
) -> None:
    """Through a broker that asks everybody who it is; the password stands in no argument, no file and no log."""
    wire = wires.wire_to(secured)
    wire.address = secured.secured
    drivers.wire, drivers.environment = wire, by_password
    watch = {"outliers_per_day": 500, "outliers": "realtime"}
    drivers.world.watch(brief_spec(namespace=wire.namespace, watch=watch))
    driver = drivers.start()
    drivers.wait(lambda: (beat := drivers.heartbeat()) and beat.note == "outliers in real time")
    port, process = logger
    answers = [post(port, kind, body, wire.namespace) for kind, body in ((REQUEST_TYPE, FAR), (RESPONSE_TYPE, NEAR))]
    rows = drivers.wait(lambda: drivers.finals(1))
    family = [process, *psutil.Process(driver.pid).children(recursive=True), psutil.Process(driver.pid)]
    commands = [" ".join(psutil.Process(each.pid).cmdline()) for each in family]
    driver.send_signal(signal.SIGTERM)

    assert (Exit.STOPPED, [200, 200]) == (driver.wait(90), answers)
    assert (1, 1, 1) == tuple(sum(getattr(row, name) for row in rows) for name in ("requests", "responses", "joined"))
    wire.address = secured.address
    assert ["far"] == [json.loads(each.value)["event_id"] for each in wire.read(names.outliers_topic(wire.namespace))]
    assert [] == [words for words in commands if PASSWORD in words]
    left = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert [] == left
    assert len(commands) > 3
    wire.producer.close()


def test_a_logger_that_is_told_nonsense_does_not_start(tmp_path: Path) -> None:
    """A mechanism without a user is one sentence on standard error, and exit code 1."""
    variables = {"PEGEL_KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "PEGEL_KAFKA_SASL_MECHANISM": "PLAIN"}
    done = subprocess.run(
        [checkout().python("serving"), "-m", "pegel_serving.logger", "--kafka", "x:1", "--spool", str(tmp_path)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (1, 1) == (done.returncode, len(done.stderr.splitlines()))
    assert "PEGEL_KAFKA_USER and PEGEL_KAFKA_PASSWORD" in done.stderr


def test_a_driver_that_is_told_nonsense_does_not_start(tmp_path: Path) -> None:
    """The same of a driver, before it asks anything of the database: exit code 2."""
    done = subprocess.run(
        [sys.executable, "-m", "pegel_spark.jobs.monitor", str(tmp_path)],
        env={**os.environ, "PEGEL_KAFKA_SECURITY_PROTOCOL": "SASL"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (2, True) == (done.returncode, "PEGEL_KAFKA_SECURITY_PROTOCOL" in done.stderr)
