"""Predictions by protocol v1, led from KServe's application to KServe's own endpoint without a search for its route.

FastAPI tries a dozen routes for each request, each with a scope of its own, resolves parameters that this endpoint does
not have, and opens two stacks of contexts that it leaves empty: twice the time of looking features up. What is no such
request goes the usual way. The endpoint is the same, and so is what becomes of an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kserve.protocol.rest.v1_endpoints import V1Endpoints
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

_PREDICT = re.compile(r"/v1/models/([^/]+):predict")
"""As KServe registers it."""


class ShortWay:
    """A middleware of KServe's application, before the one by which KServe times requests for a log of its own."""

    def __init__(self, app: ASGIApp, *, endpoints: V1Endpoints, handlers: Mapping[Any, Any]) -> None:
        """Stand before `app`. `handlers` answer errors; that of every `Exception` is left to what stands before."""
        self._app, self._endpoints = app, endpoints
        own = {kind: handler for kind, handler in handlers.items() if kind not in {500, Exception}}
        self._answered = ExceptionMiddleware(self._predict, handlers=own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a prediction by protocol v1; pass on everything else."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        found = _PREDICT.fullmatch(scope["path"]) if is_post else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["path_params"] = {"model_name": found[1]}
        await self._answered(scope, receive, send)

    async def _predict(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._endpoints.predict(scope["path_params"]["model_name"], Request(scope, receive, send))
        await response(scope, receive, send)
