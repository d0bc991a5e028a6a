"""What it costs to read bodies, by format: `python -m benchmarks.stream.decoding [--write PAGE]`.

Run it with the Spark environment's interpreter. The same rows of numbers, and of numbers beside categories, one and
many to a body, in protocol v1, in v2 as JSON and with binary tensors, and in the Avro of Hopsworks; beside orjson
alone, which makes Python objects of the bodies of v1 and nothing else. Processor time of one process, best of several
runs. Prints one JSON line per shape: millions of values a second, and microseconds and bytes per body.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from benchmarks.page import put, when
from fastavro import parse_schema, schemaless_writer
from numpy.typing import NDArray

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.decoding import decode_batch
from pegel.data.hopsworks_avro import SCHEMAS, read_messages

SHAPES = ((4, 0, 1), (40, 10, 1), (40, 10, 32))
"""Numeric features, categorical features, rows of a body."""
VALUES = 200_000
"""Values that are read in one run, about."""
AT_ONCE = 1_000
"""Bodies that are decoded together, at most, as tasks of the stream take them."""
LETTERS = np.array(["aa", "bb", "cc", "dd"], dtype=object)
_AVRO = parse_schema(SCHEMAS[4])


class Bodies:
    """The same rows as bodies of each format."""

    def __init__(self, numeric: int, categorical: int, rows: int, count: int) -> None:
        """Draw `count` bodies of `rows` rows each."""
        rng = np.random.default_rng(1)
        self.numbers = [f"n{number:02}" for number in range(numeric)]
        self.texts = [f"c{number:02}" for number in range(categorical)]
        fields = [Field(name, Kind.NUMERIC) for name in self.numbers]
        self.schema = Schema((*fields, *(Field(name, Kind.CATEGORICAL) for name in self.texts)))
        self.drawn = [
            (rng.normal(size=(rows, numeric)).round(6), rng.choice(LETTERS, size=(rows, categorical)))
            for _ in range(count)
        ]

    def v1(self) -> list[bytes]:
        """Return rows in lists."""
        return [
            orjson.dumps({"instances": [one + other for one, other in zip(n.tolist(), t.tolist(), strict=True)]})
            for n, t in self.drawn
        ]

    def v2(self) -> list[bytes]:
        """Return a tensor per field, its data in the JSON."""
        return [
            orjson.dumps({"inputs": [head | {"data": values.tolist()} for head, values in self._tensors(n, t)]})
            for n, t in self.drawn
        ]

    def v2_binary(self) -> list[bytes]:
        """Return a tensor per field, its data behind the JSON."""
        bodies = []
        for n, t in self.drawn:
            tensors = [(head, _packed(values)) for head, values in self._tensors(n, t)]
            heads = [head | {"parameters": {"binary_data_size": len(data)}} for head, data in tensors]
            bodies.append(orjson.dumps({"inputs": heads}) + b"".join(data for _, data in tensors))
        return bodies

    def avro(self) -> list[bytes]:
        """Return rows in lists, within messages of Hopsworks."""
        return [_message(body) for body in self.v1()]

    def _tensors(
        self, numbers: NDArray[np.float64], texts: NDArray[np.object_]
    ) -> list[tuple[dict[str, Any], NDArray[Any]]]:
        pairs = [*zip(self.numbers, numbers.T, strict=True), *zip(self.texts, texts.T, strict=True)]
        return [
            ({"name": name, "shape": [values.size], "datatype": "BYTES" if values.dtype == object else "FP64"}, values)
            for name, values in pairs
        ]


def _packed(values: NDArray[Any]) -> bytes:
    if values.dtype == object:
        return b"".join(len(text).to_bytes(4, "little") + text.encode() for text in values)
    return values.astype("<f8").tobytes()


def _message(body: bytes) -> bytes:
    buffer = BytesIO()
    values = {
        "servingId": 3,
        "modelName": "delays",
        "modelVersion": 1,
        "requestTimestamp": 1_772_323_200_000,
        "responseHttpCode": 200,
        "inferenceId": "4f9e0d1c-5f0e-4d39-9a53-7d8f7a8f2d11",
        "messageType": "request",
        "payload": body.decode(),
    }
    schemaless_writer(buffer, _AVRO, values)
    return buffer.getvalue()


def measure(shape: tuple[int, int, int], repeats: int) -> dict[str, Any]:
    """Return what reading the rows of a shape costs in each format."""
    numeric, categorical, rows = shape
    values = rows * (numeric + categorical)
    bodies = Bodies(*shape, count=max(1, VALUES // values))

    def decoded(texts: Sequence[bytes]) -> None:
        for at in range(0, len(texts), AT_ONCE):
            found = decode_batch(texts[at : at + AT_ONCE], bodies.schema, Role.FEATURE)
            if found.errors:
                raise RuntimeError(f"unreadable: {next(iter(found.errors.values()))}")

    ways: dict[str, tuple[list[bytes], Callable[[list[bytes]], None]]] = {
        "orjson alone": (bodies.v1(), lambda texts: [orjson.loads(text) for text in texts].clear()),
        "v1": (bodies.v1(), decoded),
        "v2": (bodies.v2(), decoded),
        "v2 binary": (bodies.v2_binary(), decoded),
        "Avro": (bodies.avro(), lambda records: decoded([read_messages(record, 0, "")[0].body for record in records])),
    }
    seconds = {name: _best(way, texts, repeats) for name, (texts, way) in ways.items()}
    count = len(bodies.drawn)
    return {
        "numeric": numeric,
        "categorical": categorical,
        "rows": rows,
        "mvalues_per_s": {name: round(count * values / one / 1e6, 1) for name, one in seconds.items()},
        "us_per_body": {name: round(1e6 * one / count, 2) for name, one in seconds.items()},
        "bytes_per_body": {name: round(sum(map(len, texts)) / count) for name, (texts, _) in ways.items()},
    }


def _best(way: Callable[[list[bytes]], None], texts: list[bytes], repeats: int) -> float:
    """Return the processor time of the fastest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        way(texts)
        times.append(time.process_time() - began)
    return min(times)


def section(measured: Sequence[dict[str, Any]]) -> str:
    """Return the results as a table."""
    names = list(measured[0]["mvalues_per_s"])
    lines = [f"| features, rows of a body | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    for one in measured:
        cells = [f"{one['mvalues_per_s'][name]} ({one['us_per_body'][name]})" for name in names]
        lines.append(f"| {one['numeric']} + {one['categorical']}, {one['rows']} | {' | '.join(cells)} |")
    head = f"Run on {when()} by `python -m benchmarks.stream.decoding`. Millions of values a second, and us of a body."
    return f"{head}\n\n" + "\n".join(lines)


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    gc.disable()  # as workers of the stream do, see `pegel_spark.daemon`
    measured = []
    for shape in SHAPES:
        measured.append(measure(shape, options.repeats))
        print(json.dumps(measured[-1]), flush=True)
    if options.write:
        put(options.write, "decoding", section(measured))


if __name__ == "__main__":
    main()
