"""Airflow with a home of its own. Its variables are set before anything imports it, because importing reads them."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

# What the tests share, and the backends that the settings below name, live beside the tests.
sys.path.insert(0, str(Path(__file__).parent / "lib"))

import httpx
import pytest
from browsing import browser_address, chromium, login, open_tab, pictures  # noqa: F401  fixtures
from mail_servers import Server, running_server
from people import PASSWORDS, ROLES

from pegel.spec.settings import Settings

ROOT = Path(__file__).parents[2]
HOME = Path(tempfile.mkdtemp(prefix="pegel-airflow-test-"))

os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        # A workflow that is parsed again soon after would not be kept.
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "false",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of these tests, long enough for its digest, and then some more",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ROLES,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(HOME / "passwords.json"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "PEGEL_HOME": str(HOME / "pegel"),
        "PEGEL_JOB_BACKEND": "rooms:jobs",
        "PEGEL_SERVING_BACKEND": "rooms:serving",
    }
)
(HOME / "passwords.json").write_text(json.dumps(PASSWORDS), encoding="utf-8")

# Airflow and its libraries warn about each other, which is not ours to mend. Whatever is raised on account of our own
# modules stays an error.
WARNINGS = ("ignore", "error:::pegel.*", "error:::test_.*")


def pytest_configure(config: pytest.Config) -> None:
    """Let two libraries leave things to the garbage collector: Airflow's Spark hook a pipe, kafka-python a socket."""
    left = r"ignore:Exception ignored in. <(socket|_io\.FileIO):pytest.PytestUnraisableExceptionWarning"
    config.addinivalue_line("filterwarnings", left)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Choose whose warnings are errors, and let any first test carry the cost of importing Airflow."""
    for item in items:
        if "tests/airflow" in str(item.path):
            item.add_marker(pytest.mark.filterwarnings(*WARNINGS))
            item.add_marker(pytest.mark.timeout(180))


def pytest_sessionfinish() -> None:
    """Leave no home behind, and collect what the two libraries left before pytest looks for it with no filter set."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """Airflow's own metadata database, migrated once per run."""
    from airflow.utils.db import initdb

    initdb()
    return HOME / "airflow.db"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own for one test, which tasks find through the environment as in service.

    Its mails wait for nothing: how they are gathered, tests say that are about it.
    """
    monkeypatch.setenv("PEGEL_HOME", str(tmp_path))
    monkeypatch.setenv("PEGEL_MAIL_GATHER", "0")
    monkeypatch.setenv("PEGEL_MAIL_PAUSE", "0")
    monkeypatch.setenv("PEGEL_MAIL_PATIENCE", "0")
    return Settings()


@pytest.fixture
def fresh_rooms() -> None:
    """Both fakes empty."""
    import rooms

    rooms.empty()


@pytest.fixture(scope="session")
def workflows(airflow_database: Path) -> Any:
    """Every workflow, ready to be run in this process."""
    from airflow.dag_processing.dagbag import BundleDagBag

    folder = ROOT / "dags"
    return BundleDagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder").dags


@pytest.fixture(scope="session")
def listed(airflow_database: Path) -> Path:
    """Airflow's database with every workflow in it, as the dag-processor leaves it."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db

    DagBundlesManager().sync_bundles_to_db()  # type: ignore[no-untyped-call]  # Airflow's
    bag = BundleDagBag(dag_folder=ROOT / "dags", bundle_path=ROOT / "dags", bundle_name="dags-folder")
    sync_bag_to_db(bag, "dags-folder", None)
    return airflow_database


@pytest.fixture
def run_dag(workflows: Any) -> Callable[..., str]:
    """Run a workflow to its end in this process, triggers included; returns the run's state."""

    def run(name: str, **params: Any) -> str:
        workflow = workflows[name]
        held = [workflow.params, *(task.params for task in workflow.tasks)]
        before = [
            (given.get_param(key), given.get_param(key).value) for given in held for key in params if key in given
        ]
        try:
            return str(workflow.test(run_conf=params or None).state)
        finally:
            # Airflow writes the answers of a run into the workflow itself, which in service ends with its process.
            for param, value in before:
                param.value = value

    return run


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real Kafka broker on a free port; its address."""
    from pegel_local.kafka.broker import Broker
    from pegel_local.machine.paths import checkout

    with Broker(tmp_path_factory.mktemp("broker"), checkout().jars("broker")) as running:
        yield running.address


@pytest.fixture(scope="session")
def site(airflow_database: Path) -> Iterator[str]:
    """Airflow's real API server with our plugin, on a free port; its address."""
    import uvicorn
    from airflow.api_fastapi.app import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(), port=0, log_level="error", lifespan="on"))
    thread = threading.Thread(daemon=True, target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def browse(site: str) -> Iterator[Callable[[str | None], httpx.Client]]:
    """Return HTTP clients of the site, logged in as a user or as nobody."""
    with ExitStack() as opened:

        def log_in(user: str | None) -> httpx.Client:
            client = opened.enter_context(httpx.Client(base_url=site, timeout=60, trust_env=False))
            if user is not None:
                answer = client.post("/auth/token", json={"username": user, "password": PASSWORDS[user]})
                client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            return client

        yield log_in


@pytest.fixture(scope="session")
def filled() -> Settings:
    """The site's own database, with a model that was watched for a while and drifts."""
    import scene

    scene.play(Settings())
    scene.alarm(Settings())
    return Settings()


@pytest.fixture
def played(filled: Settings) -> Settings:
    """The same, with a driver that spoke just now."""
    import scene

    scene.beat(filled)
    return filled


@pytest.fixture
def expecting(played: Settings) -> Iterator[Settings]:
    """The same, whose model is held to expectations, one of which its windows do not meet."""
    import seeds

    from pegel_airflow import services

    registry = services.stores(played).registry
    before = registry.list()
    registry.put(seeds.spec(watch={"expectations": seeds.EXPECTATIONS}))
    yield played
    for wish in before:
        registry.put(wish)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mail server behind Airflow's connection `smtp_default`."""
    with running_server() as (handler, connection):
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", connection)
        yield handler


@pytest.fixture
def spark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster that stands in for Spark's, reached through the stand-in for its client, first on PATH."""
    import cluster

    folders = (Path(__file__).parent / "lib", Path(sys.executable).parent, os.environ["PATH"])
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", json.dumps({"conn_type": "spark", "host": "local[2]"}))
    with cluster.running() as spark:
        monkeypatch.setenv("PEGEL_TEST_CLUSTER", str(spark.server_port))
        yield spark
