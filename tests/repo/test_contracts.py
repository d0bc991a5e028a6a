"""The import contracts are real: a planted violation is caught, and the page says them in the same words."""

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

VIOLATIONS = {
    "core knows no platform": ("core/pegel/spec/names.py", "import pyspark"),
    "core has six storeys": ("core/pegel/spec/names.py", "import pegel.judge.judge"),
    "inside a storey, too, one looks only downwards": ("core/pegel/stream/panes.py", "import pegel.alerts.alert"),
    "rooms do not import each other": ("serving/pegel_serving/__init__.py", "import pegel_spark"),
    "the client of Redis has one door": ("core/pegel/online/stores.py", "import redis"),
    "the exporter alone speaks to Prometheus in core": ("core/pegel/cli/exporter.py", "import prometheus_client"),
    "OpenTelemetry has one door": ("serving/pegel_serving/proxy.py", "import opentelemetry"),
    "Great Expectations has one door": ("spark/pegel_spark/job.py", "import great_expectations"),
    "shap has one door": ("serving/pegel_serving/fitted_model.py", "import shap"),
    "hsfs has one door": ("spark/pegel_spark/__init__.py", "import hsfs"),
    "no room of core goes in circles": (
        "core/pegel/stats/moments.py",
        "from pegel.stats.summary import Summary as _Summary",
    ),
}


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run the contracts on a copy of the five roots."""
    path = ":".join(str(tree / room) for room in ("core", "local", "plugins", "spark", "serving"))
    command = [str(ROOT / ".venvs/tools/bin/lint-imports"), "--config", str(tree / "pyproject.toml"), "--no-cache"]
    return subprocess.run(
        command,
        cwd=tree,
        env={"PYTHONPATH": path, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the code that may be spoiled."""
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for room in ("core", "local", "plugins", "spark", "serving"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("contract", sorted(VIOLATIONS))
def test_a_planted_violation_is_caught(tree: Path, contract: str) -> None:
    """Each contract fails when the import it forbids is written."""
    file, line = VIOLATIONS[contract]
    with (tree / file).open("a") as source:
        source.write(f"\n{line}\n")

    result = lint(tree)

    assert result.returncode != 0
    assert f"{contract} BROKEN" in " ".join(result.stdout.split())


def test_the_architecture_page_says_the_contracts_in_the_same_words() -> None:
    """Each contract's name stands in docs/architecture.md."""
    page = (ROOT / "docs" / "architecture.md").read_text()

    assert [] == [contract["name"] for contract in CONFIG["contracts"] if contract["name"] not in page]
    assert set(VIOLATIONS) == {contract["name"] for contract in CONFIG["contracts"]}
