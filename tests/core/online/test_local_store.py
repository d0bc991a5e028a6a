"""The online store in a file: its promises, and what it says where there is none."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from pegel.data.entity_keys import entity_key
from pegel.errors import Unavailable
from pegel.online.local_store import LocalOnlineStore
from pegel.online.online_store import FeatureVector, Loaded
from pegel.testing.manual_clock import START
from pegel.testing.online_checks import ONLINE_CHECKS, OnlineCheck, check_promise

KEY = entity_key(["WN 1"])
SECOND = timedelta(seconds=1)


def store_in(folder: Path) -> LocalOnlineStore:
    """Return a view of the store in a folder."""
    return LocalOnlineStore(folder / "online.db", "flights")


@pytest.mark.parametrize("check", ONLINE_CHECKS, ids=lambda check: check.__name__)
def test_promises(check: OnlineCheck, tmp_path: Path) -> None:
    """The local store keeps every promise of an online store."""
    check_promise(check, lambda view: LocalOnlineStore(tmp_path / "new" / "online.db", view))


def test_no_store(tmp_path: Path) -> None:
    """Where nothing was ever loaded, a look-up says what fills the store, and makes no file."""
    with pytest.raises(Unavailable, match=r"`pegel features load` fills: there is none\. Nothing was looked up"):
        asyncio.run(store_in(tmp_path).get([KEY], within=SECOND))

    assert [] == list(tmp_path.iterdir())


def test_no_room_for_a_store(tmp_path: Path) -> None:
    """Where no file can be made, a load says why, and not that there is none, which a load is there to change."""
    (tmp_path / "home").write_text("a file in place of the folder")
    store = LocalOnlineStore(tmp_path / "home" / "online.db", "flights")

    with pytest.raises(Unavailable, match=r"features load` fills: .*File exists.*\. Nothing was loaded"):
        store.load([(KEY, FeatureVector({"distance": 7}, START))])


def test_something_else(tmp_path: Path) -> None:
    """A file that is no database neither answers nor is written to."""
    place = tmp_path / "online.db"
    place.write_text("no database, but as long as the head of one" * 10)
    before = place.read_bytes()

    with pytest.raises(Unavailable, match=r"file is not a database\. Nothing was looked up"):
        asyncio.run(store_in(tmp_path).get([KEY], within=SECOND))
    with pytest.raises(Unavailable, match=r"file is not a database\. Nothing was loaded"):
        store_in(tmp_path).load([(KEY, FeatureVector({}, START))])
    assert before == place.read_bytes()


@pytest.mark.parametrize("content", [b"no JSON", b"[1]", b'{"gate": {"a": 1}}', b'{"gate": 1e400}', 12])
def test_no_vector(content: object, tmp_path: Path) -> None:
    """What somebody else has put in the place of a vector's values is a store that does not answer."""
    store = written_by_others(tmp_path, content, 0)

    with pytest.raises(Unavailable, match="Nothing was looked up"):
        asyncio.run(store.get([KEY], within=SECOND))


@pytest.mark.parametrize("event_us", ["yesterday", 1.5, 2**62, b"x"])
def test_no_time(event_us: object, tmp_path: Path) -> None:
    """Neither is what is no time, or none of any calendar."""
    store = written_by_others(tmp_path, b"{}", event_us)

    with pytest.raises(Unavailable, match="Nothing was looked up"):
        asyncio.run(store.get([KEY], within=SECOND))


def written_by_others(folder: Path, content: object, event_us: object) -> LocalOnlineStore:
    """Return a store in which something else has been put into the place of a vector."""
    store = store_in(folder)
    store.load([(KEY, FeatureVector({}, START))])
    with closing(sqlite3.connect(folder / "online.db")) as connection, connection:
        connection.execute("UPDATE vectors SET content = ?, event_us = ?", (content, event_us))
    return store


def test_a_store_that_comes_back(tmp_path: Path) -> None:
    """A look-up that failed does not spoil the next one: a file that is put there later is read."""
    store = store_in(tmp_path)

    async def looked_up() -> list[FeatureVector | None]:
        with pytest.raises(Unavailable):
            await store.get([KEY], within=SECOND)
        store.load([(KEY, FeatureVector({"distance": 7}, START))])
        return await store.get([KEY], within=SECOND)

    assert [FeatureVector({"distance": 7}, START)] == asyncio.run(looked_up())


def test_a_look_up_waits_for_no_load(tmp_path: Path) -> None:
    """While somebody loads, what was loaded before is answered; a load that fails leaves all as it was."""
    store = store_in(tmp_path)
    store.load([(KEY, FeatureVector({"distance": 7}, START))])
    seen = []

    def failing() -> Iterator[tuple[str, FeatureVector]]:
        yield KEY, FeatureVector({"distance": 8}, START + SECOND)
        seen.extend(asyncio.run(store_in(tmp_path).get([KEY], within=SECOND)))
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Unavailable, match=r"disk I/O error\. Nothing was loaded"):
        store.load(failing())

    assert [FeatureVector({"distance": 7}, START)] == seen
    assert seen == asyncio.run(store.get([KEY], within=SECOND))


def test_a_locked_store(tmp_path: Path) -> None:
    """A file that another process has locked for itself does not answer, and is not waited for."""
    store_in(tmp_path).load([(KEY, FeatureVector({}, START))])
    other = sqlite3.connect(tmp_path / "online.db")
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("DELETE FROM vectors")

    with pytest.raises(Unavailable, match="locked"):
        asyncio.run(store_in(tmp_path).get([KEY], within=timedelta(days=1)))
    other.close()


def many(folder: Path) -> list[str]:
    """Load a store with more entities than one statement asks for, and return their keys."""
    keys = [entity_key([number]) for number in range(1_000)]
    store_in(folder).load([(key, FeatureVector({"n": number}, START)) for number, key in enumerate(keys)])
    return keys


def test_a_look_up_of_many_ends_in_time(tmp_path: Path) -> None:
    """A look-up that is not through when its time is over is given up, and the store answers the next one."""
    keys, store = many(tmp_path), store_in(tmp_path)

    async def looked_up() -> list[FeatureVector | None]:
        with pytest.raises(Unavailable, match=r"the store of flights did not answer within 0\.001 ms"):
            await store.get(keys, within=timedelta(microseconds=1))
        return await store.get(keys[:1], within=timedelta(microseconds=1))

    assert [FeatureVector({"n": 0}, START)] == asyncio.run(looked_up())


def test_a_look_up_of_many_lets_others_go_on(tmp_path: Path) -> None:
    """While many entities are looked up, who asks for one of them is answered first."""
    keys, store = many(tmp_path), store_in(tmp_path)
    answered: list[int] = []

    async def ask(asked: list[str]) -> None:
        answered.append(len(await store.get(asked, within=timedelta(minutes=1))))

    async def ask_both() -> None:
        await asyncio.gather(ask(keys), ask(keys[:1]))

    asyncio.run(ask_both())
    assert [1, 1_000] == answered


def test_a_replaced_store(tmp_path: Path) -> None:
    """Another file that was put in the place of a store is read from the next look-up on; without one, none is."""
    store, later = store_in(tmp_path), FeatureVector({"distance": 8}, START - SECOND)
    store.load([(KEY, FeatureVector({"distance": 7}, START))])

    async def looked_up() -> list[FeatureVector | None]:
        await store.get([KEY], within=SECOND)
        (tmp_path / "online.db").unlink()
        with pytest.raises(Unavailable, match="there is none"):
            await store.get([KEY], within=SECOND)
        store.load([(KEY, later)])
        return await store.get([KEY], within=SECOND)

    assert [later] == asyncio.run(looked_up())


def test_a_store_that_is_replaced_while_it_is_asked(tmp_path: Path) -> None:
    """Whoever gives up the old file while the new one is being loaded leaves all of the new one there."""
    store = store_in(tmp_path)
    store.load([(KEY, FeatureVector({"distance": 7}, START))])

    async def asked() -> list[FeatureVector | None]:
        return await store.get([KEY], within=SECOND)

    def vectors() -> Iterator[tuple[str, FeatureVector]]:
        yield KEY, FeatureVector({"distance": 8}, START)
        assert [None] == asyncio.run(asked())

    asyncio.run(asked())
    (tmp_path / "online.db").unlink()
    store_in(tmp_path).load(vectors())
    asyncio.run(store.close())

    assert [FeatureVector({"distance": 8}, START)] == asyncio.run(store_in(tmp_path).get([KEY], within=SECOND))


def test_loads_are_counted(tmp_path: Path) -> None:
    """Each vector is counted once: as written, or as older than what is there."""
    vectors = [(entity_key([number]), FeatureVector({"n": number}, START)) for number in range(1_500)]
    older = [(key, FeatureVector({"n": -1}, START - SECOND)) for key, _ in vectors[:700]]

    assert Loaded(1_500, 0) == store_in(tmp_path).load(vectors)
    assert Loaded(0, 700) == store_in(tmp_path).load(older)
    assert Loaded(0, 0) == store_in(tmp_path).load([])


@pytest.mark.parametrize(
    ("age", "limit", "stale"),
    [
        (timedelta(hours=24), timedelta(hours=24), False),
        (timedelta(hours=24, microseconds=1), timedelta(hours=24), True),
        (timedelta(days=3_000), None, False),
        (-SECOND, timedelta(hours=24), False),
    ],
)
def test_stale(age: timedelta, limit: timedelta | None, stale: bool) -> None:
    """A vector is stale when it is older than the limit; exactly as old is not, and without a limit none is."""
    assert stale is FeatureVector({}, START).is_stale(START + age, limit)
