"""The Python of a page runs as it stands, where there is what the page says that there is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from blueprints import give_tables
from page_blocks import blocks_of

from pegel.store.database import connect
from pegel.store.registry import Registry
from pegel.testing.samples import sample_spec

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
LOANS = """
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
rows = 2_000
frame = pd.DataFrame({"id": range(rows), "amount": rng.lognormal(9, 0.5, rows).round(), "score": rng.random(rows)})
frame["disputed"] = rng.random(rows) < 0.1
frame["booked"] = pd.date_range("2026-01-01", periods=rows, freq="min", tz="UTC", unit="us")
"""
"""Rows of payments, with what a model said of them and what really was."""


@dataclass(frozen=True)
class Shown:
    """A block of Python: its page, a line of it, what stands before it in the reader's program, and what behind."""

    page: str
    line: str
    before: str
    behind: str
    said: str

    @property
    def text(self) -> str:
        """Return the block."""
        blocks = blocks_of((ROOT / self.page).read_text(encoding="utf-8"))
        (text,) = [block.text for block in blocks if block.language == "python" and self.line in block.text]
        return text


SHOWN = [
    Shown(
        "README.md",
        "pegel.check(today, baseline)",
        LOANS + 'columns = ["id", "amount", "score"]\n'
        "train, today = frame[columns][:1_000], frame[columns][1_000:].assign(amount=lambda rows: rows.amount * 2)\n",
        "print(pegel.check(today, baseline))",
        "amount",
    ),
    Shown(
        "docs/history.md",
        "past.features.to_pandas()",
        "",
        "print(past.features.to_pandas().columns.tolist())",
        "'feature', 'detector', 'test'",
    ),
    Shown(
        "docs/spec.md",
        "pegel.register(frame",
        "import pegel\n" + LOANS + "frame = frame.drop(columns='id')\n",
        "from pathlib import Path\nprint([path.name for path in Path('.pegel/features/training').iterdir()])",
        "fraud",
    ),
    Shown(
        "docs/spec.md",
        "joblib.dump(pipeline",
        "from sklearn.dummy import DummyClassifier\npipeline = DummyClassifier().fit([[1], [2]], [0, 1])\n",
        "print(joblib.load(folder / 'model.joblib').predict([[3]]))",
        "[0]",
    ),
    Shown("docs/archive.md", "open_archive(Settings()", "", "print(flights.num_rows, flights.column_names)", "0 ["),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A reader's folder with a system of her own, whose one model nobody has asked yet."""
    home = tmp_path / ".pegel"
    home.mkdir()
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    engine.dispose()
    return tmp_path


@pytest.mark.parametrize("shown", SHOWN, ids=lambda shown: f"{shown.page}: {shown.line}")
def test_shown_python_runs(shown: Shown, home: Path) -> None:
    """Without an error, and with what it promises."""
    # A page names the folder of a server, which is not this reader's to make.
    program = f"{shown.before}\n{shown.text}\n{shown.behind}".replace("/models/fraud", str(home / "models"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=home,
        env={name: value for name, value in os.environ.items() if not name.startswith("PEGEL_")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)
    assert shown.said in done.stdout


def test_the_two_commands_beside_it_say_the_same(home: Path) -> None:
    """README's `pegel profile` and `pegel check` learn a file and find in another what was changed in it."""
    make = "train, today = frame[['amount', 'score']][:1_000], frame[['amount', 'score']][1_000:].assign(score=0.5)\n"
    make += "train.to_parquet('train.parquet'); today.to_csv('today.csv', index=False)\n"
    subprocess.run([sys.executable, "-c", LOANS + make], cwd=home, check=True)
    blocks = blocks_of((ROOT / "README.md").read_text(encoding="utf-8"))
    (commands,) = [block.text for block in blocks if "pegel check today.csv" in block.text]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e"],
        input=commands,
        cwd=home,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    # What was found is the exit code of the last command.
    assert (1, "") == (done.returncode, done.stderr)
    assert "drift in 1 of 2 features" in done.stdout
    assert "<!doctype html>" in (home / "report.html").read_text(encoding="utf-8").lower()
