"""Single rows explained on request, by the real model server and by an explainer beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import processes
import pyarrow as pa
import pytest
from explained_models import numbers, outcome
from fitted_models import write
from kserve.errors import ServerNotReady
from pyarrow import parquet
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.neural_network import MLPRegressor

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.attribution.explained_calls import MOST_CALLS, MOST_ROWS, ExplainedCalls
from pegel_serving.fitted_model import FittedModel
from pegel_serving.metadata import Metadata

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NAMES = ("a", "b", "c")
SCHEMA = Schema((*(Field(name, Kind.NUMERIC) for name in NAMES), Field("price", Kind.NUMERIC, Role.PREDICTION)))
ROWS: list[Any] = [[0.5, -1.0, 2.0], [1.0, 0.0, None]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, of trees and of a net, and a table of their baseline."""
    place = tmp_path_factory.mktemp("explained")
    x = numbers(300, 3)
    trees = HistGradientBoostingRegressor(max_iter=10, random_state=0).fit(x, outcome(x))
    net = MLPRegressor(hidden_layer_sizes=(4,), max_iter=300, random_state=0, tol=1e-2).fit(x, outcome(x))
    for name, model in (("trees", trees), ("net", net)):
        write(place / name, model, Metadata(name, 1, SCHEMA))
    parquet.write_table(pa.table({name: x[:, at] for at, name in enumerate(NAMES)}), place / "rows.parquet")
    return place


def asked(url: str, name: str, body: Any) -> httpx.Response:
    """Ask for an explanation."""
    return httpx.post(f"{url}/v1/models/{name}:explain", json=body, trust_env=False, timeout=60)


def tensors() -> dict[str, Any]:
    """Return the first row by protocol v2."""
    named = zip(NAMES, ROWS[0], strict=True)
    return {"inputs": [{"name": name, "shape": [1], "datatype": "FP64", "data": [value]} for name, value in named]}


def test_the_model_server_explains(services: Callable[..., processes.Service], folder: Path) -> None:
    """Where it is to explain, parts and base add up to the prediction; what is wrong with a call is told as 400."""
    options = ("--model-dir", str(folder / "trees"), "--name", "trees", "--explain")
    server = services("pegel_serving.server", *options, log=folder / "log")
    body = {"instances": ROWS}

    told = asked(server.url, "trees", body).json()
    predicted = httpx.post(f"{server.url}/v1/models/trees:predict", json=body, trust_env=False).json()["predictions"]

    assert np.allclose(predicted, told["base"] + np.sum(told["explanations"], axis=1))
    assert ("tree", list(NAMES)) == (told["method"], told["features"])
    by_name = {"instances": [dict(zip(NAMES, row, strict=True)) for row in ROWS]}
    assert told == asked(server.url, "trees", by_name).json()
    of_tensors = asked(server.url, "trees", tensors()).json()
    assert told["explanations"][:1] == of_tensors["explanations"]
    wrong: list[Any] = [{"instances": [[1.0, 2.0]]}, {"instances": []}, {"instances": [ROWS[0]] * (MOST_ROWS + 1)}, {}]
    assert [400] * 4 == [asked(server.url, "trees", each).status_code for each in wrong]
    assert 404 == asked(server.url, "nobody", body).status_code


def test_a_model_server_that_was_not_asked_to_explains_nothing(server: processes.Service) -> None:
    """A spec that opens no explanations has a model server that says so."""
    answer = asked(server.url, "paint-v1", {"instances": [["red", 1.0, 2.0]]})

    assert 400 == answer.status_code
    assert "attribution.on_request" in answer.text


def test_an_explainer_of_kserve(services: Callable[..., processes.Service], folder: Path) -> None:
    """An explainer of its own permutes a net: the same row has the same parts, with their standard errors."""
    options = ("--model-dir", str(folder / "net"), "--model_name", "net", "--background", str(folder / "rows.parquet"))
    server = services("pegel_serving.attribution.explainer_server", *options, log=folder / "log-explainer")
    whole = {"instances": ROWS[:1]}

    told, again = (asked(server.url, "net", whole).json() for _ in range(2))
    missing = asked(server.url, "net", {"instances": ROWS})

    assert told == again
    assert "permutation" == told["method"]
    assert told["raw"][0] == pytest.approx(told["base"] + sum(told["explanations"][0]))
    assert (1, 3) == np.shape(told["errors"])
    assert 400 == missing.status_code
    assert "NaN" in missing.text


def test_without_a_baseline_a_sentence_says_what_is_missing(
    services: Callable[..., processes.Service], folder: Path
) -> None:
    """A net without rows to compare with is not explained, and the answer says why."""
    options = ("--model-dir", str(folder / "net"), "--name", "net", "--explain")
    server = services("pegel_serving.server", *options, log=folder / "log-bare")

    answer = asked(server.url, "net", {"instances": ROWS[:1]})

    assert 500 == answer.status_code
    assert "none are here" in answer.text


def test_calls_whose_clients_went_away_are_held_until_they_are_done(folder: Path) -> None:
    """Whoever asks and hangs up, again and again, has no more threads than who waits."""
    calls = ExplainedCalls(FittedModel.load(folder / "net"), folder / "rows.parquet")
    body = {"instances": ROWS[:1]}

    async def gone() -> list[Any]:
        left = [asyncio.ensure_future(calls.answer(body)) for _ in range(MOST_CALLS)]
        await asyncio.sleep(0)
        for one in left:
            one.cancel()
        refused = await asyncio.gather(*left, calls.answer(body), return_exceptions=True)
        until = asyncio.get_running_loop().time() + 60
        while asyncio.get_running_loop().time() < until:
            try:
                return [*refused, await calls.answer(body)]
            except ServerNotReady:
                await asyncio.sleep(0.05)
        return refused

    *told, last = asyncio.run(gone())

    assert [asyncio.CancelledError] * MOST_CALLS + [ServerNotReady] == [type(one) for one in told]
    assert "permutation" == last["method"]


def test_more_calls_than_are_held_are_sent_away(folder: Path) -> None:
    """Whoever floods a server with them takes no thread that predictions need; held ones are answered."""
    calls = ExplainedCalls(FittedModel.load(folder / "net"), folder / "rows.parquet")

    async def at_once() -> list[Any]:
        asked = [calls.answer({"instances": ROWS[:1]}) for _ in range(MOST_CALLS + 2)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    told = asyncio.run(at_once())

    assert ["permutation"] * MOST_CALLS == [one["method"] for one in told[:MOST_CALLS]]
    assert [ServerNotReady] * 2 == [type(one) for one in told[MOST_CALLS:]]
