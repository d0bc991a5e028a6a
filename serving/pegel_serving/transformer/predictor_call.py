"""Calls of the transformer to its predictor, by the protocol of its own request, over connections that are kept."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from pegel.data import wire
from pegel.spec.limits import ANSWER_WITHIN
from pegel_serving.http_client import AnswerHead, CallFailed
from pegel_serving.transformer.event_headers import ENTITIES, LOOK_UP
from pegel_serving.upstream import Redirected, Upstream

FORWARDED = (
    "authorization",
    "ce-id",
    "traceparent",
    "tracestate",
    "x-b3-traceid",
    "x-request-id",
    wire.PROBE_HEADER.lower(),
    ENTITIES,
    LOOK_UP,
)
"""Headers that go on to the predictor, those that the transformer has set itself among them."""
_OK = 200


class PredictorAnswered(Exception):
    """An answer that is no prediction; its client gets it as it is."""

    def __init__(self, status: int, content: bytes) -> None:
        """Remember it."""
        super().__init__(f"the predictor answered {status}")
        self.status, self.content = status, content


class PredictorCall:
    """The predictor at a base address, which knows the model by a name."""

    def __init__(self, base_url: str, model: str) -> None:
        """Open nothing yet."""
        self._upstream = Upstream(base_url, answers_within_s=ANSWER_WITHIN.total_seconds())
        self._target = f"/v1/models/{model}:predict".encode()
        self._infer = f"/v2/models/{model}/infer".encode()
        self._model = model

    async def close(self) -> None:
        """Close the connections."""
        await self._upstream.close()

    async def predict(self, payload: Any, headers: Mapping[str, str]) -> tuple[Any, AnswerHead]:
        """Return what the predictor says to a request of protocol v1, and the head of its answer.

        Raises PredictorAnswered.
        """
        return await self._asked(self._target, payload, headers)

    async def infer(self, payload: dict[str, Any], headers: Mapping[str, str]) -> tuple[Any, AnswerHead]:
        """Return what it says to one of protocol v2, likewise: tensors in JSON, with the names that KServe asks for."""
        answer, head = await self._asked(self._infer, payload, headers)
        if not isinstance(answer, dict) or not isinstance(answer.get("outputs"), list):
            raise PredictorAnswered(502, orjson.dumps({"error": "the predictor does not answer by protocol v2"}))
        return {"model_name": self._model, "id": payload.get("id") or str(uuid.uuid4()), **answer}, head

    async def _asked(self, target: bytes, payload: Any, headers: Mapping[str, str]) -> tuple[Any, AnswerHead]:
        sent = [(b"content-type", wire.JSON.encode())]
        sent += [(name.encode(), headers[name].encode("latin-1")) for name in FORWARDED if name in headers]
        parts: list[bytes] = []
        try:
            head = await self._upstream.send("POST", target, sent, orjson.dumps(payload), parts.append)
        except (CallFailed, Redirected) as error:
            raise PredictorAnswered(502, orjson.dumps({"error": "the predictor does not answer"})) from error
        content = b"".join(parts)
        if head.status != _OK:
            raise PredictorAnswered(head.status, content)
        try:
            return orjson.loads(content), head
        except orjson.JSONDecodeError as error:
            raise PredictorAnswered(502, orjson.dumps({"error": "the predictor does not answer in JSON"})) from error
