"""Names: each file and each public class has one of its own, and those written as strings lead somewhere."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

ROOMS = {
    "core": "spark",
    "local": "serving",
    "plugins": "airflow",
    "spark": "spark",
    "serving": "serving",
}
"""Each folder of code, with the environment that has what it imports."""
ENVIRONMENTS = {
    "pegel": "spark",
    "pegel_local": "serving",
    "pegel_airflow": "airflow",
    "pegel_spark": "spark",
    "pegel_serving": "serving",
}
SAME_FILE_NAME = {
    "baseline.py": "a Spark job is called as the workflow it serves",
    "progress.py": "a bar for people, and Spark's listener",
}


@pytest.fixture(scope="module")
def modules(root: Path, committed: list[Path]) -> list[Path]:
    """Return the Python files of the five distributions."""
    tops = {root / room for room in ROOMS}
    return [path for path in committed if path.suffix == ".py" and tops & set(path.parents)]


def test_no_file_name_stands_twice(modules: list[Path], root: Path) -> None:
    """Whoever is told a file's name finds one file; packages' own files are not meant."""
    places = defaultdict(list)
    for path in modules:
        if path.name not in {"__init__.py", "__main__.py"} and "versions" not in path.parts:
            places[path.name].append(str(path.relative_to(root)))
    twice = {name for name, paths in places.items() if len(paths) > 1}

    assert set() == twice - set(SAME_FILE_NAME)


def test_no_public_class_name_stands_twice(modules: list[Path], root: Path) -> None:
    """One word means one thing in every room."""
    places = defaultdict(set)
    for path in modules:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].add(str(path.relative_to(root)))
    twice = {name: sorted(paths) for name, paths in places.items() if len(paths) > 1}

    assert {} == twice


@pytest.fixture(scope="module")
def written(committed: list[Path]) -> dict[str, set[str]]:
    """Return every module and every `module:name` that stands as a string somewhere, by its distribution."""
    patterns = (
        r"""["'`]((pegel(?:_[a-z]+)?)(?:\.\w+)+:\w+)["'`]""",
        r"""["']-m["'], ["']((pegel(?:_[a-z]+)?)(?:\.\w+)*)["']""",
        r"""python -m ((pegel(?:_[a-z]+)?)(?:\.\w+)*)""",
    )
    names = defaultdict(set)
    for path in committed:
        if path.suffix in {".py", ".toml", ".md", ".sh", ".yaml", ""} and path.stat().st_size < 1_000_000:
            text = path.read_text(encoding="utf-8", errors="ignore")
            for pattern in patterns:
                for name, package in re.findall(pattern, text):
                    names[package].add(name)
    return dict(names)


RESOLVE = """
import importlib.util, json, sys
from importlib import import_module
missing = []
for name in json.load(sys.stdin):
    module, _, attribute = name.partition(":")
    try:
        if attribute:
            getattr(import_module(module), attribute)
        elif importlib.util.find_spec(module) is None:
            missing.append(name)
    except Exception as error:
        missing.append(f"{name}: {error!r}")
print(json.dumps(missing))
"""


@pytest.mark.parametrize("package", sorted(ENVIRONMENTS))
def test_names_given_as_strings_lead_somewhere(
    package: str, written: dict[str, set[str]], root: Path, tmp_path: Path
) -> None:
    """Each `module:name` can be imported in its environment, and each module that is started by name is there."""
    names = sorted(written.get(package, set()))
    python = root / ".venvs" / ENVIRONMENTS[package] / "bin" / "python"
    # Airflow writes to its home as soon as it is imported.
    environment = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__UNIT_TEST_MODE": "True"}
    done = subprocess.run(
        [python, "-W", "ignore", "-c", RESOLVE],
        input=json.dumps(names),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        cwd=tmp_path,
    )

    assert [] == json.loads(done.stdout.splitlines()[-1])


def test_strings_are_found_at_all(written: dict[str, set[str]]) -> None:
    """The search above finds entry points, registries and processes started by name."""
    names = set().union(*written.values())

    assert {"pegel.cli.main:main", "pegel.stats.counters:Counters", "pegel_serving.server"} <= names
