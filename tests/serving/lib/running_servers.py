"""Servers that are not ours: small, of one protocol each, and particular about what they take."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

V1, V2 = "Prices.2", "prices"
"""What the servers call their models."""


async def _ready(_request: Request) -> Response:
    return Response()


async def _v1_status(_request: Request) -> Response:
    return JSONResponse({"model_version_status": [{"version": "2", "state": "AVAILABLE"}]})


async def _v1_predict(request: Request) -> Response:
    """Take lists of numbers alone, as servers of matrices do."""
    rows = (await request.json())["instances"]
    if not all(isinstance(row, list) for row in rows):
        return JSONResponse({"error": "instances must be lists"}, status_code=400)
    return JSONResponse({"predictions": [sum(row) for row in rows]})


async def _v2_infer(request: Request) -> Response:
    """Take one tensor per feature alone."""
    tensors = {tensor["name"]: tensor["data"] for tensor in (await request.json())["inputs"]}
    sums = [a + b for a, b in zip(tensors["size"], tensors["weight"], strict=True)]
    output = {"name": "price", "shape": [len(sums)], "datatype": "FP64", "data": sums}
    return JSONResponse({"model_name": V2, "outputs": [output]})


def v1_app() -> Starlette:
    """Return a server of protocol v1; all its paths are below `/team`."""
    path = f"/team/v1/models/{V1}"
    return Starlette(routes=[Route(path, _v1_status), Route(f"{path}:predict", _v1_predict, methods=["POST"])])


def v2_app() -> Starlette:
    """Return a server of protocol v2, which tells nothing about its model."""
    path = f"/v2/models/{V2}"
    return Starlette(
        routes=[Route("/v2/health/ready", _ready), Route(f"{path}/infer", _v2_infer, methods=["POST"])],
    )


@contextmanager
def running(app: Starlette, certificate: Path | None = None) -> Iterator[str]:
    """Run a server until the block ends; its address. With a certificate (and its key in the same file) behind TLS."""
    scheme = "http" if certificate is None else "https"
    config = uvicorn.Config(app, port=0, log_level="error", ssl_certfile=certificate)
    server = uvicorn.Server(config)
    thread = threading.Thread(daemon=True, target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"{scheme}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
