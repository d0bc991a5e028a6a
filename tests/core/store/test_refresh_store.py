"""Refreshes in the database: opened once, ended once, and promoted only over what they were compared with."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.errors import DamagedRow, InvalidSpec, NotFound
from pegel.judge.refresh.baseline_changes import BaselineChanges
from pegel.judge.refresh.guard_rails import rows_rail
from pegel.judge.refresh.review import RefreshReview
from pegel.store import tables
from pegel.store.baseline_store import BaselineStore, Promotion
from pegel.store.database import connect, writing
from pegel.store.refresh_store import Refresh, RefreshEnd, RefreshStore
from pegel.testing.manual_clock import START
from pegel.testing.samples import sample_baseline

pytestmark = pytest.mark.environments("sqlalchemy")

HOUR = timedelta(hours=1)
CHANGES = BaselineChanges(rows_before=100, rows_now=40, fields=())
REVIEW = RefreshReview(changes=CHANGES, rails=(rows_rail(CHANGES),))


@pytest.fixture
def store(engine: Engine) -> BaselineStore:
    """Baselines of `delays/1`."""
    return BaselineStore(engine)


@pytest.fixture
def refreshes(engine: Engine) -> RefreshStore:
    """Refreshes of the same database."""
    return RefreshStore(engine)


@pytest.fixture
def ids(store: BaselineStore) -> list[str]:
    """Three kept baselines, of which the first is current."""
    kept = [store.put(sample_baseline(seed)) for seed in range(3)]
    store.promote("delays", 1, kept[0], None, by="model_onboard", now=START)
    return kept


def opened(refreshes: RefreshStore, new: str, current: str) -> int:
    """Open a refresh of `delays/1`; returns its number."""
    return refreshes.open("delays", 1, new, current, REVIEW, now=START)[0]


def test_a_refresh_comes_back_as_it_was_opened(refreshes: RefreshStore, ids: list[str]) -> None:
    """What was known of a new baseline is read back; asking the same while it is open is the same question."""
    first, again = (refreshes.open("delays", 1, ids[1], ids[0], REVIEW, now=START) for _ in range(2))

    assert (first[1], again) == (True, (first[0], False))
    assert refreshes.list("delays", 1) == [
        Refresh(
            seq=first[0], model="delays", version=1, baseline_id=ids[1], compared_with=ids[0], review=REVIEW, at=START
        )
    ]


def test_a_yes_promotes_with_its_reason(refreshes: RefreshStore, store: BaselineStore, ids: list[str]) -> None:
    """Who agreed, when and why stands in the history of the baselines; a no that comes later changes nothing."""
    seq = opened(refreshes, ids[1], ids[0])
    ended = refreshes.end(seq, RefreshEnd.PROMOTED, by="ada", why="summer", now=START + HOUR)
    late = refreshes.end(seq, RefreshEnd.REJECTED, by="bob", why="no", now=START + 2 * HOUR)

    assert (ended.end, late) == (RefreshEnd.PROMOTED, ended)
    assert store.current("delays", 1) == ids[1]
    assert store.history("delays", 1)[-1] == Promotion(
        baseline_id=ids[1], previous=ids[0], at=START + HOUR, by="ada", why="summer"
    )


@pytest.mark.parametrize("end", [RefreshEnd.REJECTED, RefreshEnd.TIMED_OUT, RefreshEnd.LEFT])
def test_everything_else_than_a_yes_leaves_the_current_baseline(
    refreshes: RefreshStore, store: BaselineStore, ids: list[str], end: RefreshEnd
) -> None:
    """A refresh that is not promoted is told as ended, and nothing became current."""
    ended = refreshes.end(opened(refreshes, ids[1], ids[0]), end, by="ada", why="too soon", now=START + HOUR)

    assert (ended.end, ended.by, ended.why, ended.ended_at) == (end, "ada", "too soon", START + HOUR)
    assert (store.current("delays", 1), len(store.history("delays", 1))) == (ids[0], 1)


def test_what_was_compared_is_what_is_replaced(refreshes: RefreshStore, store: BaselineStore, ids: list[str]) -> None:
    """Where another refresh was promoted in between, a yes is a conflict that names both, and changes nothing."""
    seqs = [opened(refreshes, new, ids[0]) for new in ids[1:]]
    first, second = (refreshes.end(seq, RefreshEnd.PROMOTED, by="ada", why="", now=START + HOUR) for seq in seqs)

    assert (first.end, second.end) == (RefreshEnd.PROMOTED, RefreshEnd.CONFLICT)
    assert f"expected {ids[0]} to be current; found {ids[1]}" in second.why
    assert (store.current("delays", 1), len(store.history("delays", 1))) == (ids[1], 2)


def test_a_refresh_that_is_not_there_is_none(refreshes: RefreshStore, store: BaselineStore, ids: list[str]) -> None:
    """Ending an unknown refresh promotes nothing."""
    with pytest.raises(NotFound, match="keeps no refresh 7; nothing was promoted"):
        refreshes.end(7, RefreshEnd.PROMOTED, by="ada", why="", now=START)

    assert store.current("delays", 1) == ids[0]


def test_a_damaged_review_spoils_no_other(engine: Engine, refreshes: RefreshStore, ids: list[str]) -> None:
    """A refresh whose review cannot be read is named; those beside it are listed."""
    damaged, whole = (opened(refreshes, new, ids[0]) for new in ids[1:])
    with writing(engine) as connection:
        connection.execute(sa.update(tables.refreshes).where(tables.refreshes.c.seq == damaged).values(review=[]))
    problems: list[str] = []

    assert [one.seq for one in refreshes.list("delays", 1, damaged=problems)] == [whole]
    assert [problem.split(":")[0] for problem in problems] == [f"refresh {damaged} of delays/1 cannot be read"]
    with pytest.raises(DamagedRow, match="cannot be read"):
        refreshes.get(damaged)


def test_an_earlier_baseline_is_promoted_again(store: BaselineStore, ids: list[str]) -> None:
    """By `previous` or the beginning of its id an earlier baseline becomes current again, with who and why."""
    store.promote("delays", 1, ids[1], ids[0], by="baseline_refresh", now=START + HOUR)
    back = store.restore("delays", 1, "previous", by="ada", why="bad data", now=START + 2 * HOUR)
    digits = ids[1].removeprefix("sha256:")[:12]
    forth = store.restore("delays", 1, digits, by="bob", why="good after all", now=START + 3 * HOUR)

    assert [(one.baseline_id, one.previous, one.by) for one in (back, forth)] == [
        (ids[0], ids[1], "ada"),
        (ids[1], ids[0], "bob"),
    ]
    assert store.history("delays", 1)[-2:] == [back, forth]
    assert store.current("delays", 1) == ids[1]


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        ("previous", NotFound, "its baseline is the first one, there is none before it"),
        ("0123", NotFound, r"given '0123'; it has had: [0-9a-f]{12}\. Nothing was promoted"),
        ("", NotFound, "given ''"),
        ("sha256:", NotFound, "given 'sha256:'"),
    ],
)
def test_only_what_was_current_is_restored(
    store: BaselineStore, ids: list[str], wanted: str, error: type[Exception], words: str
) -> None:
    """What was never this model's baseline is refused by name, with what there is."""
    with pytest.raises(error, match=words):
        store.restore("delays", 1, wanted, by="ada", why="", now=START)

    assert store.current("delays", 1) == ids[0]


def test_the_current_baseline_is_not_restored(store: BaselineStore, ids: list[str]) -> None:
    """Whoever names the current baseline is told so, and nothing is written."""
    with pytest.raises(InvalidSpec, match="is the current one"):
        store.restore("delays", 1, ids[0], by="ada", why="", now=START)

    assert len(store.history("delays", 1)) == 1


def test_the_recount_of_an_open_refresh_is_kept(store: BaselineStore, refreshes: RefreshStore, ids: list[str]) -> None:
    """Whoever is asked sees what it is about; once the refresh has ended, its recount can go."""
    seq, _ = refreshes.open("delays", 1, ids[1], ids[0], REVIEW, now=START, recount=ids[2])
    store.discard(ids[2])

    assert (refreshes.get(seq).recount, store.get(ids[2]).id) == (ids[2], ids[2])
    refreshes.end(seq, RefreshEnd.REJECTED, by="ada", why="", now=START)
    store.discard(ids[2])
    with pytest.raises(NotFound, match="keeps no baseline"):
        store.get(ids[2])


def test_a_recount_is_discarded_and_a_baseline_in_use_is_not(
    store: BaselineStore, refreshes: RefreshStore, ids: list[str]
) -> None:
    """What was current once, or waits for an answer, stays; what served a comparison alone goes."""
    opened(refreshes, ids[1], ids[0])
    for one in ids:
        store.discard(one)

    assert [store.get(one).id for one in ids[:2]] == ids[:2]
    with pytest.raises(NotFound, match="keeps no baseline"):
        store.get(ids[2])


def promote(refreshes: RefreshStore, new: str, current: str) -> tuple[RefreshEnd, str] | None:
    """Promote for `delays/1` what nobody is asked about."""
    return refreshes.promote("delays", 1, new, current, REVIEW, by="baseline_refresh", why="same kind", now=START)


def test_what_nobody_is_asked_about_is_opened_and_promoted_at_once(
    refreshes: RefreshStore, store: BaselineStore, ids: list[str]
) -> None:
    """It ends as it begins, with its reason; where another one is current meanwhile, as a conflict."""
    done, late = promote(refreshes, ids[1], ids[0]), promote(refreshes, ids[2], ids[0])

    assert done == (RefreshEnd.PROMOTED, "same kind")
    assert late is not None
    assert (late[0], f"found {ids[1]}" in late[1]) == (RefreshEnd.CONFLICT, True)
    assert [one.end for one in refreshes.list("delays", 1)] == [RefreshEnd.CONFLICT, RefreshEnd.PROMOTED]
    assert (store.current("delays", 1), store.history("delays", 1)[-1].why) == (ids[1], "same kind")


def test_what_a_person_is_asked_about_is_promoted_by_nobody_else(
    refreshes: RefreshStore, store: BaselineStore, ids: list[str]
) -> None:
    """While the question is open a refresh keeps away from it."""
    opened(refreshes, ids[1], ids[0])

    assert promote(refreshes, ids[1], ids[0]) is None
    assert store.current("delays", 1) == ids[0]


def test_of_two_refreshes_at_once_one_promotes(
    refreshes: RefreshStore, store: BaselineStore, ids: list[str], url: str
) -> None:
    """Six that compared the same: each is told that it is promoted, one did it, and one refresh is kept."""
    outcomes: list[tuple[RefreshEnd, str] | None] = []

    def run() -> None:
        own = connect(url)
        try:
            outcomes.append(promote(RefreshStore(own), ids[1], ids[0]))
        finally:
            own.dispose()

    threads = [threading.Thread(daemon=True, target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes, key=str) == [
        *[(RefreshEnd.PROMOTED, "it is the current one already")] * 5,
        (RefreshEnd.PROMOTED, "same kind"),
    ]
    assert (len(refreshes.list("delays", 1)), len(store.history("delays", 1))) == (1, 2)


KILLED = """
import sys
from pegel.store.database import connect
from pegel.store.refresh_store import RefreshStore
from test_refresh_store import promote

url, first, second = sys.argv[1:]
refreshes = RefreshStore(connect(url))
print("ready", flush=True)
for _ in range(10_000):
    promote(refreshes, second, first)
    promote(refreshes, first, second)
"""


def test_a_refresh_that_is_killed_leaves_nothing_half_done(
    refreshes: RefreshStore, store: BaselineStore, ids: list[str], url: str
) -> None:
    """Killed at whatever moment: all that are kept have ended and are in the history, and the next one works."""
    command = [sys.executable, "-W", "ignore", "-c", KILLED, url, ids[0], ids[1]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + 40
        while len(store.history("delays", 1)) < 20 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()

    kept = refreshes.list("delays", 1, limit=100_000)
    promoted = [one.baseline_id for one in store.history("delays", 1)]
    assert [one.baseline_id for one in reversed(kept)] == promoted[1:]
    assert {one.end for one in kept} == {RefreshEnd.PROMOTED}
    assert store.current("delays", 1) == promoted[-1]
    assert promote(refreshes, ids[2], promoted[-1]) == (RefreshEnd.PROMOTED, "same kind")
