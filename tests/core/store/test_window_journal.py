"""What commits change of open windows: restored the same whether it lies in the journal or has moved on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
from blueprints import give_tables
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from pegel.store import tables
from pegel.store.database import connect, reading, writing
from pegel.store.stream_state import move_on
from pegel.store.stream_store import StreamStore
from pegel.store.window_journal import MOST_COMMITS
from pegel.stream.commit import Commit, MonitorState, PanePart
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("sqlalchemy")

OWNERS = st.sampled_from([("delays", 1), ("delays", 2), ("fraud", 1)])
PANES = st.integers(0, 3).map(lambda minute: START + timedelta(minutes=minute))
DATA = st.binary(max_size=6)
NAMES = st.sampled_from(["w1", "w2", "from w1"])
CHARTS = st.none() | st.dictionaries(st.sampled_from("ab"), st.just(float("inf")), min_size=1)

Groups = tuple[Engine, Iterator[str]]
Stored = tuple[dict[tuple[str, int], MonitorState], dict[tuple[str, int, datetime], list[bytes]]]


def part(owner: tuple[str, int], pane: datetime, data: bytes, whole: bool) -> PanePart:
    """Return a part of a pane."""
    return PanePart(model=owner[0], version=owner[1], pane=pane, data=data, whole=whole)


def state_of(
    owner: tuple[str, int],
    head: int,
    charts: dict[str, Any] | None,
    remembered: dict[str, bytes] | None = None,
    forgotten: frozenset[str] = frozenset(),
) -> MonitorState:
    """Return a state. What is remembered anew is not forgotten at once."""
    return MonitorState(
        model=owner[0],
        version=owner[1],
        windows={"head": head},
        charts=charts,
        remembered=remembered or {},
        forgotten=tuple(sorted(forgotten - (remembered or {}).keys())),
    )


COMMITS = st.builds(
    lambda parts, closed, states, gone: Commit(
        pane_parts=parts,
        closed_panes=[each for each in closed if each not in {(p.model, p.version, p.pane) for p in parts}],
        states=list({(each.model, each.version): each for each in states}.values()),
        gone=sorted(gone - {(each.model, each.version) for each in (*parts, *states)}),
    ),
    st.lists(st.builds(part, OWNERS, PANES, DATA, st.booleans()), max_size=4),
    st.lists(st.builds(lambda owner, pane: (*owner, pane), OWNERS, PANES), max_size=3, unique=True),
    st.lists(
        st.builds(
            state_of,
            OWNERS,
            st.integers(0, 9),
            CHARTS,
            st.dictionaries(NAMES, DATA, max_size=2),
            st.frozensets(NAMES, max_size=2),
        ),
        max_size=3,
    ),
    st.sets(OWNERS, max_size=1),
)


def applied(commit: Commit, stored: Stored) -> None:
    """Apply a commit to plain mappings."""
    states, parts = stored
    for each in commit.pane_parts:
        pane = (each.model, each.version, each.pane)
        parts[pane] = ([] if each.whole else parts.get(pane, [])) + [each.data]
    for pane in commit.closed_panes:
        parts.pop(pane, None)
    for state in commit.states:
        owner = (state.model, state.version)
        before = states.get(owner, state_of(owner, 0, None))
        kept = {name: rows for name, rows in before.remembered.items() if name not in state.forgotten}
        charts = before.charts if state.charts is None else state.charts
        states[owner] = replace(state, charts=charts, remembered=kept | state.remembered, forgotten=())
    for owner in commit.gone:
        states.pop(owner, None)
        for pane in [pane for pane in parts if pane[:2] == owner]:
            del parts[pane]


@pytest.fixture(scope="module")
def groups(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Groups]:
    """A database, and names of groups that it does not know yet."""
    engine = connect(f"sqlite:///{tmp_path_factory.mktemp('journal') / 'pegel.db'}")
    give_tables(engine)
    yield engine, map(str, count())
    engine.dispose()


@given(commits=st.lists(st.tuples(COMMITS, st.booleans()), max_size=8))
@settings(max_examples=50)
def test_where_changes_lie_makes_no_difference(groups: Groups, commits: list[tuple[Commit, bool]]) -> None:
    """Whatever was committed, and whenever it moved on, what is restored is what was there last."""
    engine, names = groups
    store, group = StreamStore(engine), next(names)
    claim = store.claim(group, 1, START)
    expected: Stored = ({}, {})
    for commit, moves in commits:
        store.commit(claim, commit, START)
        applied(commit, expected)
        if moves:
            with writing(engine) as connection:
                move_on(connection, group)
    restored = store.restore(claim)
    parts: dict[tuple[str, int, datetime], list[bytes]] = {}
    for each in restored.pane_parts:
        parts.setdefault((each.model, each.version, each.pane), []).append(each.data)

    assert ([expected[0][owner] for owner in sorted(expected[0])], []) == (restored.states, restored.damaged)
    assert expected[1] == parts


def rows(engine: Engine, table: sa.Table) -> int:
    """Count the rows of a table."""
    with reading(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_the_journal_does_not_grow(engine: Engine) -> None:
    """However many commits there are, it holds fewer than a hundred, and a pane that goes on has a row for hundred."""
    store = StreamStore(engine)
    claim = store.claim("default", 1, START)
    most = 0
    for number in range(2 * MOST_COMMITS + 5):
        commit = Commit(
            pane_parts=[part(("delays", 1), START, bytes([number % 256]), whole=False)],
            states=[state_of(("delays", 1), number, None)],
        )
        store.commit(claim, commit, START)
        most = max(most, rows(engine, tables.journal))

    assert (MOST_COMMITS - 1, 5, 2, 1) == (
        most,
        rows(engine, tables.journal),
        rows(engine, tables.pane_parts),
        rows(engine, tables.monitor_states),
    )
    assert 2 * MOST_COMMITS + 5 == len(store.restore(claim).pane_parts)


def test_the_journal_of_one_group_is_nobody_elses(engine: Engine) -> None:
    """A group that moves its journal on leaves that of another where it is."""
    store = StreamStore(engine)
    for group in ("default", "other"):
        commit = Commit(states=[state_of((group, 1), 7, {"a": 1.0})])
        store.commit(store.claim(group, 1, START), commit, START)
    with writing(engine) as connection:
        move_on(connection, "default")
    restored = {group: store.restore(store.claim(group, 2, START)).states for group in ("default", "other")}

    assert (1, 1) == (rows(engine, tables.journal), rows(engine, tables.monitor_states))
    assert {group: [state_of((group, 1), 7, {"a": 1.0})] for group in ("default", "other")} == restored
