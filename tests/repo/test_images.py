"""The images of a cluster: one recipe, which runs with and without Docker, and nothing in them but the product."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pegel.manifests.pods import USER
from pegel.manifests.spark_application import LAUNCHERS

ROOMS = ("airflow", "spark", "serving")
STARTS = {
    "airflow": (
        "-c",
        "import importlib.metadata as m; from pegel_airflow import form; print('usage', m.version('apache-airflow'))",
    ),
    "spark": ("-m", "pegel_spark.jobs.baseline", "--help"),
    "serving": ("-m", "pegel_serving.logger", "--help"),
}
"""What shows that an image's environment is whole."""
TOOLS = ("pip", "uv", "pytest", "hypothesis", "mypy", "ruff")
"""What builds or tests, and has no place where models run."""


def versions(lock: Path) -> dict[str, str]:
    """Return the version of each distribution that a lock file pins."""
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ \\;]+)", lock.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("room", ROOMS)
def test_an_image_has_the_versions_that_are_tested(root: Path, room: str) -> None:
    """Whatever an image has, the environment of the same name has in the same version; it lacks what only tests."""
    image = versions(root / "requirements" / f"image-{room}.txt")
    tested = versions(root / "requirements" / f"{room}.txt")

    assert {} == {name: version for name, version in image.items() if tested.get(name) != version}
    assert [] == [tool for tool in TOOLS if tool in image]
    assert len(image) > 50


def test_the_dockerfile_has_a_stage_for_each_image(root: Path) -> None:
    """Each is made by the one script, runs as the user of the manifests, and has nothing that installs."""
    text = (root / "k8s" / "images" / "Dockerfile").read_text()
    made = re.findall(r"^RUN sh /src/k8s/images/build-root\.sh (\w+) /opt/pegel ", text, flags=re.MULTILINE)
    stages = re.findall(r"^FROM run AS (\w+)$", text, flags=re.MULTILINE)

    assert sorted(ROOMS) == sorted(made) == sorted(stages)
    assert f"USER {USER}:{USER}" == re.findall(r"^USER .*$", text, flags=re.MULTILINE)[-1]
    assert "pip uninstall --yes pip setuptools wheel" in text
    assert [] == re.findall(r"curl|wget|git clone|ADD ", text)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return where an image's folder may be made, of a gigabyte; it is gone after the test."""
    yield tmp_path / "pegel"
    shutil.rmtree(tmp_path / "pegel", ignore_errors=True)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("room", ROOMS)
def test_the_recipe_makes_a_folder_that_starts(root: Path, folder: Path, tmp_path: Path, room: str) -> None:
    """The folder that an image has is made by the image's own script; its programs start from it and know no other.

    What Spark reads object stores with is added where it is asked for, and is in the bill.
    """
    script = root / "k8s" / "images" / "build-root.sh"
    environment = os.environ | {"UV": str(root / ".venvs" / "tools" / "bin" / "uv"), "STORES": "s3a"}
    subprocess.run(["sh", script, room, folder, sys.executable], env=environment, cwd=tmp_path, check=True)
    alone = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    python = folder / "bin" / "python"
    started = subprocess.run(
        [python, *STARTS[room]], env=alone, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    bill = json.loads((folder / "sbom.cdx.json").read_text())
    names = {each["name"] for each in bill["components"]}

    assert "usage" in started.stdout
    assert "pegel" in names
    assert not set(TOOLS) & names
    assert [] == [each for each in (folder / "bin").iterdir() if each.name in TOOLS]
    if room == "spark":
        jobs = folder / LAUNCHERS.removeprefix("local:///opt/pegel/")

        assert {"monitor.py", "baseline.py"} <= {path.name for path in jobs.iterdir()}
        assert "hadoop-aws" in names
    if room == "airflow":
        assert {path.name for path in (root / "dags").glob("*.py")} == {
            path.name for path in (folder / "dags").iterdir()
        }
