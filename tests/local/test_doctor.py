"""`pegel doctor`: what is wrong with a deployment, found on real parts, each check by itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from blueprints import give_tables
from fake_airflow import FakeAirflow
from kafka.admin import KafkaAdminClient
from pydantic import SecretStr

from pegel.cli.main import main
from pegel.errors import SetupError
from pegel.spec import names
from pegel.spec.settings import Settings
from pegel.store import tables
from pegel.store.database import connect
from pegel.store.passes import DISPATCH, RECONCILE, Passes
from pegel.store.registry import Registry
from pegel.testing.samples import sample_heartbeat, sample_spec
from pegel.testing.stream_fakes import speak
from pegel_local.cli.doctor import CHECKS
from pegel_local.doctor import own_machine, served_and_features, services_around, stored_state
from pegel_local.doctor.broker_topics import broker
from pegel_local.doctor.diagnosis import Diagnosis, Health, bad, examine, ok
from pegel_local.kafka.broker import Broker
from pegel_local.machine.paths import checkout
from pegel_local.machine.ports import LOOPBACK, free_ports

GOOD, WARNING, BAD, UNKNOWN = Health


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home with a results database in which `delays/1` stands."""
    settings = Settings(home=tmp_path)
    engine = connect(settings.database)
    give_tables(engine)
    Registry(engine).put(sample_spec("delays"))
    engine.dispose()
    return settings


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker."""
    with Broker(tmp_path_factory.mktemp("broker"), checkout().jars("broker")) as started:
        yield started


def healths(found: list[Diagnosis]) -> list[Health]:
    """Return how each finding is."""
    return [one.health for one in found]


def test_one_reason_is_told_once(settings: Settings) -> None:
    """What one trouble keeps several checks from stands at the first; the others point there and are not well."""

    def stopped(_settings: Settings) -> list[Diagnosis]:
        raise SetupError("no database")

    found = examine(
        {"database": stopped, "specs": stopped, "clock": lambda _: [ok("clock", "well")]}, settings, within_s=9
    )

    assert [BAD, UNKNOWN, GOOD] == healths(found)
    assert ["no database", "not looked at, for the reason that stands at `database`", "well"] == [
        one.sentence for one in found
    ]


def test_a_check_that_hangs_or_fails_holds_up_no_other(settings: Settings) -> None:
    """Both are findings themselves, in their place; the others say what they found."""
    hangs = threading.Event()

    def hanging(_settings: Settings) -> list[Diagnosis]:
        hangs.wait()
        return []

    def failing(_settings: Settings) -> list[Diagnosis]:
        raise TypeError("a defect")

    checks = {"first": hanging, "second": failing, "third": lambda _settings: [ok("third", "well")]}
    found = examine(checks, settings, within_s=1)
    hangs.set()

    assert [UNKNOWN, UNKNOWN, GOOD] == healths(found)
    assert ("no answer within 1 s" in found[0].sentence, "TypeError: a defect" in found[1].sentence) == (True, True)


def test_a_deployment_that_hangs_is_told_part_by_part(tmp_path: Path) -> None:
    """Everybody takes the connection and says nothing: the process ends in time, with a sentence for each part."""
    with socket.create_server((LOOPBACK, 0), backlog=64) as silent:
        there = f"{LOOPBACK}:{silent.getsockname()[1]}"
        given = {
            "DATABASE_URL": f"postgresql://pegel@{there}/pegel",
            "KAFKA": there,
            "SMTP": there,
            "ONLINE_REDIS": f"redis://{there}/0",
            **dict.fromkeys(("AIRFLOW_URL", "LOGGER_URL"), f"http://{there}"),
            "HOPSWORKS": there,
            "HOPSWORKS_PROJECT": "delays",
            "HOPSWORKS_KEY_FILE": str(tmp_path / "key"),
        }
        asked = subprocess.run(
            [sys.executable, "-m", "pegel.cli.main", "doctor", "--json", "--within=4", f"--home={tmp_path}"],
            env=os.environ | {f"PEGEL_{name}": value for name, value in given.items()},
            capture_output=True,
            timeout=50,
            check=False,
        )
    rows = json.loads(asked.stdout)["doctor"]
    wrong = {"database", "specs", "broker", "logger", "airflow", "workflows", "heartbeats", "features", "mail"}
    told = {row["check"] for row in rows if row["health"] in {"bad", "unknown"}}

    assert (1, b"") == (asked.returncode, asked.stderr)
    assert wrong == told - {"clock", "settings"}
    assert [] == [row for row in rows if not row["sentence"]]


def test_one_is_told_as_one(settings: Settings) -> None:
    """One spec and one name of training data are no plural."""
    (settings.features / "flights").mkdir(parents=True)
    told = [one.sentence for one in (*stored_state.registry(settings), *served_and_features.features(settings))]

    assert "the one in the registry can be read" == told[0]
    assert told[1].endswith(", with 1 name")


def test_hopsworks_and_the_online_store_are_asked(settings: Settings, tmp_path: Path) -> None:
    """Where nobody listens both are told by their addresses; a folder of training data is told by itself."""
    nobody = f"{LOOPBACK}:{free_ports(1)[0]}"
    there = settings.model_copy(
        update={
            "hopsworks": nobody,
            "hopsworks_project": "delays",
            "hopsworks_key_file": tmp_path / "key",
            "online_redis": SecretStr(f"redis://{nobody}/0"),
        }
    )
    found = list(served_and_features.features(there))

    assert [GOOD, BAD, BAD] == healths(found)
    assert [True, True] == [words in one.sentence for words, one in zip((nobody, "online"), found[1:], strict=True)]


def test_what_is_late_has_no_reason_in_common(settings: Settings) -> None:
    """Of two that hang each is told to be late, behind what it had found before."""
    hangs = threading.Event()

    def hanging(_settings: Settings) -> Iterator[Diagnosis]:
        yield ok("part", "well")
        hangs.wait()

    found = examine({"first": hanging, "second": hanging}, settings, within_s=0.5)
    hangs.set()

    assert ["well", "no answer within 0.5 s; the other checks went on"] * 2 == [one.sentence for one in found]


def test_a_deployment_of_which_nothing_runs_is_told_whole(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1; every check is told, for people and machines, and each bad one says what to do."""
    (port,) = free_ports(1)
    for name in ("AIRFLOW_URL", "LOGGER_URL"):
        monkeypatch.setenv(f"PEGEL_{name}", f"http://{LOOPBACK}:{port}")
    monkeypatch.setenv("PEGEL_KAFKA", f"{LOOPBACK}:{port}")
    codes = []
    for more in ((), ("--json",)):
        with pytest.raises(SystemExit) as ended:
            main(["doctor", "--home", str(settings.home), *more])
        codes.append(ended.value.code)
    said = capsys.readouterr().out
    document = json.loads(said[said.index("{") :])

    assert ([1, 1], False) == (codes, document["good"])
    assert set(CHECKS) == {row["check"] for row in document["doctor"]}
    assert {"airflow", "broker", "heartbeats", "logger", "workflows"} == {
        row["check"] for row in document["doctor"] if row["health"] == "bad"
    }
    assert [] == [row for row in document["doctor"] if row["health"] == "bad" and not row["remedy"]]


def test_a_database_of_another_revision_is_told_and_left(settings: Settings) -> None:
    """Looking brings nothing up to date: what has no tables or other ones has them afterwards, too."""
    engine = connect(settings.database)
    well = list(stored_state.database(settings))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'later'"))
    (later,) = stored_state.database(settings)
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()

    assert ([GOOD], BAD, "later") == (healths(well), later.health, kept)
    assert "of revision later" in later.sentence


def test_drivers_and_workflows_are_told_by_what_they_said(settings: Settings) -> None:
    """One that spoke just now is well, one that fell silent is not; a workflow counts by its last end."""
    engine, now = connect(settings.database), datetime.now(UTC)
    silent = list(stored_state.heartbeats(settings))
    speak(engine, sample_heartbeat(at=now))
    Passes(engine).note(RECONCILE, now)
    Passes(engine).note(DISPATCH, now - timedelta(hours=1))
    heard, passes = list(stored_state.heartbeats(settings)), list(stored_state.workflows(settings))
    engine.dispose()

    assert ([BAD], [GOOD], [GOOD, BAD]) == (healths(silent), healths(heard), healths(passes))
    assert f"pegel runs {DISPATCH}" == passes[1].remedy


def test_a_spec_that_cannot_be_read_is_told(settings: Settings) -> None:
    """It is named, and what mends it."""
    engine = connect(settings.database)
    with engine.begin() as connection:
        connection.execute(sa.update(tables.monitors).values(spec={"model": "spoiled"}))
    engine.dispose()
    (found,) = stored_state.registry(settings)

    assert (BAD, True) == (found.health, found.sentence.startswith("that of delays/1 cannot be read"))


def test_topics_of_watched_models_are_looked_at(settings: Settings, running: Broker) -> None:
    """Missing ones are told; then one that keeps records for an hour; then all are well."""
    there = settings.model_copy(update={"kafka": running.address})
    missing = list(broker(there))
    admin = KafkaAdminClient(bootstrap_servers=running.address)
    topics = names.topics("default")
    kept = {topic: {"num_partitions": 1, "configs": {"retention.ms": str(8 * 86_400_000)}} for topic in topics[1:]}
    admin.create_topics(
        kept | {topics[0]: {"num_partitions": 1, "configs": {"retention.ms": "3600000"}}}, wait_for_metadata=True
    )
    short = list(broker(there))
    admin.delete_topics([topics[0]])
    admin.close()

    assert [GOOD, *len(topics) * [BAD]] == healths(missing)
    assert [GOOD, BAD] == healths(short)
    assert f"{topics[0]} keeps records for 1 h" in short[1].sentence


def test_a_mail_server_takes_a_session_and_no_mail(settings: Settings) -> None:
    """One that answers is well; a port where nobody listens is told; without a name it is only to be known."""
    controller = Controller(Sink(), hostname=LOOPBACK, port=free_ports(1)[0])
    controller.start()
    there = settings.model_copy(update={"smtp": f"{LOOPBACK}:{controller.port}"})
    well = list(services_around.mail(there))
    controller.stop()
    away, unknown = list(services_around.mail(there)), list(services_around.mail(settings))

    assert ([GOOD], [BAD], [WARNING]) == (healths(well), healths(away), healths(unknown))


def test_airflow_says_what_is_ill_and_what_is_paused(
    settings: Settings, fake: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own parts, workflow files that cannot be read, and workflows that are paused or that it does not know."""
    monkeypatch.setenv("PEGEL_AIRFLOW_USER", "ada")
    monkeypatch.setenv("PEGEL_AIRFLOW_PASSWORD", "secret")
    token = fake.answers.pop()
    fake.answers += [
        (200, {"metadatabase": {"status": "healthy"}, "scheduler": {"status": "unhealthy"}, "triggerer": None}),
        token,
        (200, {"import_errors": [{"filename": "x.py", "stack_trace": "Traceback\nNameError: y"}]}),
        (200, {"dags": [{"dag_id": RECONCILE, "is_paused": True}, {"dag_id": DISPATCH, "is_paused": False}]}),
    ]
    found = list(services_around.airflow(settings.model_copy(update={"airflow_url": fake.url})))

    assert 4 * [BAD] == healths(found)
    told = ("scheduler", "x.py: NameError: y", f"{RECONCILE} is paused", "no workflow housekeeping")
    assert [True] * 4 == [words in one.sentence for words, one in zip(told, found, strict=True)]


def test_clocks_are_compared(settings: Settings, fake: FakeAirflow) -> None:
    """The clock of whoever answers is read from its answer; one that is a minute apart is told."""
    with socket.create_server((LOOPBACK, 0)) as nobody:
        there = settings.model_copy(
            update={"airflow_url": fake.url, "logger_url": f"http://{LOOPBACK}:{nobody.getsockname()[1]}"}
        )
        nobody.close()
        waited, ahead = list[float](), [timedelta(minutes=1), timedelta(0)]
        same = list(services_around.clocks(there))
        apart = list(services_around.clocks(there, lambda: datetime.now(UTC) + timedelta(minutes=1), waited.append))
        # What a server wrote into its header while it was busy is from before.
        stale = list(services_around.clocks(there, lambda: datetime.now(UTC) + ahead.pop(0), waited.append))

    assert ([GOOD], [BAD], [GOOD]) == (healths(same), healths(apart), healths(stale))
    assert 3 == len(waited)


def test_an_archive_that_takes_no_file_is_told(settings: Settings, tmp_path: Path) -> None:
    """A place that is a file is none; a folder that is not there yet can be made; an address is not looked at."""
    file = tmp_path / "file"
    file.touch()
    places = (str(file), str(tmp_path / "new" / "archive"), "s3a://bucket/archive")
    found = [one for place in places for one in own_machine.archive(settings.model_copy(update={"archive": place}))]

    assert [BAD, GOOD, WARNING] == healths(found)


def test_settings_that_contradict_each_other_are_told(settings: Settings) -> None:
    """What no pod can reach, and what a process would refuse at its start, are told together."""
    agreeing = list(own_machine.settings_agree(settings))
    wrong = {"job_backend": "kubernetes", "serving_backend": "kserve", "keep": "windows=never", "model_roots": "/srv"}
    found = list(own_machine.settings_agree(Settings.model_validate({"home": settings.home, **wrong})))
    said = " ".join(one.sentence for one in found)

    assert ([GOOD], {BAD}) == (healths(agreeing), {*healths(found)})
    assert [True] * 6 == [
        words in said
        for words in (
            "in a file",
            "PEGEL_KAFKA",
            "PEGEL_LOGGER_URL",
            "the archive in",
            "PEGEL_KEEP",
            "PEGEL_MODEL_ROOTS",
        )
    ]


def test_versions_and_room_are_told(settings: Settings) -> None:
    """What is installed here is of one version, and the disk has room."""
    assert [GOOD] == healths(list(own_machine.versions(settings)))
    assert {"disk"} == {one.check for one in own_machine.disk(settings)}
    assert not bad("disk", "full", "make room").good
