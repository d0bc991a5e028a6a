"""`python -m pegel_serving.proxy ...`: stands between client and model server, where KServe's agent stands, and logs.

The client's call never depends on the logger: bodies are queued and sent aside. As with KServe, the id is the client's
`Ce-Id` or a random one, the same for both bodies; only responses with status 200 are logged; probes of the kubelet are
not.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pegel.data import wire
from pegel.errors import SetupError
from pegel_serving import http_service, json_logs
from pegel_serving.agent import Agent
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody, now_ns

log = structlog.stdlib.get_logger(__name__)

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_CLIENT_GONE = 499
"""Nobody reads this answer; the number is the one other proxies log."""
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyLimits:
    """Bounds of what the proxy holds; a body is held whole, because both sides of a call are logged whole."""

    request_bytes: int = 16 << 20
    """Of one request; more is answered 413."""
    answer_bytes: int = 64 << 20
    """Of one answer; more is answered 502."""
    held_bytes: int = 256 << 20
    """Of all bodies at the same time; beyond, calls are answered 503."""
    answer_within_s: float = 60.0
    """How long the model server may stay silent; then 502."""


class BodyRefusedError(Exception):
    """A body that is not forwarded, with the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        """Remember what the client is told."""
        super().__init__(message)
        self.status = status


class Proxy:
    """Forwards every request to `upstream` and hands the bodies to the agent."""

    def __init__(self, upstream: str, agent: Agent, metadata_headers: tuple[str, ...], limits: BodyLimits) -> None:
        """Forward to `upstream`, a base URL."""
        self._upstream, self._agent, self._metadata_headers = upstream, agent, metadata_headers
        self._limits, self._held = limits, 0
        self._client = httpx.AsyncClient(base_url=upstream, timeout=limits.answer_within_s, trust_env=False)

    async def close(self) -> None:
        """Close the connections to the model server."""
        await self._client.aclose()

    async def handle(self, request: Request) -> Response:
        """Answer one request with what the model server says.

        413, 503 or 502 when a body is too large, there is no room for it, or the model server gives no whole answer.
        """
        arrived_ns = now_ns()
        held = _Held(self)
        try:
            body = await held.read(request.stream(), self._limits.request_bytes, 413, "a request")
            return await self._answer(request, body, arrived_ns, held)
        except BodyRefusedError as refusal:
            return JSONResponse({"error": str(refusal)}, status_code=refusal.status)
        except ClientDisconnect:
            return Response(status_code=_CLIENT_GONE)
        except httpx.InvalidURL:
            return JSONResponse({"error": "not a path that can be forwarded"}, status_code=400)
        except (httpx.HTTPError, httpx.StreamError) as error:
            log.warning("model server did not answer", why=type(error).__name__)
            return JSONResponse({"error": "the model server does not answer"}, status_code=502)
        finally:
            held.release()

    async def _answer(self, request: Request, body: bytes, arrived_ns: int, held: _Held) -> Response:
        logged = not _is_probe(request)
        event_id = request.headers.get("ce-id") or str(uuid.uuid4())
        if logged:
            self._log(wire.REQUEST_TYPE, event_id, arrived_ns, request, body)
        answer = await self._forward(request, body)
        try:
            content = await held.read(answer.aiter_raw(), self._limits.answer_bytes, 502, "an answer")
        finally:
            await answer.aclose()
        if logged and answer.status_code == httpx.codes.OK:
            self._log(wire.RESPONSE_TYPE, event_id, now_ns(), request, content)
        return _copied(answer, content)

    def hold(self, size: int) -> None:
        """Count bytes that are held; negative when they are let go. Raises BodyRefusedError when there is no room."""
        if size > 0 and self._held + size > self._limits.held_bytes:
            raise BodyRefusedError(503, f"calls may hold {self._limits.held_bytes} bytes together; come back later")
        self._held += size

    async def _forward(self, request: Request, body: bytes) -> httpx.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in _HOP_BY_HOP]
        url = httpx.URL(path=request.url.path, query=request.url.query.encode())
        outgoing = self._client.build_request(request.method, url, headers=headers, content=body)
        return await self._client.send(outgoing, stream=True)

    def _log(self, event_type: str, event_id: str, at_ns: int, request: Request, body: bytes) -> None:
        named = [name for name in self._metadata_headers if name in request.headers]
        self._agent.log(
            LoggedBody(
                type=event_type,
                event_id=event_id,
                at_ns=at_ns,
                content_type=request.headers.get("content-type", ""),
                body=body,
                metadata={name: request.headers.getlist(name) for name in named},
            )
        )


class _Held:
    """The bytes that one call holds."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy, self._size = proxy, 0

    async def read(self, parts: AsyncIterator[bytes], limit: int, status: int, what: str) -> bytes:
        """Return a body whole. Raises BodyRefusedError with `status` when it holds more than `limit` bytes."""
        kept, size = [], 0
        async for part in parts:
            size += len(part)
            if size > limit:
                raise BodyRefusedError(status, f"{what} may hold {limit} bytes; this one holds more and ends here")
            self._proxy.hold(len(part))
            self._size += len(part)
            kept.append(part)
        return b"".join(kept)

    def release(self) -> None:
        """Let go of everything."""
        self._proxy.hold(-self._size)


def build(
    upstream: str, logger: str, origin: EndpointOrigin, metadata_headers: tuple[str, ...], limits: BodyLimits
) -> Starlette:
    """Return the application."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Agent(logger, origin) as agent:
            app.state.proxy = proxy = Proxy(upstream, agent, metadata_headers, limits)
            yield
            await proxy.close()

    async def handle(request: Request) -> Response:
        proxy: Proxy = request.app.state.proxy
        return await proxy.handle(request)

    return Starlette(routes=[Route("/{path:path}", handle, methods=METHODS)], lifespan=lifespan)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.proxy", description=__doc__)
    parser.add_argument("--upstream", required=True, help="base URL of the model server")
    parser.add_argument("--logger", required=True, help="where to post CloudEvents")
    parser.add_argument("--name", required=True, help="name of the InferenceService")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port; the ready line on stdout names it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--max-body-mib", type=int, default=16, help="larger requests are answered 413, answers of four times that 502"
    )
    parser.add_argument("--annotations", type=_pairs, default={}, help="sent as Ce-Annotations: a=b,c=d or JSON")
    parser.add_argument("--metadata-headers", default="", help="request headers sent as Ce-Metadata, comma separated")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    options = parse(arguments)
    json_logs.configure("proxy")
    origin = EndpointOrigin(
        name=options.name,
        namespace=options.namespace,
        source=f"{options.name}-{socket.gethostname()}",
        annotations=options.annotations,
    )
    headers = tuple(name for name in options.metadata_headers.split(",") if name)
    try:
        listener = http_service.bind(options.host, options.port)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    limits = BodyLimits(request_bytes=options.max_body_mib << 20, answer_bytes=options.max_body_mib << 22)
    app = build(options.upstream, options.logger, origin, headers, limits)
    return http_service.run(http_service.config(app), listener, "proxy")


def _is_probe(request: Request) -> bool:
    """Say whether the kubelet (or whoever waits for readiness in its place) asks, by the marks Knative goes by."""
    return request.headers.get("user-agent", "").startswith("kube-probe/") or "k-kubelet-probe" in request.headers


def _copied(answer: httpx.Response, content: bytes) -> Response:
    response = Response(content, status_code=answer.status_code)
    response.raw_headers = [
        *[(name.lower(), value) for name, value in answer.headers.raw if name.decode().lower() not in _HOP_BY_HOP],
        (b"content-length", b"%d" % len(content)),
    ]
    return response


def _pairs(text: str) -> dict[str, str]:
    if text.startswith("{"):
        return {str(key): str(value) for key, value in json.loads(text).items()}
    pairs = {name: value for name, _, value in (item.partition("=") for item in text.split(",") if item)}
    if not all(pairs.values()):
        raise argparse.ArgumentTypeError("expected key=value,key=value or a JSON object")
    return pairs


if __name__ == "__main__":
    sys.exit(main())
