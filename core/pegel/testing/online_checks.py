"""What every online store promises, as checks. Each implementation runs through the same ones.

A check is given views, each of which opens a view of one fresh store by its name, and raises AssertionError with a
sentence when a promise is broken. Use them so::

    @pytest.mark.parametrize("check", ONLINE_CHECKS, ids=lambda check: check.__name__)
    def test_promises(check, tmp_path):
        check_promise(check, lambda view: LocalOnlineStore(tmp_path / "online.db", view))
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta

from pegel.data.entity_keys import entity_key
from pegel.online.online_store import FeatureVector, LoadableStore, Loaded, Value

WITHIN = timedelta(seconds=10)
"""How long a store may take: its answers are judged here, not its speed."""
NOON = datetime(2026, 3, 1, 12, 0, 0, 123_456, tzinfo=UTC)
LATER = NOON + timedelta(microseconds=1)
EARLIER = NOON - timedelta(days=400)

Views = Callable[[str], LoadableStore]
OnlineCheck = Callable[[Views], Coroutine[None, None, None]]


def check_promise(check: OnlineCheck, views: Views) -> None:
    """Run one check in an event loop of its own. Raises AssertionError where the promise is broken."""
    asyncio.run(check(views))


def _expect(expected: object, actual: object, what: str) -> None:
    if expected != actual:
        raise AssertionError(f"{what}: expected {expected}; given {actual}")


def _vector(at: datetime = NOON, **values: Value) -> FeatureVector:
    return FeatureVector(values, at)


async def _closed(*stores: LoadableStore) -> None:
    for store in stores:
        await store.close()


async def a_loaded_vector_is_returned(views: Views) -> None:
    """Values keep their types, their letters and their order, and the event time its microseconds."""
    store, key = views("flights"), entity_key(["WN 1"])
    vector = _vector(number=0.1, whole=7, text="7", empty="", letters='ü"\n\u2028', truth=True, nothing=None)
    store.load([(key, vector)])
    (given,) = await store.get([key], within=WITHIN)
    _expect(vector, given, "what was loaded")
    _expect(list(vector.values), list(given.values) if given else None, "the order of features")
    _expect(
        [type(value) for value in vector.values.values()],
        [type(value) for value in given.values.values()] if given else None,
        "types",
    )
    await _closed(store)


async def an_unknown_entity_is_none(views: Views) -> None:
    """An entity that was never loaded is None and no error; no entity gives an empty list."""
    store, known = views("flights"), entity_key(["known"])
    store.load([(known, _vector(distance=1))])
    unknown = entity_key(["unknown"])
    _expect([None, _vector(distance=1), None], await store.get([unknown, known, unknown], within=WITHIN), "the answer")
    _expect([], await store.get([], within=WITHIN), "the answer to nothing")
    await _closed(store)


async def answers_have_the_order_of_the_question(views: Views) -> None:
    """Of many entities at once, some twice, each answer stands where its entity was asked for."""
    store = views("flights")
    keys = [entity_key([number]) for number in range(1_200)]
    store.load([(key, _vector(number=number)) for number, key in enumerate(keys)])
    asked = [*range(1_199, -1, -1), *range(0, 1_200, 7)]
    answers = await store.get([keys[number] for number in asked], within=WITHIN)
    _expect(asked, [answer.values["number"] if answer else None for answer in answers], "the numbers")
    await _closed(store)


async def the_latest_vector_stays(views: Views) -> None:
    """A later vector replaces an earlier one whole; one that comes late does not."""
    store, key = views("flights"), entity_key(["a"])
    _expect(Loaded(1, 0), store.load([(key, _vector(NOON, delay=1.0, gate="B7"))]), "the first")
    _expect(Loaded(1, 0), store.load([(key, _vector(LATER, delay=2.0))]), "the later one")
    _expect(Loaded(0, 2), store.load([(key, _vector(NOON, delay=3.0)), (key, _vector(EARLIER, delay=4.0))]), "the old")
    _expect([_vector(LATER, delay=2.0)], await store.get([key], within=WITHIN), "the vector")
    await _closed(store)


async def of_one_load_the_latest_stays(views: Views) -> None:
    """Of several rows of an entity in one load the latest stays, whichever order they come in."""
    store, key = views("flights"), entity_key(["a"])
    days = [3, 1, 4, 2, 0]
    store.load([(key, _vector(NOON + timedelta(days=day), day=day)) for day in days])
    _expect([_vector(NOON + timedelta(days=4), day=4)], await store.get([key], within=WITHIN), "the vector")
    await _closed(store)


async def a_correction_of_the_same_time_is_taken(views: Views) -> None:
    """A vector of the same time replaces what was loaded; loading the same again changes nothing."""
    store, key = views("flights"), entity_key(["a"])
    store.load([(key, _vector(delay=1.0))])
    store.load([(key, _vector(delay=2.0))])
    store.load([(key, _vector(delay=2.0))])
    _expect([_vector(delay=2.0)], await store.get([key], within=WITHIN), "the vector")
    await _closed(store)


async def a_look_up_sees_what_was_just_loaded(views: Views) -> None:
    """A store that is kept open answers with what another process has loaded since."""
    reader, writer, key = views("flights"), views("flights"), entity_key(["a"])
    writer.load([(key, _vector(NOON, delay=1.0))])
    _expect([_vector(NOON, delay=1.0)], await reader.get([key], within=WITHIN), "the first vector")
    writer.load([(key, _vector(LATER, delay=2.0))])
    _expect([_vector(LATER, delay=2.0)], await reader.get([key], within=WITHIN), "the second vector")
    await _closed(reader, writer)


async def keys_are_not_confused(views: Views) -> None:
    """Keys that look alike are different entities: parts that are joined otherwise, cases, blanks, equal beginnings.

    All keys of a view have as many parts.
    """
    texts = [["a,b"], ["ab"], ['a","b'], ["*"], ["%"], ["a:b"], ["A,b"]]
    pairs = [["a", "b"], ["a,", "b"], ["a", ",b"], ["ab", ""], ["", "ab"], ["A", "b"], ["a ", "b"], ['a","', "b"]]
    for view, parts in (("airports", texts), ("routes", pairs)):
        store, keys = views(view), [entity_key(each) for each in parts]
        store.load([(key, _vector(number=number)) for number, key in enumerate(keys)])
        answers = await store.get(keys, within=WITHIN)
        given = [answer.values["number"] if answer else None for answer in answers]
        _expect(list(range(len(keys))), given, f"the numbers of {view}")
        await _closed(store)


async def views_are_apart(views: Views) -> None:
    """An entity of one view is unknown in another one, and each view has its own vector of it."""
    flights, airports, key = views("flights"), views("airports"), entity_key(["ORD"])
    flights.load([(key, _vector(number=1))])
    _expect([None], await airports.get([key], within=WITHIN), "the other view")
    airports.load([(key, _vector(number=2))])
    _expect([_vector(number=1)], await flights.get([key], within=WITHIN), "the first view")
    _expect([_vector(number=2)], await airports.get([key], within=WITHIN), "the second view")
    await _closed(flights, airports)


async def many_may_ask_at_the_same_time(views: Views) -> None:
    """Look-ups that run beside each other get the answers to their own questions, however many run."""
    store = views("flights")
    keys = [entity_key([number]) for number in range(200)]
    store.load([(key, _vector(number=number)) for number, key in enumerate(keys)])
    answers = await asyncio.gather(*(store.get([key], within=WITHIN) for key in keys))
    _expect([[_vector(number=number)] for number in range(200)], list(answers), "the answers")
    await _closed(store)


async def a_closed_store_opens_again(views: Views) -> None:
    """Closing twice does no harm, and a closed store answers the next question."""
    store, key = views("flights"), entity_key(["a"])
    store.load([(key, _vector(number=1))])
    await store.get([key], within=WITHIN)
    await _closed(store, store)
    _expect([_vector(number=1)], await store.get([key], within=WITHIN), "the vector")
    await _closed(store)


async def what_is_removed_is_unknown(views: Views) -> None:
    """An entity that was removed has no vector, those beside it have theirs; removing it again does nothing."""
    store, gone, stays = views("flights"), entity_key(["a"]), entity_key(["b"])
    store.load([(gone, _vector(number=1)), (stays, _vector(number=2))])
    _expect([True, False], [store.forget(gone), store.forget(gone)], "whether there was one")
    _expect([None, _vector(number=2)], await store.get([gone, stays], within=WITHIN), "the vectors")
    await _closed(store)


ONLINE_CHECKS: tuple[OnlineCheck, ...] = (
    what_is_removed_is_unknown,
    a_loaded_vector_is_returned,
    an_unknown_entity_is_none,
    answers_have_the_order_of_the_question,
    the_latest_vector_stays,
    of_one_load_the_latest_stays,
    a_correction_of_the_same_time_is_taken,
    a_look_up_sees_what_was_just_loaded,
    keys_are_not_confused,
    views_are_apart,
    many_may_ask_at_the_same_time,
    a_closed_store_opens_again,
)
"""Every promise of `pegel.online.online_store`, but those about faults, which each causes in its own way."""
