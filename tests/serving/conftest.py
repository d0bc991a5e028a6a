"""What the serving tests share: a real broker, the real processes of this room, and a small fitted model."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_local.kafka.broker import Broker
from pegel_local.machine import paths
from pegel_serving.metadata import MODEL_FILE, Metadata

# What several test files use lives beside them.
sys.path.insert(0, str(Path(__file__).parent / "lib"))

import processes
import sinks
import topics


@pytest.fixture(scope="session")
def services() -> Iterator[Callable[..., processes.Service]]:
    """Start processes of this room; all of them are ended after the tests."""
    with ExitStack() as stack:

        def begin(module: str, *options: str, log: Path) -> processes.Service:
            service = processes.start(module, *options, log=log)
            stack.callback(service.kill)
            return service

        yield begin


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker with the topics of the namespaces `default` and `other`."""
    with Broker(tmp_path_factory.mktemp("broker"), paths.checkout().jars("broker")) as running:
        topics.create_topics(running.address, "default")
        topics.create_topics(running.address, "other")
        yield running


SCHEMA = Schema(
    (
        Field("colour", Kind.CATEGORICAL),
        Field("size", Kind.NUMERIC, unit="cm"),
        Field("weight", Kind.NUMERIC, unit="kg"),
        Field("price", Kind.NUMERIC, Role.PREDICTION, unit="EUR"),
    )
)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted pipeline: price = 2 size + 3 weight, plus 10 when red."""
    folder = tmp_path_factory.mktemp("model")
    colours = np.array(["red", "blue"] * 20, dtype=object)
    sizes, weights = np.arange(40.0), np.arange(40.0)[::-1] ** 2
    rows = np.column_stack([colours, sizes.astype(object), weights.astype(object)])
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer([("colour", encode, [0])], remainder="passthrough")
    model = Pipeline([("columns", columns), ("line", LinearRegression())])
    joblib.dump(model.fit(rows, 2 * sizes + 3 * weights + 10 * (colours == "red")), folder / MODEL_FILE)
    Metadata("paint", 1, SCHEMA).write(folder)
    return folder


@pytest.fixture
def sink() -> Iterator[sinks.Sink]:
    """A sink of its own for each test."""
    kept = sinks.Sink()
    server = sinks.listen(kept)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield kept
    kept.answers.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def server(
    services: Callable[..., processes.Service], model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> processes.Service:
    """The model server of `model_folder`, under the name `paint-v1`."""
    options = ("--model-dir", str(model_folder), "--name", "paint-v1")
    return services("pegel_serving.server", *options, log=tmp_path_factory.mktemp("server") / "log")
