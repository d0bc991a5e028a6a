"""The online store behind the protocol of Redis, with the server of this machine: Valkey or Redis."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from pydantic import SecretStr
from waiting import wait_until

from pegel.data.entity_keys import entity_key
from pegel.errors import SetupError, Unavailable
from pegel.online.online_store import FeatureVector
from pegel.online.redis_store import CONNECTIONS, RedisOnlineStore
from pegel.online.stores import online_store
from pegel.spec.settings import Settings
from pegel.testing.manual_clock import START
from pegel.testing.online_checks import ONLINE_CHECKS, OnlineCheck, check_promise

SERVER = shutil.which("valkey-server") or shutil.which("redis-server")
needs_server = pytest.mark.skipif(
    SERVER is None, reason="NOT TESTED: neither valkey-server nor redis-server is on PATH; install the distribution's"
)
KEY = entity_key(["WN 1"])
SOON = timedelta(milliseconds=50)
PATIENT = timedelta(seconds=10)


async def asked(store: RedisOnlineStore) -> list[FeatureVector | None]:
    """Look one entity up, and close the store."""
    try:
        return await store.get([KEY], within=PATIENT)
    finally:
        await store.close()


async def asked_at_once(store: RedisOnlineStore, times: int) -> list[FeatureVector | None]:
    """Look one entity up so many times beside each other, and close the store."""
    answers = await asyncio.gather(*(store.get([KEY], within=PATIENT) for _ in range(times)))
    await store.close()
    return [vector for answer in answers for vector in answer]


class Server:
    """A server of this test alone, which keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self._folder = folder
        self.start()

    def start(self) -> None:
        """Start the server, or start it again at the same port."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]
        with (self._folder / "log").open("ab") as log:
            self.process = subprocess.Popen([str(SERVER), *options], cwd=self._folder, stdout=log, stderr=log)
        assert wait_until(self._answers)

    def stop(self) -> None:
        """End the server."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()

    def view(self, name: str = "flights") -> RedisOnlineStore:
        """Return a view of the first database."""
        return RedisOnlineStore(f"redis://127.0.0.1:{self.port}/0", name)

    def empty(self) -> None:
        """Forget everything."""
        with redis.Redis(port=self.port) as client:
            client.flushall()

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis(port=self.port) as client:
            return bool(client.ping())
        return False


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server of all tests."""
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def server(shared: Server) -> Server:
    """The server, empty."""
    shared.empty()
    return shared


@needs_server
@pytest.mark.parametrize("check", ONLINE_CHECKS, ids=lambda check: check.__name__)
def test_promises(check: OnlineCheck, server: Server) -> None:
    """The store behind the protocol of Redis keeps every promise of an online store."""
    check_promise(check, server.view)


@needs_server
def test_a_silent_server(server: Server) -> None:
    """A server that stops answering is waited for as long as was said; when it answers again, so does the store."""
    store = server.view()
    store.load([(KEY, FeatureVector({"distance": 7}, START))])

    async def looked_up() -> list[FeatureVector | None]:
        await store.get([KEY], within=PATIENT)
        os.kill(server.process.pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match="flights did not answer within 50 ms"):
            await store.get([KEY], within=SOON)
        os.kill(server.process.pid, signal.SIGCONT)
        return await asked(store)

    assert [FeatureVector({"distance": 7}, START)] == asyncio.run(looked_up())


@needs_server
def test_more_look_ups_than_connections(server: Server) -> None:
    """Look-ups that wait for a connection to a silent server end with their own time, and none of them costs one."""
    store = server.view()
    store.load([(KEY, FeatureVector({"distance": 7}, START))])

    async def looked_up() -> tuple[set[str], list[FeatureVector | None]]:
        await store.get([KEY], within=PATIENT)
        os.kill(server.process.pid, signal.SIGSTOP)
        asked = (store.get([KEY], within=SOON) for _ in range(3 * CONNECTIONS))
        ends = await asyncio.gather(*asked, return_exceptions=True)
        os.kill(server.process.pid, signal.SIGCONT)
        return {str(end) for end in ends}, await asked_at_once(store, 2 * CONNECTIONS)

    ends, vectors = asyncio.run(looked_up())
    assert {"the store of flights did not answer within 50 ms"} == ends
    assert [FeatureVector({"distance": 7}, START)] * (2 * CONNECTIONS) == vectors


@needs_server
def test_a_restarted_server(server: Server) -> None:
    """A store whose server was restarted answers the next look-up; kept connections that are dead do no harm."""
    store = server.view()
    store.load([(KEY, FeatureVector({"distance": 7}, START))])

    async def looked_up() -> list[FeatureVector | None]:
        await asyncio.gather(*(store.get([KEY], within=PATIENT) for _ in range(5)))
        server.stop()
        with pytest.raises(Unavailable, match="flights does not answer"):
            await store.get([KEY], within=PATIENT)
        server.start()
        return await asked(store)

    assert [None] == asyncio.run(looked_up())


@needs_server
def test_strange_content(server: Server) -> None:
    """What somebody else has written under a key is not taken for a vector."""
    with redis.Redis(port=server.port) as client:
        client.set(f"pegel:features:flights:{KEY}", "something else")

    with pytest.raises(Unavailable, match="holds something else than vectors"):
        asyncio.run(asked(server.view()))


def test_nobody_listens() -> None:
    """An address at which nobody listens fails look-ups and loads with a sentence that has no password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    store = RedisOnlineStore(f"redis://user:secret@127.0.0.1:{port}/0", "flights")

    with pytest.raises(Unavailable, match="the store of flights does not answer") as looked_up:
        asyncio.run(asked(store))
    with pytest.raises(Unavailable, match="0 vectors came before that") as loaded:
        store.load([(KEY, FeatureVector({}, START))])
    assert "secret" not in f"{looked_up.value}{loaded.value}"


def test_no_address(tmp_path: Path) -> None:
    """Without an address, or with one that is none, it is said which setting has it; what was given is not shown."""
    with pytest.raises(SetupError, match="PEGEL_ONLINE_REDIS: expected the address of the server that keeps flights"):
        online_store("redis://flights", Settings(home=tmp_path))
    with pytest.raises(SetupError, match="given another one, which is not shown"):
        online_store("redis://flights", Settings(home=tmp_path, online_redis=SecretStr("http://secret@host")))
