"""The logger under 1,000 events a second: killed, restarted, and without its broker; every event is looked for."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import processes
import psutil
import pytest
from fault_outcomes import FaultOutcome
from logger_under_faults import QUEUE_MIB, begin, drained, dropped, how_often
from steady_posting import SteadyPosting
from waiting import wait_until

from pegel_local.kafka.broker import Broker

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

Starter = Callable[..., processes.Service]


@pytest.mark.parametrize("ack", ["enqueue", "broker"])
def test_a_killed_logger_loses_nothing_that_it_answered(
    services: Starter, broker: Broker, tmp_path: Path, outcomes: list[FaultOutcome], ack: str
) -> None:
    """At moments of chance, in either mode: what was answered 200 is on the topic, and no loss is told."""
    kills = how_often()
    logger = begin(services, broker, tmp_path, "--ack", ack)
    with SteadyPosting(f"killed-{ack}", [logger.url]) as posting:
        for _ in range(kills):
            time.sleep(1.0 + random.random())  # nobody knows at which step it is hit
            logger.end(signal.SIGKILL)
            logger = begin(services, broker, tmp_path, "--ack", ack)
            posting.addresses[:] = [logger.url]
        time.sleep(1.0)
    is_drained = drained(logger)
    outcome = posting.outcome(f"logger killed {kills} times, ack={ack}", broker.address)
    outcomes.append(outcome)

    assert is_drained
    assert (0, 0) == (outcome.lost, dropped(logger))
    assert outcome.sent > 100 * kills


def test_two_loggers_restarted_in_turns_take_every_event(
    services: Starter, broker: Broker, tmp_path: Path, outcomes: list[FaultOutcome]
) -> None:
    """Behind one address: none is turned away, none is lost, and none comes twice, because each end is orderly."""
    kills = how_often()
    running = {name: begin(services, broker, tmp_path / name) for name in ("first", "second")}
    codes = []
    with SteadyPosting("rolling", [one.url for one in running.values()]) as posting:
        for turn in range(2 * kills):
            name = ("first", "second")[turn % 2]
            time.sleep(0.5)
            codes.append(running[name].end())
            old, running[name] = running[name].url, begin(services, broker, tmp_path / name)
            posting.addresses[:] = [running[name].url if url == old else url for url in posting.addresses]
    are_drained = [drained(one) for one in running.values()]
    outcome = posting.outcome("two loggers restarted in turns", broker.address)
    outcomes.append(outcome)

    assert [True, True] == are_drained
    assert [0] * 2 * kills == codes
    assert {200} == set(posting.statuses)
    assert (0, 0) == (outcome.lost, outcome.doubled)


def test_a_broker_that_is_away_costs_no_event_and_no_memory(
    services: Starter, broker: Broker, tmp_path: Path, outcomes: list[FaultOutcome]
) -> None:
    """All of them are answered meanwhile, memory stays under its bound, and they arrive in the order they came in."""
    outage_s = float(os.environ.get("CHAOS_AWAY_S", "30"))  # 600 for the ten minutes for which limits are made
    logger = begin(services, broker, tmp_path)
    process = psutil.Process(logger.process.pid)
    with SteadyPosting("outage", [logger.url]) as posting:
        wait_until(lambda: len(posting.taken) > 500, within_s=60)
        before = process.memory_info().rss
        broker.stop()
        most = before
        ends = time.monotonic() + outage_s
        while time.monotonic() < ends:
            time.sleep(0.5)
            most = max(most, process.memory_info().rss)
        broker.start()
        time.sleep(1.0)
    since = time.monotonic()
    is_drained = drained(logger)
    outcome = posting.outcome(f"broker away for {outage_s:.0f} s", broker.address, time.monotonic() - since)
    outcomes.append(outcome)
    by_connection = posting.numbers_by_connection(broker.address)

    assert is_drained
    assert {200} == set(posting.statuses)
    assert (0, 0) == (outcome.lost, dropped(logger))
    assert [sorted(numbers) for numbers in by_connection] == by_connection
    assert most - before < (3 * QUEUE_MIB) << 20


def test_a_full_spool_says_how_many_events_it_turned_away(
    services: Starter, broker: Broker, tmp_path: Path, outcomes: list[FaultOutcome]
) -> None:
    """Exactly those that were answered 503, in its metrics and in the notices on the topic."""
    logger = begin(services, broker, tmp_path, "--spool-mib", "1", "--queue-messages", "100")
    broker.stop()
    with SteadyPosting("full", [logger.url]) as posting:
        wait_until(lambda: posting.statuses[503] > 500, within_s=60)
    counted = dropped(logger)
    broker.start()
    is_drained = drained(logger)
    outcome = posting.outcome("spool full", broker.address)
    outcomes.append(outcome)

    assert is_drained
    assert {200, 503} == set(posting.statuses)
    assert posting.statuses[503] == counted
    assert 0 == outcome.lost
