"""What the serving tests share: a real broker, the real processes of this room, and a small fitted model."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# What several test files use lives beside them.
sys.path.insert(0, str(Path(__file__).parent / "lib"))

import paint_model
import processes
import sinks
from real_parts import broker, services

__all__ = ["broker", "services"]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted pipeline: price = 2 size + 3 weight, plus 10 when red."""
    folder = tmp_path_factory.mktemp("model")
    paint_model.write_paint_model(folder)
    return folder


@pytest.fixture
def sink() -> Iterator[sinks.Sink]:
    """A sink of its own for each test."""
    kept = sinks.Sink()
    server = sinks.listen(kept)
    thread = threading.Thread(daemon=True, target=server.serve_forever, kwargs={"poll_interval": 0.05})
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
