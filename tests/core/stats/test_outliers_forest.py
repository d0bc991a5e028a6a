"""Isolation forests, and how rows become their numbers."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pegel.baseline.outliers import Forest
from pegel.baseline.outliers.encoding import Encoding
from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.errors import LayoutMismatch, SetupError
from pegel.stats.layout import build_layout
from pegel.stats.summary import Summary

SCHEMA = Schema((Field("x", Kind.NUMERIC), Field("kind", Kind.CATEGORICAL), Field("y", Kind.NUMERIC)))


def columns(rows: int, seed: int) -> Columns:
    """Draw rows in which y follows x, some y are null, and one kind is common."""
    rng = np.random.default_rng(seed)
    x = rng.normal(1e9, 1.0, rows)
    y = x - 1e9 + rng.normal(0, 0.1, rows)
    y[::50] = np.nan
    codes = np.zeros((rows, 2), dtype=np.uint8)
    codes[::50, 1] = Missing.NULL
    kinds = rng.choice(np.array(["a", "b", None], dtype=object), rows, p=[0.8, 0.15, 0.05])
    return Columns(rows, np.column_stack([x, y]), codes, (kinds,), (None,))


@pytest.fixture(scope="module")
def rows() -> Columns:
    """2,000 baseline rows."""
    return columns(2_000, seed=1)


@pytest.fixture(scope="module")
def summary(rows: Columns) -> Summary:
    """The summary of the baseline rows."""
    values = {"x": rows.numeric[:, 0], "kind": rows.categorical[0], "y": rows.numeric[:, 1]}
    found = Summary.empty(build_layout(SCHEMA, values))
    found.update(rows, Role.FEATURE)
    return found


@pytest.fixture(scope="module")
def forest(summary: Summary, rows: Columns) -> Forest:
    """A forest of the baseline rows."""
    pytest.importorskip("sklearn", reason="NOT TESTED HERE: scikit-learn is an extra that this environment lacks")
    return Forest.fit(summary, rows, seed=3)


def test_rows_become_numbers_between_the_extremes(summary: Summary, rows: Columns) -> None:
    """Numbers lie in 0 to 1, values beyond at the ends, a null at the median and marked, kinds at their cell."""
    low, high = float(rows.numeric[:, 0].min()), float(rows.numeric[:, 0].max())
    x = [low, high, (low + high) / 2, math.inf, -math.inf]
    y = [math.nan, 0.0, math.inf, -1e300, 1e300]
    some = Columns(5, np.column_stack([x, y]), None, (np.array(["a", "b", None, "z", "a"], dtype=object),), (None,))
    matrix = Encoding.of(summary).matrix(some)
    median = Encoding.of(summary).axes[1].columns(np.array([np.nanmedian(rows.numeric[:, 1])]))[0][0]

    assert [0.0, 1.0, 0.5, 1.0, 0.0] == pytest.approx(matrix[:, 0].tolist())
    assert [1.0, 0.0, 1.0] == matrix[2:5, 1].tolist()
    assert median == pytest.approx(matrix[0, 1], abs=0.01)
    assert [1.0, 0.0, 0.0, 0.0, 0.0] == matrix[:, 2].tolist()
    assert [0.0, 1.0, -1.0, 3.0, 0.0] == matrix[:, 3].tolist()


def test_an_encoding_survives_json(summary: Summary, rows: Columns) -> None:
    """An encoding read back from JSON is equal to the one written."""
    encoding = Encoding.of(summary)

    assert encoding == Encoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert (2_000, 4) == encoding.matrix(rows).shape


def test_an_odd_combination_stands_out(forest: Forest) -> None:
    """Values that are each usual score more where y does not follow x than where it does."""
    x, y = np.array([1.8, -1.8, 1.8, -1.8]), np.array([-1.8, 1.8, 1.8, -1.8])
    corners = Columns(4, np.column_stack([1e9 + x, y]), None, (np.array(["a"] * 4, dtype=object),), (None,))
    scores = forest.score(corners)

    assert scores[:2].min() > scores[2:].max()


def test_no_rows_have_no_scores(forest: Forest, rows: Columns) -> None:
    """No rows give an empty array of scores."""
    assert (0,) == forest.score(rows.take(np.arange(0))).shape


def test_same_seed_gives_the_same_digest(summary: Summary, rows: Columns, forest: Forest, tmp_path: Path) -> None:
    """Fitting again with the same seed gives the same file; another seed gives another."""
    digest = forest.save(tmp_path / "first")

    assert digest == Forest.fit(summary, rows, seed=3).save(tmp_path / "again")
    assert digest != Forest.fit(summary, rows, seed=4).save(tmp_path / "other")


@pytest.mark.slow
def test_another_process_gives_the_same_digest(forest: Forest, tmp_path: Path) -> None:
    """Two processes in which strings hash differently write the same file from the same rows."""
    code = (
        "import runpy, sys; from pathlib import Path\n"
        "here = runpy.run_path(sys.argv[1])\n"
        "rows = here['columns'](2_000, seed=1)\n"
        "values = {'x': rows.numeric[:, 0], 'kind': rows.categorical[0], 'y': rows.numeric[:, 1]}\n"
        "summary = here['Summary'].empty(here['build_layout'](here['SCHEMA'], values))\n"
        "summary.update(rows, here['Role'].FEATURE)\n"
        "print(here['Forest'].fit(summary, rows, seed=3).save(Path('forest')))\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, __file__],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONHASHSEED": salt},
        ).stdout.strip()
        for salt in ("1", "2")
    ]

    assert [forest.save(tmp_path / "here")] * 2 == said


def test_a_forest_survives_its_file(forest: Forest, rows: Columns, tmp_path: Path) -> None:
    """A forest read back scores as before, bit for bit."""
    digest = forest.save(tmp_path / "forest")

    assert forest.score(rows).tolist() == Forest.load(tmp_path / "forest", digest).score(rows).tolist()


def test_a_changed_file_is_not_read(forest: Forest, tmp_path: Path) -> None:
    """One changed byte is refused by the digest before anything of the file is run."""
    path = tmp_path / "forest"
    digest = forest.save(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(LayoutMismatch, match="it was not read"):
        Forest.load(path, digest)


def test_another_version_is_not_read(forest: Forest, tmp_path: Path) -> None:
    """A forest fitted by another scikit-learn is refused with both versions."""
    import hashlib

    path = tmp_path / "forest"
    forest.save(path)
    line, _, body = path.read_bytes().partition(b"\n")
    content = json.dumps(json.loads(line) | {"sklearn": "0.1"}).encode() + b"\n" + body
    path.write_bytes(content)

    with pytest.raises(SetupError, match=r"expected scikit-learn 0\.1"):
        Forest.load(path, f"sha256:{hashlib.sha256(content).hexdigest()}")


def test_without_the_library_the_extra_is_named(tmp_path: Path) -> None:
    """Where scikit-learn cannot be imported, the other tiers work and a forest says which extra is missing."""
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import numpy as np\n"
        "from pegel.data.columns import Columns, Schema\n"
        "from pegel.errors import SetupError\n"
        "from pegel.stats.layout import build_layout\n"
        "from pegel.baseline.outliers import Forest, OutlierTables\n"
        "from pegel.stats.summary import Summary\n"
        "summary = Summary.empty(build_layout(Schema(()), {}))\n"
        "OutlierTables.from_summary(summary)\n"
        "try:\n"
        "    Forest.fit(summary, Columns(2, np.empty((2, 0)), None, (), ()))\n"
        "except SetupError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert "install pegel[forest]" in said


def test_no_tier_is_costly_to_import(tmp_path: Path) -> None:
    """Importing the package does not import scikit-learn."""
    code = "import sys, pegel.baseline.outliers; print('sklearn' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path).stdout

    assert "False" == said.strip()
