"""The distributions as people install them: built, put into a fresh environment, and used without the source tree."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command that knows nothing of the source tree: neither its folder nor its variables."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PEGEL", "PYTHON"))}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def wheels(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the wheels that `make wheels` builds, by the name of their distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    built = run("make", "-s", "-C", root, "wheels", f"OUT={folder}", cwd=folder)
    assert built.returncode == 0, built.stderr
    return {path.name.partition("-")[0]: path for path in folder.glob("*.whl")}


class Installed:
    """A fresh environment with some wheels, and a folder to work in."""

    def __init__(self, folder: Path, root: Path, *requirements: str) -> None:
        self.folder = folder
        uv, python = root / ".venvs/tools/bin/uv", folder / "environment/bin/python"
        assert run(uv, "venv", "-q", "--python", sys.executable, folder / "environment", cwd=folder).returncode == 0
        install = (uv, "pip", "install", "-q", "--python", python, "-c", root / "requirements/serving.txt")
        # What set-up has installed is in uv's cache; only a machine without one asks the network again.
        done = run(*install, "--offline", *requirements, cwd=folder)
        if done.returncode:
            done = run(*install, *requirements, cwd=folder)
        assert done.returncode == 0, done.stderr

    def __call__(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment."""
        return run(self.folder / "environment" / "bin" / command, *arguments, cwd=self.folder)


@pytest.fixture(scope="module")
def core(wheels: dict[str, Path], root: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Core alone, without any extra, and three small CSV files, the last with values far from the first."""
    installed = Installed(tmp_path_factory.mktemp("core"), root, str(wheels["pegel"]))
    for name, shift in (("training", 0), ("today", 0), ("changed", 40)):
        with (installed.folder / f"{name}.csv").open("w", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["delay", "airline"])
            rows.writerows([(i * 37) % 101 + shift, "ABC"[i % 3]] for i in range(2_000))
    return installed


def test_the_wheel_that_the_readme_installs_is_built(wheels: dict[str, Path], root: Path) -> None:
    """`pip install dist/...` names it as `make wheels` does."""
    assert f"pip install dist/{wheels['pegel'].name}\n" in (root / "README.md").read_text(encoding="utf-8")


def test_five_distributions_are_built(wheels: dict[str, Path]) -> None:
    """Each room is one wheel, which holds its licence and its types and says for which Python it is."""
    found = {}
    for name, wheel in wheels.items():
        with zipfile.ZipFile(wheel) as archive:
            files = archive.namelist()
            metadata = Parser().parsestr(archive.read(next(f for f in files if f.endswith("/METADATA"))).decode())
        assert f"{name}/py.typed" in files
        assert metadata["License-Expression"] == "Apache-2.0"
        assert [True] == [f.endswith("/licenses/LICENSE") for f in files if "/licenses/" in f and f[-1] != "/"]
        found[name] = metadata["Requires-Python"]

    assert {
        "pegel": "<3.14,>=3.11",
        "pegel_local": "<3.14,>=3.11",
        "pegel_airflow": "==3.11.*",
        "pegel_spark": "==3.11.*",
        "pegel_serving": "==3.11.*",
    } == {name: ",".join(sorted(part.strip() for part in versions.split(","))) for name, versions in found.items()}


def test_every_file_of_a_package_is_in_its_wheel(wheels: dict[str, Path], committed: list[Path], root: Path) -> None:
    """Templates, styles and configurations are packed like the code beside them."""
    folders = {"core": "pegel", "local": "pegel_local", "plugins": "pegel_airflow", "spark": "pegel_spark"}
    folders["serving"] = "pegel_serving"
    for room, package in folders.items():
        inside = {str(p.relative_to(root / room)) for p in committed if (root / room / package) in p.parents}
        with zipfile.ZipFile(wheels[package]) as archive:
            assert set() == inside - set(archive.namelist())


def test_core_works_without_extras(core: Installed) -> None:
    """Commands are listed and specs validated, with nothing but what core itself needs."""
    spec = core.folder / "mine.yaml"
    spec.write_text(
        "model: {name: fraud, version: 3, uri: 'file:///models/fraud'}\n"
        "baseline: {source: 'local://fraud?version=1&split=train'}\n"
    )
    listed, validated = core("pegel", "--help"), core("pegel", "validate", str(spec))

    assert (0, "") == (listed.returncode, listed.stderr)
    assert "profile" in listed.stdout
    assert (0, "") == (validated.returncode, validated.stderr)


def test_tables_are_profiled_and_checked(core: Installed) -> None:
    """A shell with the wheel alone learns a table, finds one like it ok (0) and a shifted one changed (1)."""
    learned = core("pegel", "profile", "training.csv", "-o", "baseline.json")
    same = core("pegel", "check", "today.csv", "--baseline", "baseline.json", "--save", "report.html")
    other = core("pegel", "check", "changed.csv", "--baseline", "baseline.json")

    assert (0, 0, 1) == (learned.returncode, same.returncode, other.returncode), learned.stderr + same.stderr
    assert "delay" in other.stdout
    assert "<html" in (core.folder / "report.html").read_text(encoding="utf-8")


def test_tables_are_registered(core: Installed) -> None:
    """The same wheel keeps a table as training data and lists it."""
    kept = core("pegel", "register", "training.csv", "--name", "flights", "--home", "home")
    listed = core("pegel", "data", "list", "--home", "home")

    assert (0, 0) == (kept.returncode, listed.returncode), kept.stderr + listed.stderr
    assert "local://flights?version=1&split=train  2,000  2 " in listed.stdout


def test_a_notebook_needs_the_wheel_alone(core: Installed) -> None:
    """Parquet, a frame in memory and a mapping of columns are read; a baseline and a report render as HTML."""
    code = (
        "import pyarrow, pyarrow.csv, pyarrow.parquet, pegel\n"
        "frame = pyarrow.csv.read_csv('training.csv')\n"
        "pyarrow.parquet.write_table(frame, 'training.parquet')\n"
        "tables = ['training.csv', 'training.parquet', frame, frame.to_pydict()]\n"
        "baselines = [pegel.profile(table) for table in tables]\n"
        "print(len({baseline.id for baseline in baselines}), '<table>' in baselines[0]._repr_html_())\n"
        "report = pegel.check('changed.csv', baselines[0])\n"
        "print(report.verdict, '<svg' in report._repr_html_(), pegel.register(frame, name='mine').source)\n"
    )
    said = core("python", "-W", "ignore", "-c", code)

    assert (0, "") == (said.returncode, said.stderr)
    assert ["1 True", "drift True local://mine?version=1&split=train"] == said.stdout.splitlines()


@pytest.mark.long
def test_a_package_of_ones_own_is_found(wheels: dict[str, Path], root: Path, tmp_path: Path) -> None:
    """Once `examples/harbour` is installed, its statistic and its detector are known, and a spec may name them."""
    package = shutil.copytree(root / "examples" / "harbour", tmp_path / "harbour")
    installed = Installed(tmp_path, root, str(wheels["pegel"]), str(package))
    code = (
        "from pegel.stats.statistic_registry import statistic\n"
        "from pegel.detect.detector_registry import detector\n"
        "from pegel.testing.statistic_checks import STATISTIC_CHECKS, sample_of\n"
        "for check in STATISTIC_CHECKS: check(sample_of(statistic('zero_share')), 0)\n"
        "print(detector('zeros').needs)\n"
    )
    found, validated = installed("python", "-c", code), installed("pegel", "validate", str(package / "harbour.yaml"))

    assert ("('zero_share',)\n", "") == (found.stdout, found.stderr)
    assert (0, "") == (validated.returncode, validated.stderr)


def test_nothing_of_the_source_tree_is_needed(core: Installed, root: Path) -> None:
    """What runs is the installed package: no path of the interpreter leads into this tree."""
    said = core("python", "-c", "import sys, pegel; print(pegel.__file__, *sys.path, sep='\\n')").stdout

    assert str(core.folder) in said
    assert str(root) not in said


def test_local_brings_its_commands(
    wheels: dict[str, Path], root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The wheel of one machine adds its commands to those of core."""
    installed = Installed(tmp_path_factory.mktemp("local"), root, str(wheels["pegel"]), str(wheels["pegel_local"]))
    listed = installed("pegel", "--help")

    assert listed.returncode == 0, listed.stderr
    assert all(name in listed.stdout for name in ("up", "down", "status", "apply", "validate"))
