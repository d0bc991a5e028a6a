"""Connections of strangers, in bytes: begun and never ended, hardly read, or with thousands of requests at once."""

from __future__ import annotations

import asyncio
import json
import socket
from random import Random
from urllib.parse import urlsplit

from attempts import PREDICT, Doors, Tried

READS_FOR_S = 60
"""How long a slow reader goes on if nobody cuts it off."""


async def slow_clients(rng: Random, doors: Doors, count: int) -> Tried:
    """Connections that begin something and never end it, and some that never read; they stay until they are cut off."""
    tried = Tried("slow clients at both doors")
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\n".encode()
    beginnings = [
        b"",
        b"POST",
        head,
        head + b"x-endless: ",
        head + b"content-length: 900000\r\n\r\n" + bytes(1000),
        head + b"content-length: 990000\r\n\r\n" + bytes(980_000),
        head + b"transfer-encoding: chunked\r\n\r\n5\r\nab",
        b"GET /v2/models HTTP/1.1\r\nhost: x\r\n\r\n" * 50,
        bytes(rng.randrange(256) for _ in range(500)),
    ]
    writers = []
    for number in range(count):
        where = urlsplit(rng.choice([doors.proxy, doors.logger]))
        try:
            _, writer = await asyncio.open_connection(where.hostname, where.port)
            writer.write(beginnings[number % len(beginnings)])
        except OSError:
            tried.answers["cut"] += 1
            continue
        writers.append(writer)
        tried.answers["held"] += 1
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0.5)
    for writer in writers:
        writer.transport.abort()
    return tried


async def slow_readers(rng: Random, doors: Doors, count: int) -> Tried:
    """Answers that are no prediction, taken a byte at a time through as small buffers as there are, until cut off.

    One begins when the one before has its first byte: what all hold together grows answer by answer.
    """
    tried = Tried("readers of a byte at a time")
    where = urlsplit(doors.tight_proxy)
    loop = asyncio.get_running_loop()

    async def begun(client: socket.socket, size: int) -> None:
        body = json.dumps({"instances": [{"x" * size: 1}]}).encode()
        client.setblocking(False)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
        await loop.sock_connect(client, (where.hostname, where.port))
        await loop.sock_sendall(client, head.encode() + body)
        await loop.sock_recv(client, 1)

    async def read_on(client: socket.socket) -> str:
        with client:
            for _ in range(10 * READS_FOR_S):
                try:
                    # what came before the end could be read for minutes; an empty line means nothing, but must be taken
                    await loop.sock_sendall(client, b"\r\n")
                    await loop.sock_recv(client, 1)
                except OSError:
                    return "cut"
                await asyncio.sleep(0.1)
        return "held"

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        reading = []
        for _ in range(count):
            client = socket.socket()
            await begun(client, rng.choice([300_000, 900_000]))
            reading.append(group.create_task(read_on(client)))
    tried.answers.update(task.result() for task in reading)
    return tried


async def many_at_once(rng: Random, doors: Doors, count: int) -> Tried:
    """Connections on which thousands of requests come before the first is answered, read by nobody or to the end."""
    tried = Tried("thousands of requests at once")
    calls = [b"GET / HTTP/1.1\r\n\r\n", b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"]
    calls.append(b"POST %b HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}" % PREDICT.encode())

    async def one() -> str:
        where = urlsplit(rng.choice([doors.proxy, doors.logger]))
        call = rng.choice(calls)
        try:
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
        except OSError:
            return "cut"
        try:
            writer.write(call * ((256 << 10) // len(call)))
            async with asyncio.timeout(60):
                while await reader.read(1 << 16):
                    pass
        except TimeoutError:
            return "held"
        except OSError:
            pass
        finally:
            writer.transport.abort()
        return "cut"

    tried.answers.update(await asyncio.gather(*(one() for _ in range(count))))
    return tried
