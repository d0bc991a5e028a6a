"""Each distribution depends on what it imports, and imports what it depends on."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOMS = ("core", "local", "plugins", "spark", "serving")
MODULES = {
    "apache-airflow": {"airflow"},
    "apache-airflow-providers-apache-spark": {"airflow"},
    "apache-airflow-providers-cncf-kubernetes": {"airflow"},
    "apache-airflow-providers-http": {"airflow"},
    "apache-airflow-providers-smtp": {"airflow"},
    "hopsworks": {"hsfs", "hopsworks", "hopsworks_common"},
    "kafka-python": {"kafka"},
    "opentelemetry-api": {"opentelemetry"},
    "opentelemetry-exporter-otlp-proto-http": {"opentelemetry"},
    "opentelemetry-sdk": {"opentelemetry"},
    "psycopg": {"psycopg"},
    "pyspark": {"pyspark", "py4j"},
    "pyyaml": {"yaml"},
    "scikit-learn": {"sklearn"},
    "pydantic-settings": {"pydantic_settings"},
    "prometheus-client": {"prometheus_client"},
    "confluent-kafka": {"confluent_kafka"},
    "great-expectations": {"great_expectations"},
    "xgboost-cpu": {"xgboost"},
}
"""What a distribution is imported as, where the name does not say it."""
WITHOUT_IMPORT = {
    "local: kafka-python": "the probe of a broker is about to use it",
    "plugins: pegel-local": "the backends of one machine are loaded by name, `pegel_airflow.doors`",
    "serving: cloudevents": "kserve 0.21 does not start with version 2",
    "serving: lightgbm": "a model of it is loaded by name, as its file says",
    "serving: pegel-local": "the command line of the local system runs in this environment",
    "spark: pandas": "pyspark's Arrow functions ask for it, in a version below 3",
    "spark: river": "the outlier benchmark takes labelled data from it",
    "spark: scikit-learn": "the outlier benchmark takes labelled data and the areas under curves from it",
    "core: psycopg": "SQLAlchemy loads it by the URL of the results database",
    "plugins: apache-airflow-providers-cncf-kubernetes": "the Kubernetes backends come with the next issues",
    "serving: httptools": "uvicorn parses HTTP with it where it is installed; the logger's speed was measured with it",
}
"""Dependencies that no line imports, each with the reason why it stays."""

BORROWED = {
    "local": {"urllib3": "the Kubernetes client passes on what the one below it raises"},
    "plugins": {
        "kubernetes_asyncio": "the provider of Kubernetes brings the client that triggers wait with",
        "urllib3": "the same: its other client passes on what the one below it raises",
        "fastapi": "a page inside Airflow is an app of the FastAPI that Airflow brings",
        "starlette": "the same: what its router refuses is an exception of the Starlette below",
        "structlog": "a task logs as Airflow does",
    },
    "spark": {
        "deltalake": "Hopsworks' client brings its own build of it, which no other may stand beside",
        "pyiceberg": "the same client brings it",
    },
    "serving": {"fastapi": "a body that KServe's application refuses is an exception of the FastAPI below it"},
}
OURS = {"pegel": "core", "pegel-local": "local"}


def name_of(requirement: str) -> str:
    """Return the normal name in a requirement."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def project(root: Path, room: str) -> dict[str, Any]:
    """Return the `[project]` table of a room."""
    table: dict[str, Any] = tomllib.loads((root / room / "pyproject.toml").read_text())["project"]
    return table


def wanted(root: Path, room: str, *, test: bool) -> set[str]:
    """Return the names of all dependencies of a room, extras included; those of its tests only if asked for."""
    table = project(root, room)
    extras = table.get("optional-dependencies", {}).items()
    lists = [table["dependencies"], *(some for extra, some in extras if test or extra != "test")]
    return {name_of(requirement) for some in lists for requirement in some}


def imports(folder: Path) -> set[str]:
    """Return the top names of everything that the code below a folder imports, also by name."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            elif (
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith("import_module")
                and isinstance(node.args[0], ast.Constant)
            ):
                names.add(str(node.args[0].value))
    return names


def imported_as(name: str) -> set[str]:
    """Return the module names of a distribution."""
    return MODULES.get(name, {name.replace("-", "_")})


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_installed_for_nothing(root: Path, room: str) -> None:
    """Each dependency is imported by its own room, or stands in the list above with its reason."""
    tops = {name.partition(".")[0] for name in imports(root / room)}
    if room == "plugins":
        tops |= {name.partition(".")[0] for name in imports(root / "dags")}
    idle = {name for name in wanted(root, room, test=False) if not imported_as(name) & tops}
    excused = {key.partition(": ")[2] for key in WITHOUT_IMPORT if key.startswith(f"{room}: ")}

    assert set() == idle - excused
    assert set() == excused - wanted(root, room, test=False)


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_is_borrowed(root: Path, room: str) -> None:
    """Each import is a dependency of the room, or of a part of Pegel below it; none just happens to be there."""
    mine = wanted(root, room, test=False)
    inherited = {name for other, owner in OURS.items() if other in mine for name in wanted(root, owner, test=False)}
    known = {module for name in mine | inherited for module in imported_as(name)}
    own = {path.name for path in (root / room).iterdir() if path.is_dir()} | {"pegel_plugin"}
    tops = {name.partition(".")[0] for name in imports(root / room)}

    assert set(BORROWED.get(room, {})) == tops - known - own - set(sys.stdlib_module_names)


def test_every_provider_is_used(root: Path) -> None:
    """Airflow's providers share one package, so each is looked for by its own name."""
    names = imports(root / "plugins") | imports(root / "dags")
    providers = {
        "apache-airflow-providers-apache-spark": "airflow.providers.apache.spark",
        "apache-airflow-providers-http": "airflow.providers.http",
        "apache-airflow-providers-smtp": "airflow.providers.smtp",
    }

    assert {} == {
        name: module for name, module in providers.items() if not any(used.startswith(module) for used in names)
    }
    assert set(providers) | {"apache-airflow-providers-cncf-kubernetes"} == {
        name for name in wanted(root, "plugins", test=False) if "providers" in name
    }
