"""Real rows sent over HTTP, and the question whether every one of them arrived in a window, once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pegel.stream.result_rows import WindowRow
from pegel_local.demo import strangers
from pegel_local.demo.failure import StageFailed, eventually, require
from pegel_local.demo.stage import Demo, Started

RATE = 20
"""Requests a second."""
ROWS = 5
"""Rows in each request."""
SETTLE_WITHIN_S = 60.0
TRAFFIC = ("unchanged", "changed", "killed", "looked_up", "approved")
"""Facts of the stages that sent requests; nothing is looked up in a cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """Traffic that is under way since `began`."""

    started: Started
    began: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Traffic that was answered in full."""

    began: datetime
    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


def send(demo: Demo, name: str, *, count: int, skip: int = 0) -> Sending:
    """Begin to send rows of the traffic file `name` to the endpoint."""
    endpoint = demo.spec.endpoint
    url = f"{demo.facts['endpoint_url']}/v1/models/{endpoint}:predict"
    table = demo.home / "traffic" / f"{name}.parquet"
    amount = ("--rate", RATE, "--rows", count * ROWS, "--batch", ROWS, "--skip", skip)
    log = answers(demo, name)
    log.unlink(missing_ok=True)
    options = ("--to", url, *amount, "--log", log, "--json")
    began = datetime.now(UTC)
    started = demo.begin(f"traffic-{name}", "pegel.cli.main", "traffic", table, *options)
    return Sending(started=started, began=began, count=count)


def answers(demo: Demo, name: str) -> Path:
    """Return where each answer to the newest traffic of a file is noted, with the id of its event."""
    return demo.home / "traffic" / f"{name}.answers.jsonl"


def finish(demo: Demo, sending: Sending) -> Sent:
    """Wait until everything is sent and answered with 200. Raises StageFailed when a request was not."""
    report: dict[str, Any] = json.loads(demo.finish(sending.started, within_s=sending.count / RATE + 60))
    require(
        report["answers"] == {"200": sending.count},
        expected=f"{sending.count} answers with status 200",
        happened=f"{report['answers']}",
        log=demo.server_log,
    )
    return Sent(
        began=sending.began,
        count=sending.count,
        p50_ms=report["latency_ms"]["p50"],
        p99_ms=report["latency_ms"]["p99"],
        max_ms=report["latency_ms"]["max"],
    )


def windows(demo: Demo, since: datetime) -> list[WindowRow]:
    """Return the newest revision of each window that ends after `since`."""
    model = demo.spec.model
    return demo.results.windows(model.name, model.version, since)


def all_counted(demo: Demo, sent: Sent) -> list[WindowRow]:
    """Wait until every window since the first request is final and each request and answer is accounted for once.

    On a machine that keeps up each request is in a window, joined with its answer. Where answers took longer than the
    lateness, a window may be closed before they come: such events are counted as late, or alone, and never lost.
    Raises StageFailed when something is missing or was counted twice.
    """

    def look() -> list[WindowRow] | None:
        rows = windows(demo, sent.began)
        return rows if _accounted(rows) >= 2 * sent.count and all(row.final for row in rows) else None

    rows = eventually(
        look,
        within_s=SETTLE_WITHIN_S,
        expected=f"{sent.count} requests and their answers in final windows",
        happened=lambda: _counted(windows(demo, sent.began)) + _others(demo, sent.count),
        log=demo.driver.log,
    )
    slow = sent.max_ms > 1000 * demo.spec.windowing.lateness.total_seconds()
    once = _accounted(rows) == 2 * sent.count and not _sum(rows, "duplicates") and not _sum(rows, "invalid")
    whole = {_sum(rows, name) for name in ("requests", "responses", "joined")} == {sent.count}
    if not once or not (whole or slow):
        expected = f"requests = responses = joined = {sent.count}, nothing late, doubled or invalid"
        happened = _counted(rows) + _others(demo, sent.count)
        raise StageFailed(expected=expected, happened=happened, log=demo.driver.log)
    return rows


def _accounted(rows: list[WindowRow]) -> int:
    """Return how many requests and answers are counted, those that came too late for their window included."""
    return _sum(rows, "requests") + _sum(rows, "responses") + _sum(rows, "late")


def ledger(demo: Demo) -> dict[str, int]:
    """Return the ledger of all traffic so far, in messages. Raises StageFailed when it does not close.

    It has those of others as well, `others`, if somebody else asked the endpoint: at most as many as the logger took.
    """
    model = demo.spec.model
    rows = demo.results.ledger(model.name, model.version)
    names = ("received", "judged", "late", "invalid", "duplicate", "dropped")
    counts = {name: sum(getattr(row, name) for row in rows) for name in names}
    sent = sent_so_far(demo)
    accounted = sum(counts[name] for name in names[1:])
    others = strangers.events_of_others(demo, sent)
    require(
        counts["received"] == accounted and 2 * sent <= accounted <= 2 * sent + others,
        expected=f"a ledger that closes at {2 * sent} messages, a request and a response each",
        happened=f"{counts}{strangers.in_words(others)}",
        log=demo.driver.log,
    )
    return counts | {"sent": sent, "others": accounted - 2 * sent}


def sent_so_far(demo: Demo) -> int:
    """Return how many requests the stages that are over have sent."""
    return sum(demo.facts[traffic]["sent"] for traffic in TRAFFIC if traffic in demo.facts)


def _others(demo: Demo, count: int) -> str:
    return strangers.in_words(strangers.events_of_others(demo, sent_so_far(demo) + count))


def counts(sent: Sent, rows: list[WindowRow]) -> dict[str, Any]:
    """Return what was sent beside what was counted, as plain JSON."""
    counted = {name: _sum(rows, name) for name in ("requests", "responses", "joined", "late")}
    return {"sent": sent.count, **counted, "windows": len(rows), "slowest_answer_ms": sent.max_ms}


def in_words(seen: dict[str, Any]) -> str:
    """Say what became of the requests that `counts` counted, in words."""
    if seen["joined"] == seen["sent"]:
        return f"{seen['sent']:,} requests, each joined with its answer and counted once"
    alone = seen["sent"] - seen["joined"]
    return f"{seen['sent']:,} requests, each counted once; {alone} without their answer, {seen['late']} events late"


def _sum(rows: list[WindowRow], name: str) -> int:
    return sum(getattr(row, name) for row in rows)


def _counted(rows: list[WindowRow]) -> str:
    names = ("requests", "responses", "joined", "late", "duplicates", "invalid")
    counts = ", ".join(f"{_sum(rows, name)} {name}" for name in names)
    return f"{len(rows)} windows, {sum(row.final for row in rows)} final: {counts}"
