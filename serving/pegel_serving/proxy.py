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

import httpx
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pegel.errors import SetupError
from pegel_serving import logs, serve
from pegel_serving.agent import Agent
from pegel_serving.cloudevent import EventType, Logged, Origin, now_ns

log = structlog.stdlib.get_logger(__name__)

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
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


class Proxy:
    """Forwards every request to `upstream` and hands the bodies to the agent."""

    def __init__(self, upstream: str, agent: Agent, metadata_headers: tuple[str, ...]) -> None:
        """Forward to `upstream`, a base URL."""
        self._upstream, self._agent, self._metadata_headers = upstream, agent, metadata_headers
        self._client = httpx.AsyncClient(base_url=upstream, timeout=60.0, trust_env=False)

    async def close(self) -> None:
        """Close the connections to the model server."""
        await self._client.aclose()

    async def handle(self, request: Request) -> Response:
        """Answer one request with what the model server says; 502 when it does not answer."""
        arrived_ns = now_ns()
        body = await request.body()
        logged = not _is_probe(request)
        event_id = request.headers.get("ce-id") or str(uuid.uuid4())
        if logged:
            self._log(EventType.REQUEST, event_id, arrived_ns, request, body)
        try:
            answer = await self._forward(request, body)
        except httpx.HTTPError as error:
            log.warning("model server did not answer", why=type(error).__name__)
            return JSONResponse({"error": "the model server does not answer"}, status_code=502)
        content = b"".join([part async for part in answer.aiter_raw()])
        await answer.aclose()
        if logged and answer.status_code == httpx.codes.OK:
            self._log(EventType.RESPONSE, event_id, now_ns(), request, content)
        return _copied(answer, content)

    async def _forward(self, request: Request, body: bytes) -> httpx.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in _HOP_BY_HOP]
        url = httpx.URL(path=request.url.path, query=request.url.query.encode())
        outgoing = self._client.build_request(request.method, url, headers=headers, content=body)
        return await self._client.send(outgoing, stream=True)

    def _log(self, kind: EventType, event_id: str, at_ns: int, request: Request, body: bytes) -> None:
        named = [name for name in self._metadata_headers if name in request.headers]
        self._agent.log(
            Logged(
                kind=kind,
                event_id=event_id,
                at_ns=at_ns,
                content_type=request.headers.get("content-type", ""),
                body=body,
                metadata={name: request.headers.getlist(name) for name in named},
            )
        )


def build(upstream: str, logger: str, origin: Origin, metadata_headers: tuple[str, ...] = ()) -> Starlette:
    """Return the application."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with Agent(logger, origin) as agent:
            app.state.proxy = proxy = Proxy(upstream, agent, metadata_headers)
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
    parser.add_argument("--annotations", type=_pairs, default={}, help="sent as Ce-Annotations: a=b,c=d or JSON")
    parser.add_argument("--metadata-headers", default="", help="request headers sent as Ce-Metadata, comma separated")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    options = parse(arguments)
    logs.configure("proxy")
    origin = Origin(
        name=options.name,
        namespace=options.namespace,
        source=f"{options.name}-{socket.gethostname()}",
        annotations=options.annotations,
    )
    headers = tuple(name for name in options.metadata_headers.split(",") if name)
    try:
        listener = serve.bind(options.host, options.port)
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    serve.run(serve.config(build(options.upstream, options.logger, origin, headers)), listener, "proxy")
    return 0


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
