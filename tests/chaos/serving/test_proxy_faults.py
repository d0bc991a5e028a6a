"""The proxy under load: killed and started anew; every answer that a client got is looked for on the topic."""

from __future__ import annotations

import asyncio
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import processes
import pytest
import topics
from fault_outcomes import FaultOutcome
from logger_under_faults import begin, drained, dropped, how_often

from pegel.data import wire
from pegel.spec import names
from pegel_local.kafka.broker import Broker
from pegel_serving.http_client import CallFailed, HttpClient

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(3600)]

Starter = Callable[..., processes.Service]
CLIENTS = 5
_BODY = b'{"instances": [[1.0, 2.0, 3.0, 4.0]]}'
_TARGET = b"/v1/models/proxied-v1:predict"


def begin_proxy(services: Starter, model: str, logger: str, folder: Path) -> processes.Service:
    """Start a proxy before a model server and a logger."""
    flat = ("--upstream", model, "--logger", logger, "--name", "proxied-v1")
    return services("pegel_serving.proxy", *flat, log=folder / "proxy.log")


async def ask(addresses: list[str], over: threading.Event, answered: list[str]) -> None:
    """Ask at about 500 requests a second until `over`; note the identity of each request that was answered 200."""

    async def one_after_the_other() -> None:
        while not over.is_set():
            url = addresses[0]
            client = HttpClient(url, connections=1, kept_s=60.0, silent_s=30.0)
            while not over.is_set() and addresses[0] == url:
                await asyncio.sleep(CLIENTS / 500)
                try:
                    head = await client.call("POST", _TARGET, [], _BODY, lambda _part: None)
                except CallFailed:
                    continue
                if head.status == 200:
                    answered.append((head.header(wire.EVENT_ID.lower().encode()) or b"").decode())
            await client.close()

    await asyncio.gather(*(one_after_the_other() for _ in range(CLIENTS)))


def test_a_killed_proxy_loses_only_what_it_had_not_handed_over(
    services: Starter, broker: Broker, tmp_path: Path, outcomes: list[FaultOutcome]
) -> None:
    """Moments of traffic for each kill, which nobody is told of; nothing else is lost, nothing comes twice."""
    kills = how_often()
    logger = begin(services, broker, tmp_path)
    model = services("pegel_serving.testing", log=tmp_path / "model.log")
    proxy = begin_proxy(services, model.url, logger.url, tmp_path)
    addresses, answered, over = [proxy.url], list[str](), threading.Event()
    clients = threading.Thread(daemon=True, target=lambda: asyncio.run(ask(addresses, over, answered)))
    clients.start()
    for _ in range(kills):
        time.sleep(1.0 + random.random())  # nobody knows at which step it is hit
        proxy.end(signal.SIGKILL)
        proxy = begin_proxy(services, model.url, logger.url, tmp_path)
        addresses[:] = [proxy.url]
    time.sleep(1.0)
    over.set()
    clients.join()
    code = proxy.end()
    is_drained = drained(logger)
    records = topics.consume(broker.address, names.inference_topic("default"), within_s=120)
    ours = [one for one in records if "proxied-v1" in str(one.headers[wire.HEADER_ENDPOINT])]
    requests = [(one.key or b"").decode() for one in ours if wire.REQUEST_TYPE in str(one.headers[wire.HEADER_TYPE])]
    lost = len(set(answered) - set(requests))
    outcomes.append(
        FaultOutcome(
            fault=f"proxy killed {kills} times",
            sent=len(answered),
            lost=lost,
            doubled=len(requests) - len(set(requests)),
            windows=0,
            exact=0,
            recovery_s=None,
        )
    )

    assert (True, 0) == (is_drained, code)
    assert len(answered) > 100 * kills
    assert lost < 100 * kills
    assert (0, len(set(requests))) == (dropped(logger), len(requests))
