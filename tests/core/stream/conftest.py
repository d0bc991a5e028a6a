"""A group's stream without Spark: tasks run in this process, everything behind them is real."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from blueprints import give_tables

from pegel.data.arrow_columns import columns_of
from pegel.data.columns import Columns, Field, Kind, Role, Schema
from pegel.data.keyed_hash import NO_SECRET, KeyedHash
from pegel.data.wire import REQUEST_TYPE, RESPONSE_TYPE
from pegel.store.database import connect
from pegel.store.results import Results
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import Claim, Commit, Restored
from pegel.stream.counting_plan import CountingPlan
from pegel.stream.counting_task import CountingTask
from pegel.stream.group_state import GroupState
from pegel.stream.task_output import TaskOutput, together
from pegel.testing import ManualClock
from pegel.testing.samples import brief_spec, trained_on
from pegel.testing.stream_fakes import FixedBaselines, FixedModels, LoggedRecord, as_read

BEGIN = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
TOPIC = "pegel.default.inference"
SCHEMA = Schema(
    (
        Field("distance", Kind.NUMERIC, unit="km"),
        Field("carrier", Kind.CATEGORICAL),
        Field("delay", Kind.NUMERIC, Role.PREDICTION, "min"),
    )
)
CARRIERS = ["AA", "DL", "WN"]


def training(rows: int, seed: int) -> pa.Table:
    """Return training data of the schema."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "distance": rng.gamma(2.0, 400.0, rows),
            "carrier": rng.choice(CARRIERS, rows),
            "delay": rng.normal(5.0, 10.0, rows),
        }
    )


@dataclass
class Group:
    """A monitor group over a database, restarted at will; `begin` is aligned to the windows of 5 s."""

    url: str
    clock: ManualClock
    models: FixedModels = field(default_factory=FixedModels)
    baselines: FixedBaselines = field(default_factory=FixedBaselines)
    begin: datetime = BEGIN
    hashed: KeyedHash = NO_SECRET
    sent: int = 0
    runs: int = 0
    output: TaskOutput = field(default_factory=TaskOutput)

    def __post_init__(self) -> None:
        """Connect."""
        engine = connect(self.url)
        give_tables(engine)
        self.store, self.results = StreamStore(engine), Results(engine)
        self.claim: Claim
        self.dispose = engine.dispose

    def watch(self, name: str = "delays", *, seed: int = 7, **changes: Any) -> str:
        """Watch a model by a baseline of its own; return the baseline's id."""
        spec = brief_spec(name, **changes)
        baseline_id = self.baselines.put(trained_on(training(4_000, seed), SCHEMA, spec))
        self.models.watch(spec, baseline_id)
        return baseline_id

    def start(self) -> GroupState:
        """Return the state as a fresh driver restores it."""
        self.runs += 1
        self.claim = self.store.claim("default", self.runs, self.clock.now())
        return GroupState.restored(self.stored(), self.baselines, self.clock.now(), self.hashed)

    def stored(self) -> Restored:
        """Return what the database holds of the group."""
        return self.store.restore(self.claim)

    def pairs(self, first: int, last: int, at: float = 0.0, endpoint: str = "delays-v1") -> list[LoggedRecord]:
        """Return requests and responses with ids from `first` up to `last`, `at` seconds after the beginning."""
        rng, instant = np.random.default_rng(first), self.begin + timedelta(seconds=at)
        records = []
        for number in range(first, last):
            asked = [[float(rng.gamma(2.0, 400.0)), str(rng.choice(CARRIERS))]]
            bodies = {REQUEST_TYPE: {"instances": asked}, RESPONSE_TYPE: {"predictions": [float(rng.normal(5, 10))]}}
            records += [
                LoggedRecord(f"e{number}", kind, endpoint, json.dumps(body).encode(), instant)
                for kind, body in bodies.items()
            ]
        return records

    def placed(self, *partitions: list[LoggedRecord]) -> list[list[LoggedRecord]]:
        """Return records at the next offsets of their partitions."""
        first = self.sent
        self.sent += max((len(records) for records in partitions), default=0)
        return [
            [record.moved(TOPIC, number, first + at) for at, record in enumerate(records)]
            for number, records in enumerate(partitions)
        ]

    def send(self, state: GroupState, *partitions: list[LoggedRecord]) -> Commit:
        """Let a state take in the next batch of records, one task per partition, and commit it."""
        return self.process(state, *self.placed(*partitions))

    def process(self, state: GroupState, *partitions: list[LoggedRecord]) -> Commit:
        """Let a state take in records at the places they have, and commit what comes of it."""
        commit = self.take(state, *partitions)
        self.commit(commit)
        return commit

    def take(self, state: GroupState, *partitions: list[LoggedRecord]) -> Commit:
        """Let a state take in records without committing."""

        def run(plan: CountingPlan, alone: bool) -> TaskOutput:
            parts = [[record for part in partitions for record in part]] if alone else list(partitions)
            tasks = [CountingTask(plan, self.baselines.load).run(as_read(part)) for part in parts]
            return together(output for task in tasks for output in task)

        self.output = state.count(state.plan(self.models, self.clock.now()), run)
        return state.take(self.output, self.models, self.clock.now())

    def commit(self, commit: Commit) -> None:
        """Write a commit."""
        self.store.commit(self.claim, commit, self.clock.now())

    def tick(self, state: GroupState, idle_s: float) -> None:
        """Close what is due when nothing came for so long."""
        commit = state.close_idle(self.models, self.clock.now(), self.clock.now() + timedelta(seconds=idle_s))
        if commit is not None:
            self.commit(commit)

    def totals(self, name: str = "delays") -> tuple[int, ...]:
        """Return requests, responses, joined and duplicates over the newest revision of all windows."""
        rows = self.results.windows(name, 1)
        return tuple(
            sum(getattr(row, count) for row in rows) for count in ("requests", "responses", "joined", "duplicates")
        )


@contextmanager
def group_in(folder: Path) -> Iterator[Group]:
    """Keep a group that watches `delays`, with a baseline, at a standing clock."""
    made = Group(f"sqlite:///{folder / 'pegel.db'}", ManualClock(BEGIN + timedelta(minutes=1)))
    made.watch()
    yield made
    made.dispose()


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    """A group that watches `delays`, with a baseline, at a standing clock."""
    with group_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def new_group() -> Callable[[Path], AbstractContextManager[Group]]:
    """Make such a group in a folder, for a test that needs several."""
    return group_in


@pytest.fixture(scope="session")
def draw_columns() -> Callable[[int, int, Role], Columns]:
    """Draw rows of one role as the training data was drawn: their number, and a seed."""
    return lambda rows, seed, role: columns_of(SCHEMA.of_role(role), training(rows, seed).to_batches()[0])
