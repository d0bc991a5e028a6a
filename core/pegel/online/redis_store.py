"""The online store behind the protocol of Redis: a Redis or Valkey server, by the client redis-py.

A vector is one text, `MICROSECONDS|{"feature": value, ...}`, under `pegel:features:VIEW:KEY`, so that one MGET looks up
many. Servers that share keys among several nodes (a Redis Cluster) do not answer it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any, TypeAlias

import redis
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry as SyncRetry

from pegel.data.instants import to_us
from pegel.errors import SetupError, Unavailable
from pegel.online.online_store import FeatureVector, Loaded, overdue
from pegel.online.stored_values import packed, stored_vector
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings

CONNECTIONS = 64
"""Of one view in one process, at most. Look-ups beyond them wait for one to become free, within their own time."""
_WRITE = """
local known = redis.call('GET', KEYS[1])
if known and tonumber(string.match(known, '^-?%d+')) > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. '|' .. ARGV[2])
return 1
"""
"""Runs in the server as one step, so that of two loads at the same time, too, the later vector stays."""
_AT_ONCE = 1_000
"""Vectors of one round trip when loading."""
_LOAD_WAITS_S = 10.0
_Pair: TypeAlias = tuple[str, FeatureVector]


class RedisOnlineStore:
    """A view of the store in a server at `url`, as `redis://[user:password@]host[:port][/database]`, or `rediss://`."""

    def __init__(self, url: str, view: str) -> None:
        """Open nothing yet. Raises SetupError if the address is none."""
        self._url, self._view = url, view
        self._free = asyncio.Semaphore(CONNECTIONS)
        try:
            # Once more on a new connection: a server that was restarted has closed those that were kept.
            # Its own limits of time are off: 5 s is less than a look-up may be given.
            unhurried: Any = {"socket_timeout": None, "socket_connect_timeout": None}
            again = Retry(NoBackoff(), 1)
            self._client = Redis.from_url(url, max_connections=CONNECTIONS, retry=again, **unhurried)
        except ValueError as error:
            raise SetupError(
                "PEGEL_ONLINE_REDIS: expected an address as in redis://host:6379/0, given another one, which is not "
                "shown because it may hold a password. Nothing was looked up."
            ) from error

    @classmethod
    def of_settings(cls, settings: Settings, view: str) -> RedisOnlineStore:
        """Return a view of the store at the address in the settings. Raises SetupError without one."""
        if settings.online_redis is None:
            raise SetupError(
                f"PEGEL_ONLINE_REDIS: expected the address of the server that keeps {view}, as in "
                "redis://host:6379/0, given none. Nothing was looked up."
            )
        return cls(settings.online_redis.get_secret_value(), view)

    async def get(self, entities: Sequence[str], *, within: timedelta) -> list[FeatureVector | None]:
        """Look the entities up with one command, see `OnlineStore`."""
        if not entities:
            return []
        try:
            async with asyncio.timeout(within.total_seconds()), self._free:
                stored: Any = await self._client.mget([self._key(entity) for entity in entities])
        except TimeoutError as error:
            raise overdue(self._view, within) from error
        except (RedisError, OSError) as error:
            raise Unavailable(f"the store of {self._view} does not answer: {shown(str(error))}") from error
        return [None if content is None else self._vector(content) for content in stored]

    def ping(self, *, within: timedelta) -> None:
        """Ask whether the server answers, on a connection of its own, once. Raises Unavailable."""
        seconds = within.total_seconds()
        waits: Any = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
        try:
            with redis.Redis.from_url(self._url, retry=SyncRetry(NoBackoff(), 0), **waits) as client:
                client.ping()
        except (RedisError, OSError) as error:
            raise Unavailable(f"the server of online features does not answer: {shown(str(error))}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
        await self._client.connection_pool.disconnect()

    def load(self, vectors: Iterable[_Pair]) -> Loaded:
        """Write vectors, see `LoadableStore`: a thousand at a time, so that what was written before a fault stays."""
        rest, written, count = iter(vectors), 0, 0
        waits: Any = {"socket_timeout": _LOAD_WAITS_S, "socket_connect_timeout": _LOAD_WAITS_S}
        try:
            with redis.Redis.from_url(self._url, **waits) as client:
                write = client.register_script(_WRITE)
                while part := list(islice(rest, _AT_ONCE)):
                    pipe = client.pipeline(transaction=False)
                    for key, arguments in self._arguments(part):
                        write(keys=[key], args=arguments, client=pipe)
                    written += sum(pipe.execute())
                    count += len(part)
        except (RedisError, OSError) as error:
            raise Unavailable(
                f"the store of {self._view} does not answer: {shown(str(error))}. {count:,} vectors came before that; "
                "load them again, which does no harm."
            ) from error
        return Loaded(written, count - written)

    def forget(self, entity: str) -> bool:
        """Remove the vector of an entity, see `LoadableStore`."""
        waits: Any = {"socket_timeout": _LOAD_WAITS_S, "socket_connect_timeout": _LOAD_WAITS_S}
        try:
            with redis.Redis.from_url(self._url, **waits) as client:
                return bool(client.delete(self._key(entity)))
        except (RedisError, OSError) as error:
            raise Unavailable(f"the store of {self._view} does not answer: {shown(str(error))}") from error

    def _arguments(self, pairs: Iterable[_Pair]) -> Iterator[tuple[str, list[int | bytes]]]:
        for entity, vector in pairs:
            yield self._key(entity), [to_us(vector.event_time), packed(vector.values)]

    def _key(self, entity: str) -> str:
        return f"pegel:features:{self._view}:{entity}"

    def _vector(self, content: bytes) -> FeatureVector:
        at, _, values = content.partition(b"|")
        try:
            return stored_vector(values, int(at))
        except ValueError as error:
            raise Unavailable(
                f"the store of {self._view} holds something else than vectors: {shown(str(error))}"
            ) from error
