"""Sends instances of a file: `python -m pegel_local.sending.file_traffic --url URL --file FILE --count N --rate R`.

N requests of K instances each by protocol v1, each with a `Ce-Id` of its own, in an open loop. Prints what came of them
as one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from pegel_local.sending import open_loop
from pegel_local.sending.open_loop import AnswerCounts, Request

UNDER_WAY = 64


def read(path: Path, *, skip: int = 0) -> Iterator[Any]:
    """Yield the instances of a file, one JSON value a line, beginning after `skip`; from the start again at the end."""
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
    instances = [json.loads(line) for line in lines if line.strip()]
    if not instances:
        raise ValueError(f"{path} holds no instance")
    return islice(cycle(instances), skip, None)


def requests(instances: Iterator[Any], *, count: int, rows: int = 1) -> list[Request]:
    """Return `count` requests of `rows` instances each, with ids that no other request has."""
    bodies = ({"instances": list(islice(instances, rows))} for _ in range(count))
    return [Request(json.dumps(body).encode(), identity=str(uuid.uuid4())) for body in bodies]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_local.sending.file_traffic", description=__doc__)
    parser.add_argument(
        "--url", required=True, help="predict address, e.g. http://127.0.0.1:8080/v1/models/NAME:predict"
    )
    parser.add_argument("--file", type=Path, required=True, help="instances, one JSON value a line, .gz or plain")
    parser.add_argument("--count", type=int, required=True, help="requests; the file begins again when it is used up")
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--rows", type=int, default=1, help="instances in each request")
    parser.add_argument("--skip", type=int, default=0, help="instances to leave out at the beginning")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Send, then report. Exit code 0 when every request was answered 200."""
    options, counts = parse(arguments), AnswerCounts()
    to_send = requests(read(options.file, skip=options.skip), count=options.count, rows=options.rows)
    began = datetime.now(UTC)
    asyncio.run(open_loop.send(options.url, to_send, rate=options.rate, counts=counts, under_way=UNDER_WAY))
    ids = [request.identity for request in to_send]
    sys.stdout.write(json.dumps(counts.to_json() | {"started_at": began.isoformat(), "ids": ids}) + "\n")
    return 0 if counts.statuses == Counter({"200": options.count}) else 1


if __name__ == "__main__":
    sys.exit(main())
