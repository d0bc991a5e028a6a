"""`python -m pegel_serving.transformer --online JSON --model_name NAME --predictor_host HOST:PORT`: looks features up.

The names with underscores are those that KServe gives a transformer's container. What is secret is in the environment:
`PEGEL_ENTITY_SECRET` for the hashes of private keys, `PEGEL_ONLINE_REDIS` for the address of a store.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import kserve
from kserve.model_server import app
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pegel.data import wire
from pegel.data.look_up_faults import LookUpFault
from pegel.errors import InvalidSpec, PegelError
from pegel.online.lookups import LookUpRefused
from pegel.online.private_keys import PrivateKeys
from pegel.online.stores import online_store
from pegel.spec.online_section import Online
from pegel.spec.settings import Settings
from pegel_serving import http_service, json_logs
from pegel_serving.bounded_http import ConnectionLimits, bounded, make_room_for_files
from pegel_serving.held_bodies import BodyRefused
from pegel_serving.server import rest_server
from pegel_serving.transformer.door import TransformerDoor, refused_body
from pegel_serving.transformer.entity_transformer import EntityTransformer
from pegel_serving.transformer.look_up_metrics import LookUpMetrics
from pegel_serving.transformer.predictor_call import PredictorAnswered, PredictorCall

SERVICE = "transformer"
_NOT_FOUND, _AWAY = 404, 503
_STATUS = {LookUpFault.UNKNOWN: _NOT_FOUND, LookUpFault.STALE: _AWAY, LookUpFault.UNAVAILABLE: _AWAY}
_RETRY_AFTER_S = "1"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; what else KServe may give a transformer is not looked at."""
    parser = argparse.ArgumentParser(prog="python -m pegel_serving.transformer", description=__doc__)
    parser.add_argument("--online", required=True, help="the section `online` of the spec, as JSON")
    parser.add_argument("--model_name", required=True, help="name of the model in its URLs")
    parser.add_argument("--predictor_host", required=True, help="host, or host:port, or base address of the predictor")
    parser.add_argument("--http_port", type=int, default=0, help="0 takes a free port; the ready line names it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--home", type=Path, help="home of the local system, where its online store is")
    return parser.parse_known_args(arguments)[0]


def build(options: argparse.Namespace, settings: Settings) -> EntityTransformer:
    """Return the transformer. Raises PegelError for what cannot work."""
    try:
        online = Online.model_validate_json(options.online)
    except ValidationError as error:
        raise InvalidSpec(f"--online: {error.errors()[0]['msg']}. Nothing was started.") from error
    if online.source is None:
        raise InvalidSpec("--online: expected a source, given none: nothing would be looked up. Nothing was started.")
    secret = "" if settings.entity_secret is None else settings.entity_secret.get_secret_value()
    told = PrivateKeys(online.keys, online.private, secret)
    host = options.predictor_host
    predictor = PredictorCall(host if "://" in host else f"http://{host}", options.model_name)
    store = online_store(online.source, settings)
    return EntityTransformer(options.model_name, online, store, predictor, told, metrics=LookUpMetrics())


async def refused(_request: Request, error: Exception) -> Response:
    """Answer a request that is refused by policy: 404 for an unknown entity, else 503."""
    why = error.why if isinstance(error, LookUpRefused) else LookUpFault.UNAVAILABLE
    status = _STATUS[why]
    headers = {wire.LOOK_UP_HEADER: why.value} | ({"retry-after": _RETRY_AFTER_S} if status == _AWAY else {})
    return JSONResponse({"error": str(error)}, status_code=status, headers=headers)


async def passed_on(_request: Request, error: Exception) -> Response:
    """Answer as the predictor did."""
    if not isinstance(error, PredictorAnswered):
        raise error
    return Response(error.content, status_code=error.status, media_type=wire.JSON)


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code."""
    options = parse(arguments)
    json_logs.configure(SERVICE)
    try:
        settings = Settings.of_environment()
        if options.home is not None:
            settings = settings.model_copy(update={"home": options.home})
        transformer = build(options, settings)
        listener = http_service.bind(options.host, options.http_port)
    except PegelError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    models: list[kserve.Model] = [transformer]
    rest = rest_server(models, listener.getsockname()[1])
    limits = ConnectionLimits()
    make_room_for_files(limits.connections)
    rest.config.http = bounded(limits, Counter())
    app.add_middleware(TransformerDoor, model=options.model_name)
    app.add_exception_handler(BodyRefused, refused_body)
    app.add_exception_handler(LookUpRefused, refused)
    app.add_exception_handler(PredictorAnswered, passed_on)
    return http_service.run(rest.config, listener, SERVICE, at_end=transformer.close)


if __name__ == "__main__":
    sys.exit(main())
