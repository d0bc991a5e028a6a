"""What the logger cannot be faster than: a server that does nothing with an event, and the Kafka client alone."""

from __future__ import annotations

import time
from collections import deque

from confluent_kafka import Producer

from pegel_serving import testing
from pegel_serving.logger.producer import KafkaSettings


def serve() -> None:
    """Serve an application that does nothing with an event."""
    testing.serve(testing.answering(b""), server_header=False, date_header=False)


def produce(
    settings: KafkaSettings, topic: str, body: bytes, *, seconds: float, in_flight: int, rate: float = 0.0
) -> dict[str, float]:
    """Send bodies with at most `in_flight` of them not acknowledged; return events a second, CPU and latencies.

    `rate`: so many a second; 0 for as many as are acknowledged.
    """
    producer = Producer(settings.options())
    taken: deque[float] = deque()

    def send() -> None:
        began = time.perf_counter()
        producer.produce(topic, body, on_delivery=lambda _error, _message: taken.append(time.perf_counter() - began))

    send()
    producer.flush(30)  # connected, with an id of its own
    taken.clear()
    sent, cpu, began = 0, time.process_time(), time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        while sent - len(taken) < in_flight and (not rate or sent < rate * passed):
            send()
            sent += 1
        producer.poll(0.5 / rate if rate else 0.01)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    producer.flush(30)
    latencies = sorted(taken)
    return {
        "events_per_s": sent / took,
        "cpu_us_per_event": 1e6 * cpu / sent,
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[len(latencies) * 99 // 100],
    }


if __name__ == "__main__":
    serve()
