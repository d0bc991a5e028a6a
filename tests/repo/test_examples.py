"""Each example runs as it stands and shows what its page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from blueprints import give_tables

from pegel.data.spans import Span
from pegel.judge.decision import insufficient
from pegel.judge.findings import Verdict
from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.testing.samples import sample_finding, sample_spec, sample_window


def python(example: Path, *arguments: str | Path) -> str:
    """Run an example and return what it prints. Fails with what it says when it does not end well."""
    done = subprocess.run([sys.executable, example, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_table_is_checked(root: Path, tmp_path: Path) -> None:
    """Rows like those learned are ok; ink that fades is found in the lower rows, and in no other."""
    report = tmp_path / "report.html"
    same, changed = re.split(r"\n(?=\S.* · \d+ rows against)", python(root / "examples/check_a_table.py", report))

    assert same.startswith("ok")
    assert changed.startswith("drift in 4 of 9 features")
    assert {"row_4", "row_5", "row_6", "row_7"} == set(re.findall(r"row_\d", changed))
    assert report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("spec", "words"),
    [("fraud", "1 false alarm per month at most"), ("churn", "whose rows batch_monitor reads each hour")],
)
def test_the_spec_is_valid(root: Path, tmp_path: Path, spec: str, words: str) -> None:
    """`pegel validate` accepts the spec and says what it means."""
    command = [sys.executable, "-m", "pegel.cli.main", "validate", str(root / f"examples/{spec}.yaml")]
    command += ["--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    assert words in " ".join(done.stdout.split())


def test_results_are_read_by_sql(root: Path, tmp_path: Path) -> None:
    """The newest revision of each window is printed once, the newest window first, with what was found in it."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    drift = sample_window(1, verdict=Verdict.DRIFT)
    Results(engine).write([sample_window(0), sample_window(1, requests=1), drift], [sample_finding(1, p_value=2e-9)])
    Results(engine).write([sample_window(0, revision=2, requests=601), sample_window(2, final=False)])
    engine.dispose()

    assert [
        "2026-01-01 00:02:00 to 00:03:00  ok            600 requests, 0 late  (still open)",
        "2026-01-01 00:01:00 to 00:02:00  drift         600 requests, 0 late",
        "    departure_delay: p-value 2e-09",
        "2026-01-01 00:00:00 to 00:01:00  ok            601 requests, 0 late",
    ] == python(root / "examples/read_results.py", tmp_path / "pegel.db", "delays", "1").splitlines()


def test_the_notebook_runs(root: Path, tmp_path: Path) -> None:
    """Each cell runs over a small results database, the last one counts its rows; the file holds no outputs."""
    notebook = json.loads((root / "examples/what_was_found.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    script = tmp_path / "cells.py"
    script.write_text("\n".join("".join(cell["source"]) for cell in cells) + "\nprint(past)\nprint(rows)\n")
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=5)
    spans = [Span(noon + hour * timedelta(hours=1), noon + (hour + 1) * timedelta(hours=1)) for hour in range(3)]
    told = {"features": [insufficient("departure_delay", "few", 9, 9).to_json()]}
    quiet = [sample_window(span=span, judgement=told) for span in spans[:2]]
    Results(engine).write(
        [*quiet, sample_window(span=spans[2], verdict=Verdict.DRIFT, judgement=told)], [sample_finding(span=spans[2])]
    )
    engine.dispose()
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PEGEL_HOME": str(tmp_path)},
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert "departure_delay: shifted up" in done.stdout
    assert "1800" == done.stdout.splitlines()[-1]
    assert [] == [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None]


@pytest.mark.parametrize("module", ["statistics", "detectors"])
def test_the_package_is_that_of_the_page(root: Path, module: str) -> None:
    """The classes of the package stand on docs/extending.md, word for word."""
    code = (root / "examples/harbour/harbour" / f"{module}.py").read_text()
    page = (root / "docs/extending.md").read_text()

    assert code.partition("\n\n")[2] in page


def test_every_example_has_its_row(root: Path) -> None:
    """The page of the examples names each of them."""
    page = (root / "examples/README.md").read_text()
    examples = [path for path in (root / "examples").iterdir() if path.name not in {"README.md", "__pycache__"}]

    assert [] == [path.name for path in examples if f"`examples/{path.name}" not in page]
