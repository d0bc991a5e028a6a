"""Records that somebody writes to the broker past the logger."""

from __future__ import annotations

import asyncio
from random import Random

from attempts import Doors, Tried, event, text
from confluent_kafka import Producer
from unreadable_bodies import broken_body

from pegel.data import wire
from pegel.spec import names
from pegel_serving.cloudevent import now_ns


async def odd_records(rng: Random, doors: Doors, count: int) -> Tried:
    """Records past the logger: of the future and of long ago, notices of absurd losses, large and unreadable bodies."""
    tried = Tried("records past the logger")
    producer = Producer({"bootstrap.servers": doors.kafka, "message.max.bytes": 2_000_000, "linger.ms": 5})
    for number in range(count):
        changed: dict[str, bytes] = rng.choice(
            [
                {wire.HEADER_TYPE: wire.DROPPED_TYPE.encode()},
                {wire.HEADER_ENDPOINT: b"foreign-v1"},
                {wire.HEADER_ID: b"past-%d" % number, wire.HEADER_NAMESPACE: text(rng, 600)},
                {wire.HEADER_TYPE: text(rng, 300)},
            ]
        )
        value = broken_body(rng)
        if changed.get(wire.HEADER_TYPE) == wire.DROPPED_TYPE.encode():
            value = rng.choice([b'{"count": 1e308}', b'{"count": -5}', b'{"count": "7"}', b"[]", b'{"count": null}'])
        elif wire.HEADER_ENDPOINT in changed:
            value = bytes(rng.choice([10, 900_000]))
        named = dict(event(changed)).items()
        producer.produce(
            names.inference_topic("default"),
            value=value[:1_000_000],
            key=b"past",
            headers=[(name.decode().lower().replace("ce-", "ce_", 1), given) for name, given in named],
            timestamp=now_ns() // 10**6 + rng.choice([0, -(10**7), -(10**10), 50 * 60_000, 3_000_000]),
            on_delivery=lambda error, _: tried.answers.update(["refused" if error else "taken"]),
        )
        await asyncio.sleep(0)
        producer.poll(0)
    await asyncio.to_thread(producer.flush, 30)
    return tried
