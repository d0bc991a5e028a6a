"""What strangers may post to the logger."""

from __future__ import annotations

import json
from random import Random

from attempts import Doors, Request, Tried, event, post, text
from unreadable_bodies import broken_body

from pegel.data import wire
from pegel_serving.cloudevent import UNREACHED, now_ns, rfc3339
from pegel_serving.door_limits import LOST_AT_ONCE

DAY_NS = 86_400 * 10**9


async def odd_names(rng: Random, doors: Doors, count: int) -> Tried:
    """Namespaces, endpoints and components of any letters and lengths."""
    headers = (wire.HEADER_NAMESPACE, wire.HEADER_ENDPOINT, wire.HEADER_COMPONENT)

    def one() -> Request:
        changed = {wire.HEADER_ENDPOINT: b"stranger-v1"} | {
            name: text(rng, 2000) for name in rng.sample(headers, rng.randrange(1, 4))
        }
        return "POST", doors.logger, event(changed), b"{}"

    return await post((one() for _ in range(count)), Tried("names at the logger"))


async def odd_attributes(rng: Random, doors: Doors, count: int) -> Tried:
    """Ids, sources, types and metadata of any length, attributes that are missing, notices of losses."""

    def one() -> Request:
        name = rng.choice([wire.HEADER_ID, wire.HEADER_SOURCE, wire.HEADER_METADATA, wire.HEADER_CLIENT_ID, "ce_x"])
        changed: dict[str, bytes | None] = rng.choice(
            [
                {name: text(rng, 15_000)},
                {rng.choice([wire.HEADER_ID, wire.HEADER_TYPE, wire.HEADER_SOURCE]): None},
                {wire.HEADER_TYPE: rng.choice([wire.DROPPED_TYPE.encode(), text(rng, 300)])},
                {f"ce_x{number}": b"1" for number in range(rng.randrange(2000))},
            ]
        )
        return "POST", doors.logger, event({wire.HEADER_ENDPOINT: b"stranger-v1", **changed}), b'{"count": -5}'

    return await post((one() for _ in range(count)), Tried("attributes at the logger"))


async def odd_times(rng: Random, doors: Doors, count: int) -> Tried:
    """Event times ahead, long ago, of no calendar, and none at all; for the honest endpoint."""

    def one() -> Request:
        moved = now_ns() + rng.choice([-1, 1]) * rng.randrange(400 * DAY_NS)
        given = rng.choice(
            [
                b"9999-12-31T23:59:59Z",
                b"0001-01-01T00:00:00Z",
                b"0000-00-00T00:00:00Z",
                b"1969-12-31T23:59:59Z",
                b"253402300800",
                b"-1",
                rfc3339(moved).encode(),
                rfc3339(now_ns() + rng.randrange(3600 * 10**9)).encode(),
                text(rng, 200),
            ]
        )
        changed = {rng.choice([wire.HEADER_TIME, wire.HEADER_TIME, wire.HEADER_RECORDED_TIME]): given}
        return "POST", doors.logger, event(changed), b"no body of a request"

    return await post((one() for _ in range(count)), Tried("times at the logger"))


async def odd_bodies(rng: Random, doors: Doors, count: int) -> Tried:
    """Bodies for the honest endpoint that nobody can read: torn, deep, wide, compressed, of other protocols."""

    def one() -> Request:
        changed = {wire.HEADER_CONTENT_TYPE: rng.choice([b"application/json", b"application/grpc", text(rng, 250)])}
        return "POST", doors.logger, event(changed), broken_body(rng)

    return await post((one() for _ in range(count)), Tried("bodies at the logger"))


async def foreign_flood(rng: Random, doors: Doors, count: int) -> Tried:
    """Models that nobody watches: many names, and bodies of up to a megabyte."""

    def one(number: int) -> Request:
        changed = {wire.HEADER_ENDPOINT: b"foreign-%d-v1" % (number % 500), wire.HEADER_ID: b"flood-%d" % number}
        return "POST", doors.logger, event(changed), bytes(rng.choice([100, 100, 10_000, 999_000]))

    return await post((one(number) for number in range(count)), Tried("flood for foreign models"))


async def odd_notices(rng: Random, doors: Doors, count: int) -> Tried:
    """Notices of losses that no agent can have had, for a model that nobody watches."""

    def one() -> Request:
        told = {
            "count": rng.choice([LOST_AT_ONCE, LOST_AT_ONCE + 1, 10**12, -1, 0, True, "7", None, 1e308]),
            "reason": rng.choice([UNREACHED, "x" * 300, 7]),
        }
        headers = event({wire.HEADER_ENDPOINT: b"stranger-v1", wire.HEADER_TYPE: wire.DROPPED_TYPE.encode()})
        return "POST", doors.logger, headers, json.dumps(told).encode()

    return await post((one() for _ in range(count)), Tried("notices of losses at the logger"))
