"""The present code started on what an older Pegel left behind: refused by name, before anything runs or changes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pegel.baseline.baseline import Baseline
from pegel.errors import LayoutMismatch, SetupError
from pegel.store.database import connect, migrate
from pegel.store.results import Results

pytestmark = pytest.mark.environments("sqlalchemy")

OLD = Path(__file__).parent / "old_release"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of a home that the code of commit f831ff3 wrote; see the README beside it."""
    return Path(shutil.copytree(OLD, tmp_path / "home"))


def content(database: Path) -> list[str]:
    """Return everything in a database, as statements."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def test_an_old_database_is_refused_by_name(home: Path) -> None:
    """Tables of revision 0001 are named, with what to do, and nothing in them changes."""
    before = content(home / "pegel.db")
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    with pytest.raises(SetupError, match=r"revision 0001, written by a Pegel before 0\.1\.0.* move it away"):
        migrate(engine)
    engine.dispose()

    assert before == content(home / "pegel.db")


def test_reading_an_old_database_without_migrating_is_refused_too(home: Path) -> None:
    """Whoever only reads learns that the tables are of another version, not that a column is missing."""
    engine = connect(f"sqlite:///{home / 'pegel.db'}")
    with pytest.raises(SetupError, match="tables of another version"):
        Results(engine).windows("delays", 1)
    engine.dispose()


def test_an_old_baseline_document_is_refused_by_name(home: Path) -> None:
    """A baseline of version 2 says which version is expected and what to do."""
    (path,) = (home / "features" / "baselines").glob("*.json")

    with pytest.raises(LayoutMismatch, match=r"expected a baseline of version \d+, given 2: profile the training data"):
        Baseline.from_json(json.loads(path.read_text()))
