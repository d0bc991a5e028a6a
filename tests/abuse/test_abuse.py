"""Honest traffic beside strangers who send whatever they like: nothing of it is lost, and everything else is counted.

The assertion is the same however much is sent: every honest call is answered, logged and judged once; what the logger
lost is told; memory stays under its cap; health tells the truth.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from abuses import abuse
from attempts import ENDPOINT, PREDICT, ROW, Tried
from honest_traffic import HonestTraffic
from processes import readiness
from waiting import wait_until
from watched_system import System, WatchedMemory, running, server_port, watched

from pegel.data import wire
from pegel.store.results import Results
from pegel_serving.bounded_http import ConnectionEnd

CAPS_MIB = {"logger": 250, "proxy": 250, "tight proxy": 150, "driver": 1800}
"""A quiet door takes 60 to 70 MiB; on top come 64 MiB of unfinished bodies (little of them at the tight one), the
queue, and what the allocator keeps. A driver takes a JVM of 1 GiB of heap, what that needs beside it, and its Pythons.
"""
SEED = 9


@pytest.fixture
def system(tmp_path: Path) -> Any:
    """A system of real parts."""
    with running(tmp_path) as made:
        yield made


def told_losses(system: System) -> int:
    """Return how many lost events of the honest endpoint the notices on the topic add up to."""
    return sum(
        json.loads(record.value or b"")["count"]
        for record in system.records()
        if record.headers[wire.HEADER_TYPE] == wire.DROPPED_TYPE.encode()
        and record.headers[wire.HEADER_ENDPOINT] == ENDPOINT.encode()
        and record.headers[wire.HEADER_SOURCE] == b"pegel-logger"
    )


def logged(system: System, kind: str) -> Counter[str]:
    """Return how often the topic holds an event of the honest endpoint's proxy, by what the client called it."""
    mark = system.serving.observe(ENDPOINT).name.encode()
    return Counter(
        record.headers.get(wire.HEADER_CLIENT_ID, b"").decode("latin-1")
        for record in system.records()
        if record.headers[wire.HEADER_TYPE] == kind.encode() and record.headers[wire.HEADER_SOURCE].startswith(mark)
    )


def ask_as_probe(system: System) -> int:
    """Ask the model as Pegel itself does, with the endpoint's secret, and return the status."""
    headers = {wire.PROBE_HEADER: system.serving.observe(ENDPOINT).probe_token}
    answer = httpx.post(f"{system.proxy}{PREDICT}", json={"instances": [ROW]}, headers=headers, trust_env=False)
    return answer.status_code


def unload(system: System) -> None:
    """Do at the model server's own port what the proxy does not let pass."""
    url = f"http://127.0.0.1:{server_port(system.settings, system.spec)}/v2/repository/models/{ENDPOINT}/unload"
    assert httpx.codes.OK == httpx.post(url, trust_env=False).status_code


def of_kind(tried: Sequence[Tried], kind: str) -> Tried:
    """Return what one kind of abuse tried."""
    return next(one for one in tried if one.kind == kind)


def all_slow_readers_were_cut_off(tried: Sequence[Tried], ended: dict[str, int]) -> bool:
    """Say whether each of them was, some because others needed the room and the rest for want of time."""
    readers = of_kind(tried, "readers of a byte at a time")
    reasons = {ConnectionEnd.MADE_ROOM, ConnectionEnd.OVER_TIME}
    return set(readers.answers) == {"cut"} and set(ended) == reasons and sum(ended.values()) == readers.requests


def summary(tried: Sequence[Tried], report: dict[str, Any], memory: WatchedMemory, lost: int) -> str:
    """Return what was tried and what became of the honest, for people."""
    lines = [f"{'tried':32} {'requests':>8}  answers"]
    for one in tried:
        answers = ", ".join(f"{count} x {answer}" for answer, count in sorted(one.answers.items()))
        lines.append(f"{one.kind:32} {one.requests:8}  {answers}")
    lines.append(f"{'all':32} {sum(one.requests for one in tried):8}")
    peaks = ", ".join(f"{name} {peak:.0f} MiB" for name, peak in sorted(memory.peaks.items()))
    lines.append(
        f"honest requests: {report['sent']} sent, {report['answers']}, p99 {report['latency_ms'].get('p99')} ms"
    )
    return "\n".join([*lines, f"largest memory: {peaks}", f"seed {SEED}", f"honest requests lost: {lost}"])


def tell(text: str) -> None:
    """Show a summary, and keep it where `PEGEL_ABUSE_SUMMARY` names a file."""
    print(text)
    if path := os.environ.get("PEGEL_ABUSE_SUMMARY"):
        Path(path).write_text(f"{text}\n")


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_honest_calls_are_logged_beside_a_little_abuse(system: System, tmp_path: Path) -> None:
    """Each honest call is on the topic once and as two events, losses are told, memory and health are as stated."""
    honest = HonestTraffic(f"{system.proxy}{PREDICT}", tmp_path, count=60, rate=15.0)
    with WatchedMemory(system.pids) as memory:
        tried = asyncio.run(abuse(system.doors, seed=SEED, share=0.05))
        report = honest.report()
    ended = system.ended_by_tight_proxy()
    probed = ask_as_probe(system)
    settled = system.settled()
    requests, responses = (logged(system, kind) for kind in (wire.REQUEST_TYPE, wire.RESPONSE_TYPE))
    lost = sum(requests[event_id] != 1 or responses[event_id] != 1 for event_id in report["ids"])
    disguised = of_kind(tried, "predictions in disguise")
    print(summary(tried, report, memory, lost))

    assert ({"200": 60}, 0, True) == (report["answers"], lost, settled)
    # a client that was cut off before its answer may have been predicted for
    assert {"200", "cut"} >= set(disguised.answers)
    assert all_slow_readers_were_cut_off(tried, ended), ended
    assert 200 == probed
    assert 0 <= responses.total() - (60 + disguised.answers["200"] + 1) <= disguised.answers["cut"]
    assert 2 == sum(wire.HEADER_PROBE in record.headers for record in system.records())
    assert wait_until(lambda: told_losses(system) == system.counted("events_dropped"))
    assert set(CAPS_MIB) - {"driver"} == set(memory.peaks)
    assert {} == {name: peak for name, peak in memory.peaks.items() if not 0 < peak <= CAPS_MIB[name]}
    assert ("", True) == (readiness(system.logger.url)["problem"], system.serves())


def judged(results: Results, since: datetime) -> int:
    """Return how many answered calls the newest final windows hold."""
    return sum(row.joined for row in results.windows("paint", 1, since, final_only=True))


def dropped(results: Results) -> int:
    """Return how many events of the honest model the ledger says are lost."""
    return sum(row.dropped for row in results.ledger("paint", 1))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_honest_calls_are_judged_beside_much_abuse(system: System, tmp_path: Path) -> None:
    """Each honest call is in a final window once, the ledger closes and holds what was lost, nothing was set aside.

    A model that somebody unloads past the proxy is seen to be gone, so that reconcile brings it back.
    """
    with watched(system) as results:
        since = datetime.now(UTC) - timedelta(minutes=1)
        honest = HonestTraffic(f"{system.proxy}{PREDICT}", tmp_path, count=600, rate=10.0)
        with WatchedMemory(system.pids) as memory:
            rounds = [asyncio.run(abuse(system.doors, seed=SEED + number, share=1.0)) for number in range(2)]
            report = honest.report()
        ended = system.ended_by_tight_proxy()
        probed = ask_as_probe(system)
        settled = system.settled()
        tried = [Tried(first.kind, first.answers + second.answers) for first, second in zip(*rounds, strict=True)]
        disguised = of_kind(tried, "predictions in disguise")
        expected = report["answers"]["200"] + disguised.answers["200"]
        wait_until(lambda: judged(results, since) >= expected, within_s=180.0)
        counted = judged(results, since)
        tell(summary(tried, report, memory, max(0, expected - counted)))
        told = wait_until(lambda: dropped(results) == system.counted("events_dropped"), within_s=60.0)
        closes = wait_until(
            lambda: {0} == {row.difference for row in results.ledger_balance(system.spec.group)}, within_s=60.0
        )
        hidden = wait_until(lambda: 2 == sum(row.probe for row in results.ledger("", 0)), within_s=60.0)
        wrong = [*results.failures(), *results.set_aside(system.spec.group), *results.gaps(system.spec.group)]

    assert ({"200": 600}, True) == (report["answers"], settled)
    # a client that was cut off before its answer may have been predicted for
    assert {"200", "cut"} >= set(disguised.answers)
    assert expected <= counted <= expected + disguised.answers["cut"]
    assert all_slow_readers_were_cut_off(tried, ended), ended
    assert (True, True, []) == (closes, told, wrong)
    assert (200, True) == (probed, hidden)
    assert set(CAPS_MIB) == set(memory.peaks)
    assert {} == {name: peak for name, peak in memory.peaks.items() if not 0 < peak <= CAPS_MIB[name]}
    assert ("", True) == (readiness(system.logger.url)["problem"], system.serves())

    unload(system)

    assert wait_until(lambda: not system.serves())
