"""Sends instances over HTTP: `python -m pegel_serving.request_traffic --url URL --file FILE --count N --rate R`.

N requests of K instances each.

The rate R (requests a second) is open: a slow answer does not slow the requests behind it, up to a bound of requests
under way.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson

NO_ANSWER = "no_answer"


@dataclass(slots=True)
class Report:
    """What came of the requests. `statuses` counts HTTP statuses and `no_answer`; latencies are from sending, in ms."""

    statuses: Counter[str] = field(default_factory=Counter)
    latencies_ms: list[float] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """The `Ce-Id` of every request sent, in order."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0

    def percentile_ms(self, share: float) -> float | None:
        """Return a percentile of the latencies, None without any."""
        return round(float(np.percentile(self.latencies_ms, 100 * share)), 2) if self.latencies_ms else None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return {
            "sent": len(self.ids),
            "statuses": dict(self.statuses),
            "p50_ms": self.percentile_ms(0.50),
            "p99_ms": self.percentile_ms(0.99),
            "max_ms": self.percentile_ms(1.0),
            "started_at": self.started_at.isoformat(),
            "seconds": round(self.seconds, 3),
            "rate": round(len(self.ids) / self.seconds, 1) if self.seconds else None,
            "ids": self.ids,
        }


def read(path: Path, *, skip: int = 0) -> Iterator[Any]:
    """Yield the instances of a file, one JSON value a line, beginning after `skip`; from the start again at the end."""
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
    instances = [orjson.loads(line) for line in lines if line.strip()]
    if not instances:
        raise ValueError(f"{path} holds no instance")
    return islice(cycle(instances), skip, None)


async def send(url: str, instances: Sequence[Any], *, rate: float, rows: int = 1, in_flight: int = 64) -> Report:
    """Send v1 requests of `rows` instances with an id of their own, `rate` a second, and wait for the answers."""
    report = Report()
    room = asyncio.Semaphore(in_flight)
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    async with httpx.AsyncClient(limits=limits, timeout=30.0, trust_env=False) as client, asyncio.TaskGroup() as group:
        began = time.monotonic()
        for index, first in enumerate(range(0, len(instances), rows)):
            await asyncio.sleep(max(0.0, began + index / rate - time.monotonic()))
            await room.acquire()
            event_id = str(uuid.uuid4())
            report.ids.append(event_id)
            chosen = instances[first : first + rows]
            task = group.create_task(_send_one(client, url, chosen, event_id, report))
            task.add_done_callback(lambda _: room.release())
    report.seconds = time.monotonic() - began
    return report


async def _send_one(
    client: httpx.AsyncClient, url: str, instances: Sequence[Any], event_id: str, report: Report
) -> None:
    body = orjson.dumps({"instances": instances})
    headers = {"content-type": "application/json", "ce-id": event_id}
    began = time.monotonic()
    try:
        answer = await client.post(url, content=body, headers=headers)
    except httpx.HTTPError:
        report.statuses[NO_ANSWER] += 1
        return
    report.statuses[str(answer.status_code)] += 1
    report.latencies_ms.append(1000 * (time.monotonic() - began))


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.request_traffic", description=__doc__)
    parser.add_argument(
        "--url", required=True, help="predict address, e.g. http://127.0.0.1:8080/v1/models/NAME:predict"
    )
    parser.add_argument("--file", type=Path, required=True, help="instances, one JSON value a line, .gz or plain")
    parser.add_argument("--count", type=int, required=True, help="requests; the file begins again when it is used up")
    parser.add_argument("--rate", type=float, required=True, help="requests a second")
    parser.add_argument("--rows", type=int, default=1, help="instances in each request")
    parser.add_argument("--skip", type=int, default=0, help="instances to leave out at the beginning")
    parser.add_argument("--json", action="store_true", help="print one JSON line with the ids instead of a sentence")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Send, then report. Exit code 0 when every request was answered 200."""
    options = parse(arguments)
    instances = list(islice(read(options.file, skip=options.skip), options.count * options.rows))
    report = asyncio.run(send(options.url, instances, rate=options.rate, rows=options.rows))
    sys.stdout.write((orjson.dumps(report.to_json()).decode() if options.json else _sentence(report)) + "\n")
    return 0 if report.statuses == Counter({"200": options.count}) else 1


def _sentence(report: Report) -> str:
    statuses = ", ".join(f"{count} x {status}" for status, count in sorted(report.statuses.items()))
    return (
        f"{len(report.ids)} requests in {report.seconds:.1f} s: {statuses}; "
        f"p50 {report.percentile_ms(0.5)} ms, p99 {report.percentile_ms(0.99)} ms"
    )


if __name__ == "__main__":
    sys.exit(main())
