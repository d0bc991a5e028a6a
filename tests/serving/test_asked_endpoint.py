"""An endpoint explained by asking it: our questions are marked, its answers are read, what it does wrong is told."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest
from asked_server import AskedServer, asked_server
from explained_models import numbers, objects, seeds

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.attribution.asked_endpoint import PREFIX, AskedEndpoint
from pegel_serving.attribution.call_budget import CallBudget
from pegel_serving.attribution.explained import NotExplained, refuse_other_sums
from pegel_serving.attribution.permutation_method import PermutationMethod

FEATURES = (Field("a", Kind.NUMERIC), Field("b", Kind.NUMERIC))
PRICE = Schema((*FEATURES, Field("price", Kind.NUMERIC, Role.PREDICTION)))
CLASSES = Schema(
    (
        *FEATURES,
        Field("kind", Kind.CATEGORICAL, Role.PREDICTION),
        *(Field(f"kind_probability{end}", Kind.NUMERIC, Role.PREDICTION) for end in ("", "_no", "_yes")),
    )
)


@pytest.fixture
def endpoint() -> Iterator[AskedServer]:
    """A server that answers twice the first feature plus the second one."""
    with asked_server(lambda row: 2 * (row[0] or 0) + (row[1] or 0)) as server:
        yield server


def asked(endpoint: AskedServer, schema: Schema = PRICE) -> AskedEndpoint:
    """Return what asks the server."""
    address = f"http://127.0.0.1:{endpoint.server_port}/v1/models/m:predict"
    return AskedEndpoint(address, "a secret", schema, CallBudget(1_000_000))


def test_an_endpoint_is_explained_by_marked_questions(endpoint: AskedServer) -> None:
    """Parts add up to what the endpoint answers; each question carries the secret and an id of its own kind."""
    x = numbers(20, 2)
    x[3, 1] = np.nan
    method = PermutationMethod(asked(endpoint), objects(numbers(10, 2, seed=3)))

    told = method.explain(objects(x), seeds(20))

    refuse_other_sums(told)
    assert np.allclose(2 * x[:, 0] + np.nan_to_num(x[:, 1]), told.raw)
    assert {"a secret"} == {sent["pegel-probe"] for sent in endpoint.headers}
    assert all(sent["ce-id"].startswith(PREFIX) for sent in endpoint.headers)


def test_probabilities_are_what_is_explained(endpoint: AskedServer) -> None:
    """Of two classes the probability of the second one is explained, whichever is answered."""
    names = [field.name for field in CLASSES.of_role(Role.PREDICTION)]
    answers = [dict(zip(names, row, strict=True)) for row in (("no", 0.7, 0.7, 0.3), ("yes", 0.6, 0.4, 0.6))]
    endpoint.says = json.dumps({"predictions": answers}).encode()

    assert [[0.3], [0.6]] == asked(endpoint, CLASSES)(objects(numbers(2, 2))).tolist()


@pytest.mark.parametrize("says", [b"", b"no json", b'{"predictions": [1, 2, 3]}', b'{"error": "busy"}'])
def test_an_answer_that_cannot_be_read_is_told(endpoint: AskedServer, says: bytes) -> None:
    """Whatever an endpoint says in place of predictions, nothing is explained by it, and a sentence says so."""
    endpoint.says = says

    with pytest.raises(NotExplained, match="cannot be read"):
        asked(endpoint)(objects(numbers(2, 2)))


def test_an_endpoint_that_is_gone_is_told() -> None:
    """Where nobody listens a sentence says so."""
    gone = AskedEndpoint("http://127.0.0.1:9/v1/models/m:predict", "", PRICE, CallBudget(1_000))

    with pytest.raises(NotExplained, match="does not answer"):
        gone(objects(numbers(1, 2)))
