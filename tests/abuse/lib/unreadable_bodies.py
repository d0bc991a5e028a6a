"""Bodies that are no request of the honest model: neither its server nor its monitor can read them."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import cache
from random import Random


@cache
def large_bodies() -> tuple[bytes, ...]:
    """Return bodies that are small as they come and large, deep or wide inside. Made once: they cost seconds."""
    deep = b"[" * 900
    tensor = b'{"inputs": [{"name": "size", "shape": [-1], "datatype": "FP64", "data": %b}]}'
    return (
        gzip.compress(tensor % (deep + b"[1]" + b",2" * 200_000 + b"]" * 900)),
        gzip.compress(bytes(10**6), 1),
        gzip.compress(bytes(30 * 10**6), 1),
        gzip.compress(b'{"instances": [' + b"{}," * 2_000_000 + b"{}]}", 1),
        b'{"instances": ' + deep + b"]" * 900 + b"}",
        deep * 100,
    )


def broken_body(rng: Random) -> bytes:
    """Draw a body that is no request of the honest model: neither its server nor its monitor can read it."""
    small = [
        b"",
        rng.randbytes(rng.randrange(1, 2000)),
        b'{"instances": [["red", 1.0',
        b'{"instances": 7}',
        json.dumps({"instances": [[1] * rng.randrange(4, 40)]}).encode(),
        json.dumps({"predictions": [1] * rng.randrange(1, 40)}).encode(),
        gzip.compress(b'{"instances": []}')[:-5],
        zlib.compress(b'{"instances": 1}'),
        b'{"instances": [[NaN, Infinity, 1e400]], "x": "\xff"}',
        b'{"instances": [["\\ud800", 1, 2]]}',
    ]
    return rng.choice([*small, *large_bodies()])
