"""What each release left behind: a filled results database and specs, in the folders beside the tests of upgrades."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from filled_results import fill

from pegel.reconcile.desired import endpoint_fingerprint
from pegel.spec.monitor_spec import MonitorSpec
from pegel.store.database import connect, migrate

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ROOT / "tests" / "core" / "store" / "releases"


def versions() -> dict[str, bool]:
    """Return the versions that the changelog names, each with whether it is released."""
    headings = re.findall(r"^## ([0-9.]+)( \(unreleased\))?", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    return {version: not unreleased for version, unreleased in headings}


def statements(database: Path) -> list[str]:
    """Return everything in a database of SQLite, as statements."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


def tables(written: list[str]) -> list[str]:
    """Return those that make tables and indices: what does not depend on when the database was filled."""
    return [each for each in written if each.startswith(("CREATE TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX"))]


def database_of(version: str, file: Path) -> Path:
    """Make the database that a version left behind."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((RELEASES / version / "results.sql").read_text())
    return file


def fingerprints(specs: Path) -> dict[str, list[str]]:
    """Return what the present code makes of each spec: its fingerprint, and that of its endpoint."""
    read = {file.stem: MonitorSpec.from_yaml(file.read_text()) for file in sorted(specs.glob("*.yaml"))}
    return {name: [spec.fingerprint(), endpoint_fingerprint(spec)] for name, spec in read.items()}


def leave_behind(version: str, scratch: Path) -> None:
    """Write anew what a version leaves behind, with the present code."""
    engine = connect(f"sqlite:///{scratch}")
    migrate(engine)
    fill(engine)
    engine.dispose()
    folder = RELEASES / version
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "specs").mkdir(parents=True)
    (folder / "results.sql").write_text("\n".join(statements(scratch)) + "\n")
    for spec in sorted((ROOT / "examples").glob("**/*.yaml")):
        name = spec.parent.name if spec.stem == "monitor" else spec.stem
        shutil.copyfile(spec, folder / "specs" / f"{name}.yaml")
    (folder / "specs" / "fingerprints.json").write_text(json.dumps(fingerprints(folder / "specs"), indent=1) + "\n")
