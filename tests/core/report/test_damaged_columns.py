"""Values in columns of SQLite that nobody wrote there: whoever reads loses one row, and says so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from pegel.reconcile.actions import Action, ActionKind, Target
from pegel.report import html
from pegel.report.model_list import model_rows
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.store import tables
from pegel.store.action_log import ActionLog
from pegel.store.database import writing
from pegel.store.dispatch_failures import DispatchFailures
from pegel.store.registry import Registry
from pegel.store.results import Results
from pegel.store.silence_store import SilenceStore
from pegel.store.stream_store import StreamStore
from pegel.stream.commit import ArrivalRow, Commit, Gap, MonitorFailure, SetAside
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_heartbeat, sample_silence, sample_spec

from .conftest import NOW

pytestmark = pytest.mark.environments("sqlalchemy")

OWN = "delays/1"
GROUP = "group default"
COLUMNS = {
    ("windows", "requests"): OWN,
    ("windows", "latencies"): OWN,
    ("windows", "span_end"): OWN,
    ("windows", "emitted_at"): OWN,
    ("outliers", "event_time"): OWN,
    ("outliers", "score"): OWN,
    ("invalid", "minute"): OWN,
    ("invalid", "count"): OWN,
    ("ledger", "minute"): OWN,
    ("ledger", "judged"): OWN,
    ("failures", "since"): "a failure",
    ("failures", "windows_lost"): OWN,
    ("dispatch_failures", "at"): "what was not told",
    ("dispatch_failures", "times"): OWN,
    ("silences", "until"): OWN,
    ("silences", "said_at"): OWN,
    ("silences", "kind"): OWN,
    ("silences", "every"): OWN,
    ("heartbeats", "generation"): GROUP,
    ("heartbeats", "lag"): GROUP,
    ("heartbeats", "at"): GROUP,
    ("heartbeats", "specs"): GROUP,
    ("arrivals", "minute"): GROUP,
    ("arrivals", "records"): GROUP,
    ("gaps", "end"): GROUP,
    ("gaps", "at"): GROUP,
    ("set_aside", "size_bytes"): GROUP,
    ("set_aside", "at"): GROUP,
    ("actions", "at"): "log of actions",
    ("actions", "generation"): "log of actions",
    ("actions", "kind"): "log of actions",
}
"""What the sentence about damage names, by table and column."""
DAILY = {("windows", "requests"), ("outliers", "score"), ("invalid", "minute"), ("ledger", "judged")}
DAILY |= {("failures", "since"), ("dispatch_failures", "times"), ("silences", "kind"), ("heartbeats", "at")}
DAILY |= {("heartbeats", "specs"), ("arrivals", "minute"), ("gaps", "end"), ("set_aside", "at"), ("actions", "kind")}
"""One of each table, and of each kind of value: a number, a time, a word, a document; the others are `long`."""
LISTED = {"windows", "ledger", "failures", "dispatch_failures", "silences"}
LISTED |= {"heartbeats", "arrivals", "gaps", "set_aside"}
"""Tables of which a list of models tells something."""


@pytest.fixture
def world(sources: Sources) -> Sources:
    """A model with a row in each table, and a second, healthy one of another group."""
    engine = sources.engine
    Registry(engine).put(sample_spec("fraud", group="other"))
    stream = StreamStore(engine)
    claim = stream.claim("default", 5, NOW)
    gap = Gap(topic="pegel.default.inference", partition=0, start=5, end=125, reason="retention", at=NOW)
    poison = SetAside(topic=gap.topic, partition=1, offset=7, size_bytes=900, reason="killed two drivers", at=NOW)
    failure = MonitorFailure(model="delays", version=1, since=NOW, reason="KeyError: 'edges'", windows_lost=3)
    arrived = ArrivalRow(topic=gap.topic, partition=0, minute=START, records=7)
    stream.commit(claim, Commit(gaps=[gap], set_aside=[poison], failures=[failure], arrivals=[arrived]), NOW)
    DispatchFailures(engine).record("delays", 1, "ada@example.org was refused: 550", NOW)
    SilenceStore(engine).say(sample_silence(NOW + 60 * MINUTE))
    stream.heartbeat(stream.claim("other", 1, NOW), sample_heartbeat(NOW, group="other"))
    restart = Action(kind=ActionKind.RESTART, target=Target.driver("other"), reason="killed", generation=1)
    ActionLog(engine).record([restart], NOW - MINUTE)
    return sources


@pytest.mark.parametrize(
    ("table", "column"), [pytest.param(*key, marks=[] if key in DAILY else [pytest.mark.long]) for key in COLUMNS]
)
def test_a_damaged_value_costs_one_row_and_is_named(world: Sources, table: str, column: str) -> None:
    """Garbage in any column leaves list, page and plan readable; the page of who misses the row says which it is."""
    whole, healthy = model_rows(world, NOW), model_view(world, "fraud", 1, NOW)
    damage(world, table, column)
    rows = {row.name: row for row in model_rows(world, NOW)}
    view = model_view(world, "delays", 1, NOW)
    told = [rows["delays"].state.words, *rows["delays"].notices]

    assert any("cannot be read" in text and COLUMNS[table, column] in text for text in view.problems)
    assert (table in LISTED) is any("cannot be read" in text for text in told)
    assert "What is wrong" in html.render(view)
    assert [row for row in whole if row.name == "fraud"] == [rows["fraud"]]
    assert healthy == model_view(world, "fraud", 1, NOW)


@pytest.mark.parametrize(("table", "column"), [key for key in COLUMNS if key[0] in {"heartbeats", "actions"}])
def test_what_a_plan_is_made_from_loses_one_row(world: Sources, table: str, column: str) -> None:
    """The planner gets every other heartbeat and every other line of the log, and the damage in words."""
    damage(world, table, column)
    lines, unheard = list[str](), dict[str, str]()
    beats = Results(world.engine).heartbeats(damaged=unheard)
    history = ActionLog(world.engine).history(NOW, lines)

    assert "other" in {beat.group for beat in beats}
    assert Target.driver("other") in {past.target for past in history}
    assert (["default"], []) == (list(unheard), lines) if table == "heartbeats" else ({}, 1) == (unheard, len(lines))


def damage(world: Sources, table: str, column: str) -> None:
    """Write text that is no value of its column into the newest row about the model or its group."""
    damaged_table = tables.metadata.tables[table]
    rowid: sa.ColumnElement[int] = sa.literal_column("rowid")
    whose: dict[str, sa.ColumnElement[bool]] = {
        "heartbeats": tables.heartbeats.c.group == "default",
        "actions": tables.actions.c.target == "driver/default",
    }
    newest = sa.select(sa.func.max(rowid)).select_from(damaged_table).where(whose.get(table, sa.true()))
    garbage = sa.update(damaged_table).where(rowid == newest.scalar_subquery())
    with writing(world.engine) as connection:
        connection.execute(garbage.values({column: sa.literal_column("'garbage'")}))
