"""What strangers may ask of the proxy, one kind of it of the logger as well."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from random import Random

from attempts import ENDPOINT, PREDICT, ROW, Body, Doors, Request, Tried, event, post, text
from unreadable_bodies import broken_body

from pegel.data import wire


async def oversized(rng: Random, doors: Doors, count: int) -> Tried:
    """Bodies over the limit, with their length said before or not, at both doors."""

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(100_000)

    def one() -> Request:
        bodies: list[Body] = [bytes(1_000_001), bytes(4_000_000), bytes(40_000_000), parts]
        body = rng.choice(bodies)
        if rng.random() < 0.5:
            return "POST", doors.logger, event({wire.HEADER_ENDPOINT: b"stranger-v1"}), body
        return "POST", f"{doors.proxy}{PREDICT}", [], body

    return await post((one() for _ in range(count)), Tried("bodies over the limit"))


async def forbidden_calls(rng: Random, doors: Doors, count: int) -> Tried:
    """Everything a model server knows beyond predictions, in every spelling."""
    paths = [
        f"/v2/repository/models/{ENDPOINT}/unload",
        f"/v2/repository/models/{ENDPOINT}/load",
        f"/v2/models/{ENDPOINT}/../../repository/models/{ENDPOINT}/unload",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/inference.GRPCInferenceService/RepositoryModelUnload",
        f"/v1/models/{ENDPOINT}:explain",
        "/v1/models/another-v1:predict",
        f"/v2/models/{ENDPOINT}0/infer",
    ]

    def spelled(path: str) -> str:
        letters = [f"%{ord(letter):02X}" if rng.random() < 0.1 else letter for letter in path]
        return rng.choice(["", "/", "//", "/./"]) + "".join(letters) + rng.choice(["", "/", "?x=1", "%00", ";x"])

    def one() -> Request:
        headers = [(b"x-http-method-override", b"POST"), (b"x-original-url", paths[0].encode())]
        method = rng.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD", "TRACE"])
        path = spelled(rng.choice(paths))
        return method, f"{doors.proxy}/{path.lstrip('/')}", headers, b""

    return await post((one() for _ in range(count)), Tried("forbidden calls at the proxy"))


async def odd_predictions(rng: Random, doors: Doors, count: int) -> Tried:
    """Calls that the model cannot answer: bodies that nobody can read, compressed or not, and said to be or not."""

    def one() -> Request:
        headers = [(b"ce-id", text(rng, 10_000)), (b"content-type", text(rng, 5000))]
        if rng.random() < 0.5:
            headers.append(
                (b"content-encoding", rng.choice([b"gzip", b"deflate", b"br", b"gzip, gzip", text(rng, 50)]))
            )
        return "POST", f"{doors.proxy}{PREDICT}", headers, broken_body(rng)

    return await post((one() for _ in range(count)), Tried("bodies at the proxy"))


async def hidden_predictions(rng: Random, doors: Doors, count: int) -> Tried:
    """Valid calls that pretend to be probes, copies or nobody's: each must be counted like any other."""

    def one() -> Request:
        disguise = rng.choice(
            [
                [(b"ce-id", b"pegel-probe-x")],
                [(b"ce-id", b"always-the-same")],
                [(b"ce-id", b"x" * 10_000)],
                [(b"user-agent", b"kube-probe/1.30"), (b"k-kubelet-probe", b"queue")],
                [(b"pegel-probe", b"guessed")],
                [(b"ce-probe", b"true"), (b"ce_probe", b"true")],
                [(b"ce-namespace", b"elsewhere"), (b"ce-inferenceservicename", b"other-v1")],
            ]
        )
        return "POST", f"{doors.proxy}{PREDICT}", disguise, json.dumps({"instances": [ROW]}).encode()

    return await post((one() for _ in range(count)), Tried("predictions in disguise"))


async def doubled_headers(rng: Random, doors: Doors, count: int) -> Tried:
    """Calls that a model cannot answer, whose headers say two things."""
    doubled = [
        (b"content-encoding", [b"gzip", b"deflate", b"identity", b"br", b""]),
        (b"content-type", [b"application/json", b"application/octet-stream"]),
        (b"ce-id", [b"one", b"another"]),
        (b"pegel-probe", [b"guessed", b""]),
        (b"host", [b"x", b"y"]),
    ]

    def one() -> Request:
        name, values = rng.choice(doubled)
        return "POST", f"{doors.proxy}{PREDICT}", [(name, rng.choice(values)) for _ in range(2)], broken_body(rng)

    return await post((one() for _ in range(count)), Tried("headers that come twice"))
