"""What one batch costs to write, before and after state moved into the database: `python -m benchmarks.store.writes`.

Before: commit f831ff3 with its own code, from the repository's history (journal files synced to disk, results by
upsert). After: `StreamStore.commit`. Both write the same seconds of 1 and 50 models of 50 fields, on SQLite and
PostgreSQL; counting and judging are not measured. Bytes are those of the write-ahead log, and of files beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from benchmarks.page import put, when
from benchmarks.store.batches import FIELDS, ROWS, SECONDS, START, seconds
from sqlalchemy.engine import Engine
from tests.core.store.conftest import new_postgres, server

from pegel.spec.names import inference_topic
from pegel.store.database import connect, migrate
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import ArrivalRow, Commit, MonitorState, PanePart, ReadRange
from pegel.testing.samples import sample_ledger, sample_window

OLD = "f831ff3"
MODELS = (1, 50)
HERE = Path(__file__).parent
Cost = dict[str, float]


def before(code: Path, batches: Path, url: str, work: Path) -> Cost:
    """Return what the old code needs per batch."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(str(code / room) for room in ("core", "spark"))}
    command = [sys.executable, str(HERE / "before.txt"), str(batches), url, str(work / "journal")]
    done = subprocess.run(command, env=environment, cwd=code, capture_output=True, text=True, check=True)
    cost: Cost = json.loads(done.stdout.splitlines()[-1])
    return cost


def after(batches: list[list[dict[str, Any]]], url: str) -> Cost:
    """Return what a commit needs per batch."""
    engine = connect(url)
    migrate(engine)
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    position = _wal_position(engine)
    took = []
    for second in batches:
        began = time.perf_counter()
        store.commit(claim, commit_of(second), START)
        took.append(1e3 * (time.perf_counter() - began))
    written = _wal_since(engine, position)
    engine.dispose()
    return {"ms": statistics.median(took), "database": written / len(batches), "files": 0.0}


def commit_of(second: list[dict[str, Any]]) -> Commit:
    """Return one second of all models."""
    number = second[0]["second"]
    records = len(second) * 2 * ROWS
    topic = inference_topic("default")
    return Commit(
        read=[ReadRange(topic=topic, partition=0, start=number * records, end=(number + 1) * records, records=records)],
        arrivals=[ArrivalRow(topic=topic, partition=0, minute=START, records=records)],
        windows=[
            sample_window(
                revision=number + 1,
                final=False,
                model=one["model"],
                summary=one["window"],
                judgement=one["judgement"],
                baseline_id=one["baseline_id"],
            )
            for one in second
        ],
        ledger=[sample_ledger(model=one["model"], judged=2 * ROWS) for one in second],
        pane_parts=[
            PanePart(model=one["model"], version=1, pane=START, data=one["part"] + one["ids"]) for one in second
        ],
        states=[MonitorState(model=one["model"], version=1, windows={"head_us": number}) for one in second],
    )


def _wal_position(engine: Engine) -> str:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 0")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            return ""
        return str(connection.scalar(sa.text("SELECT pg_current_wal_insert_lsn()")))


def _wal_since(engine: Engine, position: str) -> float:
    if engine.dialect.name == "sqlite":
        return Path(f"{engine.url.database}-wal").stat().st_size
    with engine.connect() as connection:
        difference = sa.text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :position)")
        return float(connection.scalar(difference, {"position": position}))


@contextmanager
def databases(work: Path) -> Iterator[dict[str, Any]]:
    """Yield per kind of database a function that makes an empty one."""
    folder = work / "sqlite"
    folder.mkdir()
    numbers = iter(range(1_000))
    with tempfile.TemporaryDirectory(prefix="pegel-pg-", dir="/tmp") as sockets, server(Path(sockets)) as running:
        new = new_postgres(running)
        yield {
            "SQLite": lambda: f"sqlite:///{folder / str(next(numbers))}.db",
            "PostgreSQL": lambda: new(migrated=False),
        }


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    asked = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        code = work / "code"
        code.mkdir()
        archive = subprocess.run(["git", "archive", OLD, "core", "spark"], capture_output=True, check=True).stdout
        subprocess.run(["tar", "x", "-C", str(code)], input=archive, check=True)
        with databases(work) as kinds:
            for models in MODELS:
                batches = seconds(models)
                pickled = work / f"{models}.pickle"
                pickled.write_bytes(pickle.dumps(batches))
                for kind, new in kinds.items():
                    place = Path(tempfile.mkdtemp(dir=work))
                    old, present = before(code, pickled, new(), place), after(batches, new())
                    for side, cost in ((f"before ({OLD})", old), ("after", present)):
                        kb = f"{cost['database'] / 1e3:,.0f} | {cost['files'] / 1e3:,.0f}"
                        lines.append(f"| {kind} | {models} | {side} | {cost['ms']:.1f} | {kb} |")
    text = (
        f"One batch of {ROWS} new rows per model of {FIELDS} fields, windows of a minute, median of {SECONDS}; kB of "
        f"the database's write-ahead log and of files beside it. Run on {when()}; "
        f"`python -m benchmarks.store.writes` regenerates it.\n\n"
        "| database | models | | ms | kB to the database | kB to files |\n|---|---|---|---|---|---|\n"
        + "\n".join(lines)
    )
    print(text)
    if asked.write:
        put(asked.write, "store-writes", text)


if __name__ == "__main__":
    main()
