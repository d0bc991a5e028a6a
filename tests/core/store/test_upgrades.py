"""What each release left behind is brought to the present, and to a next one, while a driver goes on writing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from filled_results import fill
from released_state import (
    RELEASES,
    database_of,
    fingerprints,
    leave_behind,
    statements,
    tables,
    versions,
)
from sqlalchemy.engine import Engine

import pegel
from pegel.cli.command_line import run
from pegel.errors import SetupError
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, migrate
from pegel.store.registry import Registry
from pegel.store.result_views import views
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, ReadRange
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline, sample_ledger, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")
NEXT = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", "0001", None, None


def upgrade():
    op.add_column("gaps", sa.Column("seen_by", sa.Text(), nullable=True))
"""
COLUMN = 'metadata.tables["gaps"].append_column(sa.Column("seen_by", sa.Text(), nullable=True))'
MIGRATE = "import sys; from pegel.store.database import connect, migrate; migrate(connect(sys.argv[1]))"


def batch(store: StreamStore, claim: Claim, number: int) -> None:
    """Commit ten records, as a driver does."""
    read = ReadRange(topic="t", partition=0, start=10 * number, end=10 * number + 10, records=10, topic_id="t1")
    store.commit(claim, Commit(read=[read], ledger=[sample_ledger()]), START)


def read_up_to(store: StreamStore, claim: Claim) -> int:
    """Return the offset from which the next driver would go on."""
    return store.restore(claim).offsets["t", 0].end


def counted(engine: Engine) -> dict[str, int]:
    """Return how many rows each view has."""
    with engine.connect() as connection:
        return {
            view: connection.scalar(sa.select(sa.func.count()).select_from(sa.table(view))) or 0
            for view in sorted(views(engine.dialect.name))
        }


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """An installation of a Pegel that comes after this one: it has a migration more."""
    here = Path(pegel.__file__).parent
    there = tmp_path / "next" / "pegel"
    shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
    (there / "store" / "migrations" / "versions" / "9999_next.py").write_text(NEXT)
    with (there / "store" / "tables.py").open("a") as module:
        module.write(COLUMN + "\n")
    return there.parent


def upgrade(release: Path, url: str) -> None:
    """Start what brings tables up to date, of another installation."""
    subprocess.run([sys.executable, "-c", MIGRATE, url], env={**os.environ, "PYTHONPATH": str(release)}, check=True)


def test_every_version_left_something_behind(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Each version of the changelog has its folder; that of an unreleased one is what the code of today leaves."""
    unreleased = [version for version, released in versions().items() if not released]
    for version in unreleased:
        if pytestconfig.getoption("--golden"):
            leave_behind(version, tmp_path / f"{version}.db")
        engine = connect(f"sqlite:///{tmp_path / 'today.db'}")
        migrate(engine)
        engine.dispose()
        left = statements(database_of(version, tmp_path / f"of-{version}.db"))

        assert tables(statements(tmp_path / "today.db")) == tables(left), "pytest --golden writes it anew"

    assert sorted(versions()) == sorted(path.name for path in RELEASES.iterdir() if path.is_dir())
    assert len(unreleased) <= 1


@pytest.mark.parametrize("version", sorted(versions()))
def test_a_release_is_brought_to_the_present_under_its_driver(version: str, tmp_path: Path) -> None:
    """Specs, baselines and every view's rows are there; the driver that runs goes on, before and after."""
    engine = connect(f"sqlite:///{database_of(version, tmp_path / 'old.db')}")
    store = StreamStore(engine)
    claim = store.claim("default", 2, START)
    batch(store, claim, 0)
    migrate(engine)
    batch(store, claim, 1)
    new = connect(f"sqlite:///{tmp_path / 'new.db'}")
    migrate(new)
    fill(new)
    spec = Registry(engine).get("delays", 1)
    current = BaselineStore(engine).current("delays", 1)
    rows, wanted = counted(engine), counted(new)
    at = read_up_to(store, store.claim("default", 3, START))
    for opened in (engine, new):
        opened.dispose()

    assert (sample_spec(), sample_baseline().id) == (spec, current)
    assert wanted == rows
    assert all(rows.values())
    assert 20 == at


@pytest.mark.parametrize("version", sorted(versions()))
def test_specs_of_a_release_mean_what_they_meant(version: str) -> None:
    """Each is read, and what it asks for is the same: an upgrade replaces no endpoint and no monitor."""
    specs = RELEASES / version / "specs"

    assert json.loads((specs / "fingerprints.json").read_text()) == fingerprints(specs)


def test_a_next_release_upgrades_beneath_a_driver_of_this_one(engine: Engine, url: str, next_release: Path) -> None:
    """On both databases: what runs goes on, what is started anew of this release is refused and changes nothing."""
    fill(engine)
    store = StreamStore(engine)
    claim = store.claim("streams", 1, START)
    batch(store, claim, 0)
    before = counted(engine)
    upgrade(next_release, url)
    batch(store, claim, 1)
    with pytest.raises(SetupError, match="revision 9999, which this Pegel does not know"):
        migrate(engine)
    upgrade(next_release, url)

    assert before == counted(engine)
    assert 20 == read_up_to(store, claim)


def test_who_only_looks_changes_no_tables(
    tmp_path: Path, next_release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command of a newer, or an older, installation says which tables it met, and leaves them to what runs."""
    home = tmp_path / "home"
    url = f"sqlite:///{home / 'pegel.db'}"
    engine = connect(url)
    migrate(engine)
    fill(engine)
    before = statements(home / "pegel.db")
    looking = [sys.executable, "-c", "import sys; from pegel.cli.main import main; main()"]
    looking += ["alerts", "--home", str(home)]
    newer = subprocess.run(
        looking, env={**os.environ, "PYTHONPATH": str(next_release)}, capture_output=True, text=True, check=False
    )
    kept = statements(home / "pegel.db")
    upgrade(next_release, url)
    older = run(["alerts", "--home", str(home)])
    engine.dispose()

    assert 1 == newer.returncode, newer.stderr
    assert "tables of revision 0001, of an earlier Pegel; this one's are of 9999" in newer.stderr
    assert before == kept
    assert 1 == older
    assert "written by a newer Pegel; update this installation" in capsys.readouterr().err
