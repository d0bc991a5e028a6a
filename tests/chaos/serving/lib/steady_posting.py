"""Events that are posted at a steady rate over five connections, and what became of each."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from types import TracebackType
from typing import Self

import topics
from fault_outcomes import FaultOutcome

from pegel.data import wire
from pegel.spec import names
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody, headers, now_ns
from pegel_serving.http_client import CallFailed, HttpClient

CONNECTIONS = 5
TOPIC = names.inference_topic("default")
_ORIGIN = EndpointOrigin(name="steady-v1", namespace="default", source="chaos")
_BODY = b'{"instances": [[1.0, 2.0, 3.0, 4.0]]}'


class SteadyPosting:
    """Use it as a context manager: it posts until the end. `addresses` may change meanwhile.

    Who does not listen is passed over for the next address, as a service's address does; an event that nobody takes is
    counted under 0.
    """

    def __init__(self, name: str, addresses: list[str], *, rate: float = 1000.0) -> None:
        """Post nothing yet; ids begin with `name`, then the connection and a number."""
        self._name, self.addresses, self._rate = name, addresses, rate
        self.taken: list[str] = []
        """Ids of events answered 200."""
        self.statuses: Counter[int] = Counter()
        self._over = threading.Event()
        self._thread = threading.Thread(daemon=True, target=lambda: asyncio.run(self._post()))

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Post no more."""
        self._over.set()
        self._thread.join()

    def outcome(self, fault: str, address: str, recovery_s: float | None = None) -> FaultOutcome:
        """Compare what was taken with what is on the topic of the broker at `address`."""
        came = Counter(self.came(address))
        lost = sum(1 for event_id in self.taken if event_id not in came)
        return FaultOutcome(
            fault=fault,
            sent=len(self.taken),
            lost=lost,
            doubled=sum(count - 1 for count in came.values()),
            windows=0,
            exact=0,
            recovery_s=recovery_s,
        )

    def came(self, address: str) -> list[str]:
        """Return the ids of this posting on the topic, in its order."""
        keys = [(record.key or b"").decode() for record in topics.consume(address, TOPIC, within_s=120)]
        return [key for key in keys if key.startswith(f"{self._name}:")]

    def numbers_by_connection(self, address: str) -> list[list[int]]:
        """Return the numbers of the events of each connection on the topic, each where it came first."""
        parts = [event_id.split(":") for event_id in dict.fromkeys(self.came(address))]
        return [[int(number) for _, of, number in parts if of == str(place)] for place in range(CONNECTIONS)]

    async def _post(self) -> None:
        await asyncio.gather(*(self._post_on_one(place) for place in range(CONNECTIONS)))

    async def _post_on_one(self, place: int) -> None:
        clients: dict[str, HttpClient] = {}
        began, number = time.monotonic(), 0
        while not self._over.is_set():
            await asyncio.sleep(began + number * CONNECTIONS / self._rate - time.monotonic())
            event_id = f"{self._name}:{place}:{number}"
            addresses = list(self.addresses)
            first = number % max(1, len(addresses))
            status = 0
            for url in addresses[first:] + addresses[:first]:
                client = clients.setdefault(url, HttpClient(url, connections=1, kept_s=60.0, silent_s=30.0))
                status = status or await _status(client, event_id)
            self.statuses[status] += 1
            if status == 200:
                self.taken.append(event_id)
            number += 1
        for client in clients.values():
            await client.close()


async def _status(client: HttpClient, event_id: str) -> int:
    """Post one event; 0 when nobody answers."""
    at = now_ns()
    event = LoggedBody(type=wire.REQUEST_TYPE, event_id=event_id, at_ns=at, content_type=wire.JSON, body=_BODY)
    named = [(name.encode(), value.encode()) for name, value in headers(event, _ORIGIN, recorded_ns=at).items()]
    try:
        return (await client.call("POST", b"/", named, event.body, lambda _part: None)).status
    except CallFailed:
        return 0
