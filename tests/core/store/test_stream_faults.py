"""Faults of streaming drivers: killed at any point, two of one group at once, a database that goes away."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from pegel.errors import Unavailable
from pegel.store.database import connect, reading
from pegel.store.offsets import stored_offsets
from pegel.store.results import Results
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import ArrivalRow, Commit, MonitorState, PanePart, ReadRange
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_ledger, sample_span, sample_window

pytestmark = pytest.mark.environments("sqlalchemy")

TOPIC = "pegel.default.inference"
DRIVER = """
import sys
from pegel.errors import Conflict, Superseded
from pegel.store.database import connect
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import ArrivalRow, Commit, PanePart, ReadRange
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_ledger, sample_span, sample_window
store = StreamStore(connect(sys.argv[1]))
claim = store.claim("default", int(sys.argv[2]), START)
restored = store.restore(claim).offsets.values()
start = max((range.end for range in restored), default=0)
print(start, flush=True)
while True:
    read = [ReadRange(topic="t", partition=0, start=start, end=start + 10, records=10)]
    ledger = [sample_ledger(judged=10, late=0, invalid=0, duplicate=0)]
    arrivals = [ArrivalRow(topic="t", partition=0, minute=START, records=10)]
    part = PanePart(model="delays", version=1, pane=sample_span(0).start, data=str(start).encode())
    try:
        store.commit(claim, Commit(read=read, ledger=ledger, arrivals=arrivals, pane_parts=[part],
            windows=[sample_window(0, start // 10 + 1, rows=start + 10, final=False)]), START)
    except Superseded:
        sys.exit(4)
    start += 10
"""


@contextmanager
def driver(url: str, generation: int) -> Iterator[subprocess.Popen[str]]:
    """A process that claims the group and commits one batch of ten records after another; killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, url, str(generation)], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def first_line(process: subprocess.Popen[str]) -> int:
    """Return the offset at which a driver went on, once it has claimed."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def assert_whole(engine: Engine) -> None:
    """Compare everything that the drivers left with the offsets they left: each batch is there once, whole."""
    store, results = StreamStore(engine), Results(engine)
    restored = store.restore(store.claim("default", 99, START))
    (last,) = restored.offsets.values()
    (ledger,), (balance,), (window,) = (
        results.ledger("delays", 1),
        results.ledger_balance("default"),
        results.windows("delays", 1),
    )

    assert [str(start).encode() for start in range(0, last.end, 10)] == [part.data for part in restored.pane_parts]
    assert (last.end, last.end, 0, last.end) == (ledger.judged, balance.arrived, balance.difference, window.rows)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_a_killed_driver_leaves_whole_batches_and_the_next_goes_on(engine: Engine, url: str) -> None:
    """After kill -9 another driver goes on at the stored offsets: no batch is lost, none is counted twice."""
    store, deaths = StreamStore(engine), []
    for _ in range(2):
        with driver(url, 1) as process:
            goal = first_line(process) + 30
            _until(lambda goal=goal: _read_up_to(engine) >= goal)  # type: ignore[misc]  # bound now, not later
        deaths.append(store.claim("default", 1, START).deaths)

    assert [1, 1] == deaths
    assert_whole(engine)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(150)
def test_of_two_drivers_at_once_one_writes(engine: Engine, url: str) -> None:
    """A second process that claims the group fences the first in the middle of its work: it ends, and all is whole."""
    with driver(url, 1) as older:
        first_line(older)
        _until(lambda: _read_up_to(engine) >= 30)
        with driver(url, 2) as newer:
            begin = first_line(newer)
            ended = older.wait(timeout=60)
            _until(lambda: _read_up_to(engine) >= begin + 30)

    assert 4 == ended
    assert_whole(engine)


def test_a_database_that_is_away_is_temporary_and_leaves_nothing(unreachable: Engine, engine: Engine) -> None:
    """A commit to a database that does not answer raises Unavailable; the same commit later is accepted, once."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    away = StreamStore(unreachable)
    commit = Commit(read=[ReadRange(topic=TOPIC, partition=0, start=0, end=10, records=10)], ledger=[sample_ledger()])
    with pytest.raises(Unavailable, match="left nothing behind"):
        away.commit(claim, commit, START)
    store.commit(claim, commit, START)

    assert [10] == [range_.end for range_ in store.restore(claim).offsets.values()]


batches = st.lists(
    st.fixed_dictionaries(
        {
            "records": st.integers(1, 50),
            "pane": st.integers(0, 2),
            "whole": st.booleans(),
            "close": st.none() | st.integers(0, 2),
            "charts": st.booleans(),
            "dies": st.booleans(),
        }
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=batches)
def test_what_is_restored_is_the_sum_of_the_commits(new_database: object, batches: list[dict[str, object]]) -> None:
    """After any commits, with drivers that die in between, the restored state is what the commits add up to."""
    engine = connect(new_database(migrated=True))  # type: ignore[operator]  # a fixture's protocol, see conftest
    store = StreamStore(engine)
    claim, offset = store.claim("default", 1, START), 0
    parts: dict[int, list[bytes]] = {}
    windows: dict[str, object] = {}
    charts: dict[str, object] | None = None
    for number, batch in enumerate(batches):
        records, pane, closed = int(str(batch["records"])), int(str(batch["pane"])), batch["close"]
        data, windows = str(number).encode(), {"head_us": number}
        charts = {"batch": number} if batch["charts"] else charts
        parts[pane] = [data] if batch["whole"] else [*parts.get(pane, []), data]
        commit = Commit(
            read=[ReadRange(topic=TOPIC, partition=0, start=offset, end=offset + records, records=records)],
            arrivals=[ArrivalRow(topic=TOPIC, partition=0, minute=START, records=records)],
            pane_parts=[
                PanePart(
                    model="delays",
                    version=1,
                    pane=sample_span(pane).start,
                    data=data,
                    whole=bool(batch["whole"]),
                )
            ],
            states=[
                MonitorState(model="delays", version=1, windows=windows, charts=charts if batch["charts"] else None)
            ],
            windows=[sample_window(number)],
        )
        if closed is not None:
            commit.closed_panes = [("delays", 1, sample_span(int(str(closed))).start)]
            parts.pop(int(str(closed)), None)
        store.commit(claim, commit, START)
        offset += records
        if batch["dies"]:
            claim = store.claim("default", 1, START)
    restored = store.restore(store.claim("default", 1, START))
    found: dict[int, list[bytes]] = {}
    for part in restored.pane_parts:
        found.setdefault(round((part.pane - START).total_seconds() / 60), []).append(part.data)
    engine.dispose()

    assert offset == restored.offsets[TOPIC, 0].end
    assert {pane: data for pane, data in parts.items() if data} == found
    assert [MonitorState(model="delays", version=1, windows=windows, charts=charts)] == restored.states


def _read_up_to(engine: Engine) -> int:
    with reading(engine) as connection:
        return max((range_.end for range_ in stored_offsets(connection, "default").values()), default=0)


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "not within 60 s"
        time.sleep(0.02)
