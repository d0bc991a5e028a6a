"""`python -m pegel_serving.proxy ...`: stands between client and model server, where KServe's agent stands, and logs.

The client's call never depends on the logger: bodies are queued and sent aside. Inference, readiness and metadata calls
pass, see `allowed_calls`; only inferences are logged, and of their answers only those with status 200, as KServe does.
Explanations pass with `--explain`, see `open_explanations`.

The identity of a call is drawn here and told in the answer (`Pegel-Event-Id`): a client that chose it could give many
predictions one identity, and all but one would count as copies. What the client itself calls its request (`Ce-Id`)
travels beside it, for joining labels. A probe of our own carries the endpoint's secret, which is in the environment as
`PROBE_TOKEN`; nothing else makes a call anything but an ordinary one.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import json
import os
import socket
import sys
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import structlog

from pegel.data import wire
from pegel.data.asked_tracing import tracing_of
from pegel.data.event_tracing import EventTracing
from pegel.errors import SetupError
from pegel_serving import door_limits, door_options, http_service, json_logs
from pegel_serving.agent import Agent
from pegel_serving.allowed_calls import AllowedCall, CallRefused, allowed_call
from pegel_serving.body_reading import Receive
from pegel_serving.bounded_http import cutting_off
from pegel_serving.cloudevent import EndpointOrigin, LoggedBody, now_ns
from pegel_serving.held_bodies import BodyLimits, BodyRefused, ClientAnswer, ClientGone, HeldBodies, Holder
from pegel_serving.http_client import AnswerHead, CallFailed
from pegel_serving.last_answer import LastAnswer
from pegel_serving.open_explanations import PER_MINUTE, OpenExplanations
from pegel_serving.repeated_lines import RepeatedLines
from pegel_serving.traced_calls import begin_call, end_call
from pegel_serving.upstream import Redirected, Upstream

log = structlog.stdlib.get_logger(__name__)

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
_CLIENT_GONE = 499
"""Nobody reads this answer; the number is the one other proxies log."""
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"host",
        b"content-length",
    }
)
_PROBE, _EVENT_ID = (name.lower().encode() for name in (wire.PROBE_HEADER, wire.EVENT_ID))
_TRACE = wire.TRACEPARENT.encode()
_OURS = frozenset(
    {
        _PROBE,
        # by these some servers take another method or path than the one that was judged
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
"""Headers that end here."""
_ENDS_HERE = _HOP_BY_HOP | _OURS


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What a client asks for, but for the body. Names of headers are in small letters."""

    method: str
    raw_path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]

    @classmethod
    def of(cls, scope: Scope) -> ClientRequest:
        """Read it from an ASGI scope."""
        return cls(scope["method"], scope["raw_path"], scope["query_string"], list(scope["headers"]))

    def texts(self, name: bytes) -> list[str]:
        """Return all headers of a name as text."""
        return [value.decode("latin-1") for given, value in self.headers if given == name]

    def text(self, name: bytes) -> str:
        """Return the first header of a name; empty when there is none."""
        return next((value.decode("latin-1") for given, value in self.headers if given == name), "")


class Proxy:
    """Forwards what is allowed to `upstream` and hands the bodies of inferences to the agent."""

    def __init__(
        self,
        upstream: str,
        model: str,
        agent: Agent,
        limits: BodyLimits,
        *,
        name: str = "",
        metadata_headers: tuple[str, ...] = (),
        probe_token: str = "",
        answered: Path | None = None,
        explanations: OpenExplanations,
        tracing: EventTracing | None = None,
    ) -> None:
        """Forward calls of `model` to `upstream`, a base URL. Without a token no call is a probe.

        `name` is what the proxy calls itself in `Via`. The time of the file `answered` is that of the last inference
        with an answer of status 200. `explanations` says which calls to explain rows pass. Without
        `tracing` no call has a span.
        """
        self._model, self._last_answer = model, LastAnswer(answered)
        self._agent, self._metadata_headers, self._probe_token = agent, metadata_headers, probe_token.encode()
        self._holder, self._explanations, self._tracing = Holder(limits), explanations, tracing
        self._via = f"{wire.PROXY_PREFIX}{name or model}"
        self._passed = f"1.1 {self._via}".encode()
        self._repeated = RepeatedLines()
        self._upstream = Upstream(upstream, answers_within_s=limits.answer_within_s)
        self.refused = 0
        """Calls that were not forwarded."""

    async def close(self) -> None:
        """Close the connections to the model server."""
        await self._upstream.close()
        if self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)
        told = {"explanations": self._explanations.passed} if self._explanations.are_open else {}
        traced = {} if self._tracing is None else {"traced": dict(self._tracing.counts)}
        log.info("proxy stopped", refused=self.refused, repeated=self._upstream.repeated, **told, **traced)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with what the model server says.

        404, 405, 429 or 508 for a call that does not pass; 400, 408, 413, 415 or 503 for a body that does not; 502 when
        the model server gives no whole answer, or leads elsewhere.
        """
        held = HeldBodies(self._holder)
        try:
            answer = await self._answer(ClientRequest.of(scope), receive, held)
            await held.send(answer, send, cutting_off(scope))
        except ClientGone:
            await held.send(ClientAnswer(_CLIENT_GONE, [(b"content-length", b"0")], b""), send, cutting_off(scope))
        finally:
            held.release()

    async def _answer(self, request: ClientRequest, receive: Receive, held: HeldBodies) -> ClientAnswer:
        """Return what the client is told. Raises ClientGone."""
        arrived_ns = now_ns()
        try:
            explains = self._explanations.are_open
            call = allowed_call(request.method, request.raw_path, self._model, explains=explains)
            self._refuse_own(request)
            self._refuse_many(call)
            body = await held.request(receive, ", ".join(request.texts(b"content-encoding")))
            return await self._traced(request, call, self._logged(request, arrived_ns, body), held)
        except (CallRefused, BodyRefused) as refusal:
            return self._refuse(refusal.status, str(refusal))
        except Redirected as redirect:
            return self._says(502, str(redirect))
        except CallFailed as failure:
            self._warn("model server did not answer", why=failure.why)
            return self._says(502, "the model server does not answer")

    async def _traced(
        self, request: ClientRequest, call: AllowedCall, logged: LoggedBody, held: HeldBodies
    ) -> ClientAnswer:
        """Return what the model server says, with spans where the client of an inference asks for them."""
        if self._tracing is None or not call.is_inference:
            return await self._served(request, call, logged, held)
        span = begin_call(self._tracing, request.texts(_TRACE), logged, self._via)
        if span is None:
            return await self._served(request, call, logged, held)
        with span, span.child("model server", "client") as asking:
            headers = [pair for pair in request.headers if pair[0] != _TRACE]
            asked = replace(request, headers=[*headers, (_TRACE, asking.traceparent.encode())])
            answer = await self._served(asked, call, replace(logged, traceparent=span.traceparent), held)
            end_call(span, asking, answer.status)
        return answer

    async def _served(
        self, request: ClientRequest, call: AllowedCall, logged: LoggedBody, held: HeldBodies
    ) -> ClientAnswer:
        """Return what the model server says; both sides of an inference are logged."""
        if call.is_inference:
            self._agent.log(logged)
        answer = await self._forward(request, call, logged.body, held)
        content = held.answer()
        if call.is_explanation:
            self._explanations.tell(logged.event_id, answer.status, len(logged.body))
        if call.is_inference and answer.status != HTTPStatus.OK:
            self._warn("model server answered without a prediction", status=answer.status)
        if call.is_inference and answer.status == HTTPStatus.OK:
            self._last_answer.note()
            self._agent.log(replace(logged, type=wire.RESPONSE_TYPE, at_ns=now_ns(), body=content))
        is_told = call.is_inference or call.is_explanation
        return self._copied(answer, content, event_id=logged.event_id if is_told else "")

    async def _forward(self, request: ClientRequest, call: AllowedCall, body: bytes, held: HeldBodies) -> AnswerHead:
        headers = [pair for pair in request.headers if pair[0] not in _ENDS_HERE]
        headers.append((b"via", self._passed))
        target = call.path.encode("ascii") + (b"?" + request.query if request.query else b"")
        return await self._upstream.send(request.method, target, headers, body, held.take)

    def _refuse_own(self, request: ClientRequest) -> None:
        """Raise CallRefused for a request that this proxy has forwarded already: else it would go round for ever."""
        passed = {step.strip().partition(" ")[2] for line in request.texts(b"via") for step in line.split(",")}
        if self._via in passed:
            raise CallRefused(508, "this request was here before: the model server's address leads back to its proxy")

    def _refuse_many(self, call: AllowedCall) -> None:
        """Raise CallRefused for an explanation beyond those that pass in a minute."""
        if call.is_explanation and not self._explanations.take():
            raise CallRefused(429, "more explanations are asked for than pass in a minute: ask again in a minute")

    def _copied(self, answer: AnswerHead, content: bytes, *, event_id: str) -> ClientAnswer:
        """Return the server's answer as the client gets it: its own headers, and what this proxy says of itself."""
        own = [(name.lower(), value) for name, value in answer.headers]
        headers = [pair for pair in own if pair[0] not in _HOP_BY_HOP]
        if event_id:
            headers.append((_EVENT_ID, event_id.encode()))
        headers += [(b"via", self._passed), (b"content-length", b"%d" % len(content))]
        return ClientAnswer(answer.status, headers, content)

    def _logged(self, request: ClientRequest, at_ns: int, body: bytes) -> LoggedBody:
        """Return the request as it is logged. Whatever a client chose is bounded, so that no event is ever refused."""
        client_id, content_type = request.text(b"ce-id"), request.text(b"content-type")
        return LoggedBody(
            type=wire.REQUEST_TYPE,
            event_id=str(uuid.uuid4()),
            at_ns=at_ns,
            content_type=content_type[: door_limits.ID_BYTES],
            body=body,
            metadata=self._metadata(request),
            # a shortened id would be somebody else's
            client_id=client_id if len(client_id) <= door_limits.ID_BYTES else "",
            is_probe=self._is_probe(request),
        )

    def _metadata(self, request: ClientRequest) -> dict[str, list[str]]:
        kept: dict[str, list[str]] = {}
        for name in self._metadata_headers:
            values = request.texts(name.lower().encode())
            if values and name.lower().encode() not in _OURS:
                more = {**kept, name: values}
                kept = more if len(json.dumps(more)) <= door_limits.METADATA_BYTES else kept
        return kept

    def _is_probe(self, request: ClientRequest) -> bool:
        given = request.text(_PROBE).encode("latin-1")
        return bool(self._probe_token) and hmac.compare_digest(given, self._probe_token)

    def _warn(self, event: str, **about: str | int) -> None:
        """Log what any number of calls can meet, a few times a minute."""
        times = self._repeated.times((event, *about.values()))
        if times is not None:
            log.warning(event, **about, times=times)

    def _refuse(self, status: int, why: str) -> ClientAnswer:
        self.refused += 1
        # one line for the first of a thousand: whoever is refused may try for a long time
        if self.refused % 1000 == 1:
            log.warning("call refused", status=status, why=why, refused=self.refused)
        return self._says(status, why)

    def _says(self, status: int, error: str) -> ClientAnswer:
        """Return an answer of the proxy's own, by which it is known as one also while its model server is away."""
        body = orjson.dumps({"error": error})
        headers = [
            (b"content-type", wire.JSON.encode()),
            (b"via", self._passed),
            (b"content-length", b"%d" % len(body)),
        ]
        return ClientAnswer(status, headers, body)


class ProxyApp:
    """The ASGI application: a proxy and its agent, from start to end."""

    def __init__(self, proxy: Proxy, agent: Agent) -> None:
        """Start nothing yet."""
        self._proxy, self._agent = proxy, agent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] != "lifespan":
            await self._proxy(scope, receive, send)
            return
        await receive()
        async with self._agent:
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await self._proxy.close()
        await send({"type": "lifespan.shutdown.complete"})


def build(
    upstream: str,
    logger: str,
    origin: EndpointOrigin,
    limits: BodyLimits,
    *,
    served_name: str = "",
    metadata_headers: tuple[str, ...] = (),
    probe_token: str = "",
    answered: Path | None = None,
    explanations_per_minute: int = 0,
    tracing: EventTracing | None = None,
) -> ProxyApp:
    """Return the application. `served_name` is what the server calls the model; empty: as the endpoint is called."""
    agent = Agent(logger, origin, body_bytes=limits.request_bytes)
    model = served_name or origin.name
    proxy = Proxy(
        upstream,
        model,
        agent,
        limits,
        name=f"{origin.namespace}.{origin.name}",
        metadata_headers=metadata_headers,
        probe_token=probe_token,
        answered=answered,
        explanations=OpenExplanations(explanations_per_minute),
        tracing=tracing,
    )

    return ProxyApp(proxy, agent)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.proxy", description=__doc__)
    parser.add_argument("--upstream", required=True, help="base URL of the model server")
    parser.add_argument("--logger", required=True, help="where to post CloudEvents")
    parser.add_argument("--name", required=True, help="name of the InferenceService, under which calls are logged")
    parser.add_argument("--served-name", default="", help="what the model server calls the model, if not so")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port; the ready line on stdout names it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--max-body-bytes",
        type=int,
        default=door_limits.BODY_BYTES,
        help="larger requests are answered 413, answers of four times that 502; not more than the logger takes: larger "
        "answers pass but are lost to monitoring",
    )
    parser.add_argument(
        "--held-mib",
        type=int,
        default=door_limits.HELD_BYTES >> 20,
        help="most memory of all bodies that are held until model server and client have taken them; beyond, who has "
        "been taking an answer for longest is cut off",
    )
    door_options.add_options(parser)
    door_options.add_traces(parser, door_limits.REQUESTS_TRACED, "requests")
    parser.add_argument("--annotations", type=_pairs, default={}, help="sent as Ce-Annotations: a=b,c=d or JSON")
    parser.add_argument("--metadata-headers", default="", help="request headers sent as Ce-Metadata, comma separated")
    parser.add_argument("--explain", action="store_true", help=f"let {PER_MINUTE} calls of :explain pass in a minute")
    parser.add_argument("--answered", type=Path, help="file whose time is that of the last answer to an inference")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
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
    limits = BodyLimits(
        request_bytes=options.max_body_bytes,
        answer_bytes=options.max_body_bytes * door_limits.ANSWERS_PER_REQUEST,
        reading_bytes=options.reading_mib << 20,
        held_bytes=options.held_mib << 20,
        body_within_s=options.body_within,
    )
    app = build(
        options.upstream,
        options.logger,
        origin,
        limits,
        served_name=options.served_name,
        metadata_headers=headers,
        probe_token=environment.get("PROBE_TOKEN", ""),
        answered=options.answered,
        explanations_per_minute=PER_MINUTE if options.explain else 0,
        tracing=tracing_of("pegel-proxy", per_second=options.traced_per_second),
    )
    ended: Counter[str] = Counter()
    config = http_service.config(app, door_options.connection_limits(options), ended)
    code = http_service.run(config, listener, "proxy")
    log.info("connections ended by the door", ended=dict(ended))
    return code


def _pairs(text: str) -> dict[str, str]:
    if text.startswith("{"):
        return {str(key): str(value) for key, value in json.loads(text).items()}
    pairs = {name: value for name, _, value in (item.partition("=") for item in text.split(",") if item)}
    if not all(pairs.values()):
        raise argparse.ArgumentTypeError("expected key=value,key=value or a JSON object")
    return pairs


if __name__ == "__main__":
    sys.exit(main())
