"""`python -m pegel_serving.server --model-dir DIR --name NAME --port N`: a real KServe model server for one model."""

from __future__ import annotations

import argparse
import os
import struct
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# One row at a time gains nothing from a thread pool; with one, every request wakes all cores. Read at import by OpenMP.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import kserve
from fastapi.exceptions import FastAPIDeprecationWarning, RequestValidationError
from kserve.constants.constants import FASTAPI_APP_IMPORT_STRING
from kserve.errors import InvalidInput
from kserve.model_server import app
from kserve.protocol.dataplane import DataPlane
from kserve.protocol.rest.server import RESTServer
from kserve.protocol.rest.v1_endpoints import V1Endpoints

from pegel.errors import SetupError
from pegel_serving import http_service, json_logs
from pegel_serving.content_type import ContentTypeNamed, not_v2
from pegel_serving.served_model import SklearnModel
from pegel_serving.short_way import ShortWay


class _CarefulDataPlane(DataPlane):  # type: ignore[misc]  # kserve ships no types
    """KServe's, which reads tensors in JSON by a schema, and those as bytes behind a head of JSON by none."""

    def decode_inference_request(self, body: Any, headers: dict[str, str], model_name: str) -> kserve.InferRequest:
        """Read a v2 request. Raises InvalidInput for one whose head or bytes are none: that is no fault of a server."""
        try:
            request = super().decode_inference_request(body, headers, model_name)
            odd = [each for each in request.inputs if not isinstance(each.name, str) or not _is_shape(each.shape)]
        except InvalidInput:
            raise
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError, struct.error) as error:
            raise InvalidInput(_NO_TENSORS) from error
        if odd:
            raise InvalidInput(_NO_TENSORS)
        return request


def _is_shape(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(size, int) and size >= 0 for size in given)


_NO_TENSORS = (
    'expected a JSON head with a list "inputs" of tensors, each with name, shape, datatype and data or '
    "binary_data_size, and behind it the bytes of these; given something else"
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.server", description=__doc__)
    parser.add_argument("--model-dir", type=Path, required=True, help="folder with model.joblib and metadata.json")
    parser.add_argument("--name", required=True, help="name of the model in its URLs")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port; the ready line on stdout names it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--explain", action="store_true", help="answer :explain, too")
    parser.add_argument("--background", type=Path, help="explain: table of Parquet with rows of the baseline")
    return parser.parse_args(arguments)


def rest_server(models: Sequence[kserve.Model], port: int) -> RESTServer:
    """Return KServe's server with its application put together: once in a process, because KServe has but one."""
    # KServe answers by protocol v1 with a class that FastAPI will do without. Nobody who runs a model can change that,
    # and scikit-learn lets Python forget at each request which warnings it has shown.
    warnings.filterwarnings("ignore", "ORJSONResponse is deprecated", FastAPIDeprecationWarning)
    server = kserve.ModelServer(enable_grpc=False)
    server.dataplane = _CarefulDataPlane(model_registry=server.registered_models)
    for model in models:
        server.register_model(model)
    # ModelServer.start binds every interface and cannot take a socket, so its parts are put together here
    rest = RESTServer(
        FASTAPI_APP_IMPORT_STRING,
        server.dataplane,
        server.model_repository_extension,
        port,
        grace_period=http_service.REQUESTS_END_S,
    )
    rest.create_application()
    app.add_exception_handler(RequestValidationError, not_v2)
    app.add_middleware(ShortWay, endpoints=V1Endpoints(server.dataplane), handlers=app.exception_handlers)
    app.add_middleware(ContentTypeNamed)
    rest.config.access_log = False
    return rest


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    options = parse(arguments)
    json_logs.configure("model-server")
    try:
        listener = http_service.bind(options.host, options.port)
        model = SklearnModel(options.name, options.model_dir, explains=options.explain, background=options.background)
        model.load()
    except SetupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    rest = rest_server([model], listener.getsockname()[1])
    return http_service.run(rest.config, listener, "model-server")


if __name__ == "__main__":
    sys.exit(main())
