"""Which baselines a model has had, and two of them side by side."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from blueprints import give_tables

from pegel.errors import NotFound
from pegel.judge.refresh.baseline_changes import BaselineChanges
from pegel.judge.refresh.guard_rails import rows_rail
from pegel.judge.refresh.review import RefreshReview
from pegel.report.baseline_diff import OTHER_CELLS, baseline_diff
from pegel.report.past_baselines import past_baselines
from pegel.report.reading import Sources
from pegel.report.refresh_words import short
from pegel.store.baseline_store import BaselineStore
from pegel.store.database import connect, writing
from pegel.store.refresh_store import RefreshEnd, RefreshStore
from pegel.store.registry import Registry
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline, sample_spec

pytestmark = pytest.mark.environments("sqlalchemy")

CHANGES = BaselineChanges(rows_before=100, rows_now=40, fields=())
REVIEW = RefreshReview(changes=CHANGES, rails=(rows_rail(CHANGES),))
HOUR = timedelta(hours=1)


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    """A database in which `delays/1` is watched."""
    engine = connect(f"sqlite:///{tmp_path / 'pegel.db'}")
    give_tables(engine)
    Registry(engine).put(sample_spec())
    yield Sources(engine)
    engine.dispose()


@pytest.fixture
def three(sources: Sources) -> list[str]:
    """The first one, the one in force, and one that ada rejected."""
    store, refreshes = BaselineStore(sources.engine), RefreshStore(sources.engine)
    ids = [store.put(sample_baseline(seed)) for seed in range(3)]
    store.promote("delays", 1, ids[0], None, by="model_onboard", now=START)
    store.promote("delays", 1, ids[1], ids[0], by="ada", why="summer", now=START + HOUR)
    seq, _ = refreshes.open("delays", 1, ids[2], ids[1], REVIEW, now=START + 2 * HOUR)
    refreshes.end(seq, RefreshEnd.REJECTED, by="ben", why="half of it is missing", now=START + 3 * HOUR)
    return ids


def test_each_baseline_tells_its_data_and_its_fate(sources: Sources, three: list[str]) -> None:
    """Newest first: from when to when it was in force and by whom, or who refused it and why."""
    view = past_baselines(sources, "delays", 1, START + 4 * HOUR)

    assert [short(one) for one in reversed(three)] == [one.short for one in view.baselines]
    assert ["was not promoted", "in force", "earlier"] == [one.standing for one in view.baselines]
    assert ["500 rows, 2 fields" in one.made for one in view.baselines] == [True] * 3
    refused, current, first = (one.fate for one in view.baselines)
    assert "rejected, the current baseline stays by ben: half of it is missing" in refused[0]
    assert current == ["in force from 01:00 UTC on, promoted by ada: summer"]
    assert first == ["in force from 00:00 UTC to 01:00 UTC, promoted by model_onboard"]
    assert len(view.comparable) == 3


def test_one_that_is_gone_and_one_that_is_damaged_say_so(sources: Sources, three: list[str]) -> None:
    """Neither can be compared; the others are shown all the same."""
    with writing(sources.engine) as connection:
        connection.execute(sa.text("DELETE FROM baselines WHERE id = :id"), {"id": three[0]})
        connection.execute(sa.text("UPDATE baselines SET document = x'78' WHERE id = :id"), {"id": three[2]})
    view = past_baselines(sources, "delays", 1, START + 4 * HOUR)
    damaged, _, gone = view.baselines

    assert [three[1]] == [one.id for one in view.comparable]
    assert "the results database keeps no baseline" in gone.made
    assert "expected a readable baseline" in damaged.made


def test_a_model_without_any_and_an_unknown_one(sources: Sources) -> None:
    """The first has an empty history, the second is not there."""
    assert [] == past_baselines(sources, "delays", 1, START).baselines
    with pytest.raises(NotFound, match="nobody/1"):
        past_baselines(sources, "nobody", 1, START)


def test_what_moved_comes_first_with_its_size(sources: Sources) -> None:
    """In other cells no test is done, which is said: the shift of means is told, in the unit of the tests."""
    store = BaselineStore(sources.engine)
    before, after = (store.put(sample_baseline(seed, fields=3)) for seed in range(2))
    view = baseline_diff(sources, "delays", 1, before, after)
    sizes = [float(one.what.split(" by ")[1].split()[0]) for one in view.fields]

    assert OTHER_CELLS == view.note
    assert sorted(sizes, reverse=True) == sizes
    assert {"not tested"} == {one.tag_words for one in view.fields}
    assert ["values", "5 %", "25 %", "median", "75 %", "95 %", "mean", "missing"] == [
        line.label for line in view.fields[0].lines
    ]
    assert ("500", "500") == next((line.before, line.now) for line in view.facts if line.label == "rows")
    assert "judged" in {line.label for line in view.facts}


def test_fields_that_are_gone_and_new_are_told(sources: Sources) -> None:
    """Each has one side without numbers; they come before all that moved."""
    store = BaselineStore(sources.engine)
    wide, narrow = store.put(sample_baseline(0, fields=3)), store.put(sample_baseline(1, fields=2))
    lost, found = (baseline_diff(sources, "delays", 1, *pair) for pair in ((wide, narrow), (narrow, wide)))

    assert ("f2", "gone", "none") == (lost.fields[0].name, lost.fields[0].tag_words, lost.fields[0].lines[0].now)
    assert ("f2", "new", "none") == (found.fields[0].name, found.fields[0].tag_words, found.fields[0].lines[0].before)


def test_the_same_one_twice_is_as_before(sources: Sources) -> None:
    """In the same cells every field is tested, and none moved."""
    one = BaselineStore(sources.engine).put(sample_baseline(rows=5_000))
    view = baseline_diff(sources, "delays", 1, one, one)

    assert ("", {"as before"}) == (view.note, {one.tag_words for one in view.fields})


def test_what_is_not_there_is_not_compared(sources: Sources, three: list[str]) -> None:
    """An unknown id, another model's baseline, a model that is not watched."""
    store = BaselineStore(sources.engine)
    other = store.put(sample_baseline(5, model="other"))
    for model, pair in (("delays", (three[0], "sha256:no")), ("delays", (three[0], other)), ("nobody", three[:2])):
        with pytest.raises(NotFound):
            baseline_diff(sources, model, 1, *pair)
