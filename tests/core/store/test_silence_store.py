"""Silences in both databases: who said what, several at once, two persons at once, damage, and what is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from pegel.alerts.alert_kind import AlertKind
from pegel.alerts.maintenance import Maintenance
from pegel.alerts.matcher import Matcher
from pegel.alerts.silencing import Silence
from pegel.errors import DamagedRow, NotFound
from pegel.store import tables
from pegel.store.database import writing
from pegel.store.results import Results
from pegel.store.silence_store import SilenceStore
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_silence

pytestmark = pytest.mark.environments("sqlalchemy")

NOW = START + 10 * MINUTE
LATER = NOW + 60 * MINUTE


def test_a_silence_comes_back_as_it_was_said(engine: Engine) -> None:
    """Odd names, a schedule and instants are read as they were written, with the number that was given."""
    about = Matcher(model="de*", version=3, segment="", feature="a,b\n*", kind=AlertKind.QUALITY)
    every = Maintenance.parse("mon-fri 22:00-06:00 America/Sao_Paulo")
    said = Silence(about=about, why="w", by="ada", said_at=NOW, since=START, until=LATER, every=every)
    store = SilenceStore(engine)
    kept = store.say(said)

    assert 1 == kept.id
    assert [kept] == store.all(NOW)
    assert [kept] == store.all(LATER, past=True)


def test_those_that_may_be_about_a_model_are_read(engine: Engine) -> None:
    """A pattern, a version of any model and a feature of any model may be about a model; another name is not."""
    store = SilenceStore(engine)
    for about in (
        Matcher(model="del*"),
        Matcher(version=1),
        Matcher(feature="amount"),
        Matcher(model="fraud"),
        Matcher(model="delays", version=2),
    ):
        store.say(Silence(about=about, why="x", by="ada", said_at=NOW, until=LATER))

    assert [1, 2, 3] == [one.id for one in store.in_force(NOW, "delays", 1)]
    assert [1, 2, 3, 4, 5] == [one.id for one in store.in_force(NOW)]
    assert [] == store.in_force(LATER)


def test_of_two_persons_the_first_has_ended_it(engine: Engine) -> None:
    """Many ends at once are one: whoever comes later is told that it was over, and changes nothing."""
    store = SilenceStore(engine)
    store.say(sample_silence(LATER))
    with ThreadPoolExecutor(8) as pool:
        before = list(pool.map(lambda number: store.end(1, f"person {number}", NOW), range(8)))
    (after,) = store.all(NOW, past=True)

    assert 1 == sum(one.ended_at is None for one in before)
    assert {"", after.ended_by} == {one.ended_by for one in before}
    assert NOW == after.ended_at


def test_silences_of_two_persons_at_once_are_two(engine: Engine) -> None:
    """Each has its own number, and both hold."""
    store = SilenceStore(engine)
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda number: store.say(sample_silence(LATER, by=f"person {number}")), range(8)))

    assert set(range(1, 9)) == {one.id for one in said}
    assert {(one.id, one.by) for one in said} == {(one.id, one.by) for one in store.in_force(NOW)}


def test_who_has_not_the_model_does_not_end_its_silence(engine: Engine) -> None:
    """A silence that is not about the model named is not found, and neither is a number that nobody was given."""
    store = SilenceStore(engine)
    store.say(sample_silence(LATER, feature="amount"))
    with pytest.raises(NotFound, match="no silence about fraud/1 has the number 1: nothing was changed"):
        store.end(1, "ada", NOW, of=("fraud", 1))
    with pytest.raises(NotFound, match="no silence has the number 2"):
        store.end(2, "ada", NOW)

    assert [1] == [one.id for one in store.in_force(NOW)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "gossip"), ("every", "sun 02:00-04:00 Europe/Atlantis"), ("every", ""), ("until", None)],
)
def test_a_damaged_silence_holds_back_nothing_and_is_named(engine: Engine, column: str, value: str | None) -> None:
    """It is left out with its number and its model; others are read; whoever ends it ends it, and hears of it."""
    store = SilenceStore(engine)
    store.say(sample_silence(LATER))
    store.say(sample_silence(LATER, "fraud"))
    with writing(engine) as connection:
        connection.execute(sa.update(tables.silences).where(tables.silences.c.seq == 1).values({column: value}))
    damaged, others = list[str](), list[str]()
    in_force = [one.id for one in store.in_force(NOW, damaged=damaged)]
    store.in_force(NOW, "fraud", 1, damaged=others)
    with pytest.raises(DamagedRow, match="silence 1 about delays/1"):
        store.in_force(NOW)
    with pytest.raises(DamagedRow, match=r"It held back no mail, and is ended now\."):
        store.end(1, "ada", NOW)

    assert ([2], []) == (in_force, others)
    assert ["silence 1 about delays/1 cannot be read"] == [reason.partition(": ")[0] for reason in damaged]
    assert [2] == [one.id for one in store.in_force(NOW)]


def test_a_forgotten_model_takes_its_own_silences_along(engine: Engine) -> None:
    """Those about other models or versions, too, stay; a number is not given again."""
    store = SilenceStore(engine)
    for about in (
        Matcher(model="delays"),
        Matcher(model="del*", version=1),
        Matcher(feature="amount"),
        Matcher(model="delays", version=1, feature="amount"),
    ):
        store.say(Silence(about=about, why="x", by="ada", said_at=NOW, until=LATER))
    Results(engine).forget("delays", 1)
    again = store.say(sample_silence(LATER))

    assert [1, 2, 3, 5] == [one.id for one in store.in_force(NOW)]
    assert 5 == again.id


def test_what_was_said_with_a_clock_ahead_holds_at_once(engine: Engine) -> None:
    """Whoever mails may have a clock that is hours late: what has no beginning of its own is in force."""
    store = SilenceStore(engine)
    store.say(sample_silence(LATER, said_at=NOW))

    assert [1] == [one.id for one in store.in_force(NOW - timedelta(hours=5))]
