"""The transformer in this process: what it makes of requests, and what it tells with their events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput
from prometheus_client import CollectorRegistry

from pegel.data.entity_keys import entity_key
from pegel.online.lookups import LookUpRefused
from pegel.online.online_store import FeatureVector
from pegel.online.private_keys import PrivateKeys
from pegel.spec.online_section import Online
from pegel.testing import ManualClock, MemoryOnlineStore
from pegel.testing.manual_clock import START
from pegel_serving.transformer.entity_transformer import EntityTransformer
from pegel_serving.transformer.event_headers import ENTITIES, LOOK_UP
from pegel_serving.transformer.keyed_tensors import json_of
from pegel_serving.transformer.look_up_metrics import LookUpMetrics
from pegel_serving.transformer.predictor_call import PredictorCall

HOUR = timedelta(hours=1)
SECRET = "a secret of 16 b"  # noqa: S105
STATED: dict[str, Any] = {
    "source": "local://tins",
    "keys": ["tin", "shop"],
    "features": {"colour": "default", "weight": "null"},
    "defaults": {"colour": "red"},
    "age_limit": "1h",
}


class Transformer:
    """A transformer over a store in memory, at a standing clock."""

    def __init__(self, **changes: Any) -> None:
        self.store, self.clock, self.registry = MemoryOnlineStore(), ManualClock(), CollectorRegistry()
        self.store.load([(entity_key(["t1", 7]), FeatureVector({"colour": "blue", "weight": 2.5}, START))])
        online = Online.model_validate(STATED | changes)
        told = PrivateKeys(online.keys, online.private, SECRET)
        predictor = PredictorCall("http://127.0.0.1:9", "paint-v1")
        metrics = LookUpMetrics(self.registry)
        self.model = EntityTransformer(
            "paint-v1", online, self.store, predictor, told, metrics=metrics, clock=self.clock
        )

    def asked(self, *instances: Any, headers: dict[str, str] | None = None) -> tuple[list[Any], dict[str, str]]:
        """Return the instances for the predictor, and the headers that go with them."""
        sent = {} if headers is None else headers
        payload = asyncio.run(self.model.preprocess({"instances": list(instances), "more": 1}, sent))
        assert 1 == payload["more"]
        return payload["instances"], sent

    def asked_by_v2(self, *tensors: InferInput, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Return the body of protocol v2 for the predictor."""
        request = InferRequest("paint-v1", list(tensors), request_id="mine", parameters={"binary_data_output": True})
        sent = {} if headers is None else headers
        return json_of(asyncio.run(self.model.preprocess(request, sent)))

    def rows(self, source: str) -> float | None:
        """Return how many rows were counted by the source of their features."""
        return self.registry.get_sample_value("pegel_looked_up_rows_total", {"source": source})


def test_entities_become_rows() -> None:
    """The keys go, the features come, and what the client states beside them stays; the entity is told."""
    made = Transformer()
    rows, headers = made.asked({"tin": "t1", "shop": 7, "size": 1.0}, {"tin": "t1", "shop": "7", "size": 2.0})

    assert [{"size": 1.0, "colour": "blue", "weight": 2.5}, {"size": 2.0, "colour": "blue", "weight": 2.5}] == rows
    assert {ENTITIES: '[["t1","7"],["t1","7"]]'} == headers
    assert [(entity_key(["t1", 7]),)] == made.store.asked
    assert (2.0, 0.0) == (made.rows("store"), made.rows("unknown"))


def test_replaced_rows_are_told_and_counted() -> None:
    """An unknown entity is replaced by policy, told with the event, and counted; the other row is not touched."""
    made = Transformer()
    rows, headers = made.asked({"tin": "t1", "shop": 7}, {"tin": "t2", "shop": 7})

    assert [{"colour": "blue", "weight": 2.5}, {"colour": "red", "weight": None}] == rows
    assert "unknown" == headers[LOOK_UP]
    assert (1.0, 1.0) == (made.rows("store"), made.rows("unknown"))


def test_stale_and_away() -> None:
    """A vector that is too old, and a store that does not answer, are replaced by policy and told as what they are."""
    made = Transformer()
    made.clock.advance(timedelta(hours=1, microseconds=1))
    stale = made.asked({"tin": "t1", "shop": 7})
    made.store.is_away = True
    away = made.asked({"tin": "t1", "shop": 7})

    assert [[{"colour": "red", "weight": None}]] * 2 == [stale[0], away[0]]
    assert ["stale", "unavailable"] == [stale[1][LOOK_UP], away[1][LOOK_UP]]
    assert (1.0, 1.0) == (made.rows("stale"), made.rows("unavailable"))


def test_each_row_is_counted_by_its_own_reason() -> None:
    """Of a request whose rows are replaced for several reasons each row is counted under its own."""
    made = Transformer()
    made.store.load([(entity_key(["t9", 7]), FeatureVector({"colour": "blue", "weight": 2.5}, START - HOUR * 2))])
    old, new = {"tin": "t9", "shop": 7}, {"tin": "t2", "shop": 7}
    _, headers = made.asked(*[old] * 9, new, {"tin": "t1", "shop": 7})

    assert "unknown" == headers[LOOK_UP]
    assert (9.0, 1.0, 1.0) == (made.rows("stale"), made.rows("unknown"), made.rows("store"))


def test_refused_requests_are_counted() -> None:
    """A feature without which a request is refused refuses it, and the refusal is counted by its reason."""
    made = Transformer(features={"colour": "refuse"}, defaults={})

    with pytest.raises(LookUpRefused, match="does not know this entity, and colour is needed"):
        made.asked({"tin": "t2", "shop": 7})
    assert 1.0 == made.registry.get_sample_value("pegel_refused_look_ups_total", {"why": "unknown"})


def test_private_keys_leave_as_hashes() -> None:
    """Of a private key only its hash goes on; nothing that is sent has what the client wrote."""
    rows, headers = Transformer(private=["tin"]).asked({"tin": "t1", "shop": 7})
    ((tin, shop),) = json.loads(headers[ENTITIES])

    assert (True, "7") == (tin.startswith("blake2b:"), shop)
    assert "t1" not in json.dumps([rows, headers])


def test_a_client_cannot_tell_the_monitor_anything() -> None:
    """What a client writes into the headers of the transformer is not told as if the transformer had."""
    forged = {ENTITIES: '[["other"]]', LOOK_UP: "stale", "x-request-id": "1"}
    _, headers = Transformer().asked({"tin": "t1", "shop": 7}, headers=forged)

    assert {ENTITIES: '[["t1","7"]]', "x-request-id": "1"} == headers


def test_rows_that_bring_their_features() -> None:
    """A row that names no entity and states all features goes on as it is, also beside rows that are looked up."""
    made = Transformer()
    whole = {"colour": "green", "weight": 1.0, "size": 3.0}
    alone, without = made.asked(whole, headers={LOOK_UP: "stale"})
    beside, told = made.asked(whole, {"tin": "t1", "shop": 7})

    assert ([whole], {}) == (alone, without)
    assert [whole, {"colour": "blue", "weight": 2.5}] == beside
    assert {ENTITIES: '[null,["t1","7"]]'} == told


def test_entities_without_room_are_left_out_and_counted() -> None:
    """Where the entities of a request have no room in a header none of them is told, and each row with one counted."""
    made = Transformer()
    whole = {"colour": "green", "weight": 1.0}
    _, headers = made.asked(whole, *({"tin": f"t{number:0100}", "shop": 7} for number in range(40)))

    assert {LOOK_UP: "unknown"} == headers
    assert 40.0 == made.registry.get_sample_value("pegel_untold_entities_total")


@pytest.mark.parametrize(
    ("instance", "message"),
    [
        (["t1", 7], "instances\\[0\\]: expected an object that names tin, shop; given: a list"),
        ({"tin": "t1"}, "instances\\[0\\]: expected shop, by which features are looked up"),
        ({}, "instances\\[0\\]: expected tin, shop"),
        ({"tin": "t1", "shop": 7, "colour": "red"}, "colour: looked up by tin, shop; leave it out"),
        ({"tin": None, "shop": 7}, "expected a text or a finite number as part 1 of the key"),
        ({"tin": "x" * 400, "shop": 7}, "expected a key of at most 400 characters"),
        ({"colour": "red"}, "expected tin, shop"),
    ],
)
def test_requests_that_are_none(instance: Any, message: str) -> None:
    """What names no entity is refused with row, field and what was expected; nothing is looked up."""
    made = Transformer()

    with pytest.raises(InvalidInput, match=message):
        made.asked(instance)
    assert [] == made.store.asked


@pytest.mark.parametrize("payload", [{}, [], None, {"instances": {"tin": 1}}, {"inputs": []}])
def test_payloads_that_are_none(payload: Any) -> None:
    """A body without a list of instances is refused."""
    with pytest.raises(InvalidInput, match='expected an object with a list "instances"'):
        asyncio.run(Transformer().model.preprocess(payload, {}))


def test_the_most_rows_of_a_request() -> None:
    """A request of a thousand rows is looked up; one of more is refused before anything is."""
    made, row = Transformer(), {"tin": "t1", "shop": 7}
    rows, _ = made.asked(*[row] * 1_000)

    assert (1_000, 1) == (len(rows), len(made.store.asked))
    with pytest.raises(InvalidInput, match=r"expected at most 1,000 instances in one request; given: 1,001"):
        made.asked(*[row] * 1_001)
    assert 1 == len(made.store.asked)


def test_no_rows() -> None:
    """A request without a row asks the store nothing."""
    made = Transformer()

    assert ([], {}) == made.asked()
    assert [] == made.store.asked


def text(name: str, values: Sequence[str | None], **shape: list[int]) -> InferInput:
    """Return a tensor of texts in JSON."""
    return InferInput(name, shape.get("shape", [len(values)]), "BYTES", data=list(values))


def packed(name: str, values: Sequence[Any], datatype: str) -> InferInput:
    """Return a tensor of shape [rows, 1] whose values are bytes behind the JSON."""
    array = np.array(values, dtype=object if datatype == "BYTES" else None).reshape(-1, 1)
    made = InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=True)
    return made


def columns(body: dict[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return what a body of protocol v2 says of each tensor."""
    return {each["name"]: (each["datatype"], each["shape"], each["data"]) for each in body["inputs"]}


@pytest.mark.parametrize("is_packed", [False, True], ids=["JSON", "bytes"])
def test_entities_in_tensors_become_tensors_of_features(is_packed: bool) -> None:
    """Key tensors go, a tensor for each feature comes, what is stated beside stays, all in JSON; the entity is told."""
    made, headers = Transformer(), {LOOK_UP: "stale"}
    json_keys = (text("tin", ["t1", "t1"]), InferInput("shop", [2], "INT64", data=[7, 7]))
    keys = (packed("tin", ["t1", "t1"], "BYTES"), packed("shop", [7, 7], "INT64")) if is_packed else json_keys
    body = made.asked_by_v2(*keys, packed("size", [1.0, 2.5], "FP64"), headers=headers)

    assert {
        "size": ("FP64", [2, 1], [1.0, 2.5]),
        "colour": ("BYTES", [2], ["blue", "blue"]),
        "weight": ("FP64", [2], [2.5, 2.5]),
    } == columns(body)
    assert ("mine", {"id", "inputs"}) == (body["id"], set(body))
    assert {ENTITIES: '[["t1","7"],["t1","7"]]'} == headers
    assert [(entity_key(["t1", 7]),)] == made.store.asked


def test_replaced_rows_of_tensors_are_told_and_counted() -> None:
    """By v2 the same policies hold; a null among numbers is null, and a feature that nobody has is bare nulls."""
    made, headers = Transformer(), dict[str, str]()
    some = made.asked_by_v2(text("tin", ["t1", "t2"]), text("shop", ["7", "7"]), headers=headers)
    none = made.asked_by_v2(text("tin", ["t2"]), text("shop", ["7"]))

    assert {"colour": ("BYTES", [2], ["blue", "red"]), "weight": ("FP64", [2], [2.5, None])} == columns(some)
    assert ("BYTES", [1], [None]) == columns(none)["weight"]
    assert ("unknown", 1.0, 2.0) == (headers[LOOK_UP], made.rows("store"), made.rows("unknown"))


def test_truth_values_are_never_null_among_themselves() -> None:
    """A tensor of truth values has no null, which would be read as false; with one it is of bare values."""
    made = Transformer(features={"colour": "null"}, defaults={})
    made.store.load([(entity_key(["t1", 7]), FeatureVector({"colour": True}, START))])
    one, two = (made.asked_by_v2(text("tin", tins), text("shop", ["7"] * len(tins))) for tins in (["t1"], ["t1", "t2"]))

    assert [("BOOL", [1], [True]), ("BYTES", [2], [True, None])] == [columns(body)["colour"] for body in (one, two)]


def test_tensors_refused_by_policy() -> None:
    """A feature without which a request is refused refuses one by v2, too, and it is counted."""
    made = Transformer(features={"colour": "refuse"}, defaults={})

    with pytest.raises(LookUpRefused, match="does not know this entity, and colour is needed"):
        made.asked_by_v2(text("tin", ["t2"]), text("shop", ["7"]))
    assert 1.0 == made.registry.get_sample_value("pegel_refused_look_ups_total", {"why": "unknown"})


def test_tensors_that_bring_all_features() -> None:
    """A request that names no entity and states all features goes on as it is."""
    made, headers = Transformer(), {LOOK_UP: "stale"}
    body = made.asked_by_v2(text("colour", ["green"]), InferInput("weight", [1], "FP64", data=[1.0]), headers=headers)

    assert {"colour": ("BYTES", [1], ["green"]), "weight": ("FP64", [1], [1.0])} == columns(body)
    assert ({}, []) == (headers, made.store.asked)


TIN, SHOP = text("tin", ["t1", "t1"]), text("shop", ["7", "7"])


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([TIN], "inputs: expected the tensors shop, by which features are looked up"),
        (
            [TIN, text("shpo", ["7", "7"])],
            "expected the tensors shop, by which features are looked up; did you mean `shop`",
        ),
        ([TIN, SHOP, text("colour", ["red", "red"])], "inputs: colour: looked up by tin, shop; leave it out"),
        ([TIN, text("shop", ["7"])], "inputs: shop: expected one value for each of 2 rows, as tin has"),
        ([TIN, SHOP, text("size", ["a"] * 4, shape=[2, 2])], r"inputs: size: .* given the shape \[2, 2\]"),
        ([text("tin", ["t1", "t1"], shape=[3]), SHOP], "the data of the tensor tin must have the shape"),
        ([text("tin", ["t1", None]), SHOP], "inputs, row 1: expected a text or a finite number as part 1 of the key"),
        ([text("tin", ["t1"] * 1_001), SHOP], "expected at most 1,000 rows in one request; given: 1,001"),
        ([TIN, SHOP, text("tin", ["t2", "t2"])], "expected each tensor once; given twice: tin"),
        ([TIN, SHOP, packed("size", [1.0, -np.inf], "FP64")], "inputs: size: expected finite numbers.* at place 1"),
        ([packed("tin", [np.nan, 1.0], "FP64"), SHOP], "inputs, row 0: expected a text or a finite number as part 1"),
        ([], "expected the tensors tin, shop"),
    ],
)
def test_tensors_that_are_no_request(tensors: list[InferInput], message: str) -> None:
    """What names no entity for each row is refused with tensor and what was expected; nothing is looked up."""
    made = Transformer()

    with pytest.raises(InvalidInput, match=message):
        made.asked_by_v2(*tensors)
    assert [] == made.store.asked
