"""Whether a server that runs already is what a spec says of it: asked before anything is started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from pegel.data.server_answers import NoAnswer, ServerAnswer, exchange, json_of, may_pass, sentence_in
from pegel.data.wire import PROXY_PREFIX
from pegel.spec.monitor_spec import Model
from pegel.spec.outside_text import NAME_LIMIT, quoted, shown
from pegel.spec.settings import Settings

ANSWERS_WITHIN = timedelta(seconds=5)
MOST_BYTES = 1 << 20
"""Of an answer; whatever sends more to these questions is no model server."""
PAUSE_S = 0.5
"""Between two questions to a server that does not answer."""
_PARTS = {
    "airflow_url": "Airflow",
    "page_url": "the monitoring page",
    "logger_url": "the inference logger",
    "kafka": "the broker",
    "smtp": "the mail server",
}
"""Settings that name what is no model server, and what it is."""
_PORTS = {"http": 80, "https": 443}


def problem_of_server(model: Model, served_name: str, settings: Settings, *, patience: timedelta = timedelta(0)) -> str:
    """Say in one line why what is at `model.url` cannot be watched: expected, given; "" if it can, or without an url.

    `served_name` is what the server calls the model. A server that is not ready yet can be watched: onboarding waits
    for it. One that does not answer at all is asked again for as long as `patience`: it may just be restarted. Where
    models are served by another platform than this machine, nothing is asked: its network is not here.
    """
    url = model.url
    if url is None or not settings.serves_on_this_machine:
        return ""
    given = _part_at(url, settings) or _problem_of_answers(model.protocol, served_name, url, patience)
    if not given:
        return ""
    expected = f"a server of protocol {model.protocol} with the model {served_name}"
    return f"model.url: given {quoted(url)}: expected {expected}; {given}"


def readiness_address(protocol: str, served_name: str, url: str) -> str:
    """Return where a server below `url` says whether it is ready: by v1 its model, by v2 the server."""
    return f"{url.rstrip('/')}/v1/models/{served_name}" if protocol == "v1" else f"{url.rstrip('/')}/v2/health/ready"


def _part_at(url: str, settings: Settings) -> str:
    """Say which part of our own system an address belongs to; "" if to none that the settings name."""
    for field, name in _PARTS.items():
        # What nobody stated is where it would be by default, not where it is.
        stated = getattr(settings, field) if field in settings.model_fields_set else None
        addresses = (stated or "").split(",") if field == "kafka" else [stated or ""]
        if any(_is_below(url, address if "://" in address else f"//{address}") for address in addresses):
            return f"that is the address of {name}"
    return ""


def _is_below(url: str, base: str) -> bool:
    """Say whether an address has the host and the port of another one, and a path below its path."""
    try:
        (*server, path), (*other_server, other_path) = _server_and_path(url), _server_and_path(base)
    except ValueError:
        return False
    return server == other_server and f"{path}/".startswith(f"{other_path}/")


def _server_and_path(address: str) -> tuple[str, int | None, str]:
    """Return an address's host, port and path. Raises ValueError.

    Hosts are compared by name: behind one address there may be many servers, told apart by name and path. The names of
    this machine for itself are one.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".")
    return "localhost" if _is_loopback(host) else host, parts.port or _PORTS.get(parts.scheme), parts.path.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _problem_of_answers(protocol: str, name: str, url: str, patience: timedelta) -> str:
    """Say what is wrong with what a server answers; "" if nothing is, or if it may pass by itself."""
    where = readiness_address(protocol, name, url)
    answer = _answer(where, patience)
    if isinstance(answer, NoAnswer):
        return answer.words
    if owner := _proxy_of(answer):
        return f"that is our own proxy of {owner}, and its requests would be logged twice or go in circles"
    if may_pass(answer.status):
        return ""
    if answer.status != HTTPStatus.OK:
        return f"{_refusal(answer, where)}{_other_protocol(protocol, name, url)}"
    if protocol == "v1":
        return "" if isinstance(json_of(answer.body), dict) else f"{_path(where)} answers 200 without a JSON object"
    return _model_of_v2(name, url)


def _answer(where: str, patience: timedelta = timedelta(0)) -> ServerAnswer | NoAnswer:
    """Ask until something answers, or for as long as `patience`."""
    deadline = time.monotonic() + patience.total_seconds()
    while True:
        answer = exchange("GET", where, within=ANSWERS_WITHIN, most_bytes=MOST_BYTES)
        if isinstance(answer, ServerAnswer) or time.monotonic() + PAUSE_S > deadline:
            return answer
        time.sleep(PAUSE_S)


def _model_of_v2(name: str, url: str) -> str:
    """Say why a server of protocol v2 that is ready cannot have a model; "" where it does not say so.

    What a model takes not every server tells: one that knows no such path says so in words of its own, while one that
    knows the protocol and not the model answers with the protocol's `error`.
    """
    where = f"{url.rstrip('/')}/v2/models/{name}"
    answer = _answer(where)
    if isinstance(answer, NoAnswer) or may_pass(answer.status):
        return ""
    content = json_of(answer.body)
    if answer.status == HTTPStatus.OK:
        return "" if isinstance(content, dict) else f"{_path(where)} answers 200 without a JSON object"
    is_told = isinstance(content, dict) and isinstance(content.get("error"), str)
    return _refusal(answer, where) if is_told else ""


def _refusal(answer: ServerAnswer, where: str) -> str:
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{_path(where)} answers {answer.status}: it asks for credentials, and nobody here has any"
    if answer.leads_to:
        return f"{_path(where)} answers {answer.status} and leads to {shown(answer.leads_to)}: state the server itself"
    said = shown(sentence_in(answer.body)).rstrip(".")
    return f"{_path(where)} answers {answer.status}" + (f": {said}" if said else "")


def _other_protocol(protocol: str, name: str, url: str) -> str:
    """Return a hint where a server is ready by the other protocol; "" if it is not."""
    other = "v2" if protocol == "v1" else "v1"
    answer = _answer(readiness_address(other, name, url))
    if isinstance(answer, NoAnswer) or answer.status != HTTPStatus.OK:
        return ""
    is_page = "html" in answer.headers.get("content-type", "")
    return "" if is_page else f"; by {other} it is ready: did you mean `protocol: {other}`?"


def _proxy_of(answer: ServerAnswer) -> str:
    """Return the endpoint of which the answer's server is our proxy; "" if it is none."""
    return next(_proxies_in(answer.headers.get("via", "")), "")


def _proxies_in(via: str) -> Iterator[str]:
    """Yield the endpoints whose proxies a header `Via` names."""
    for step in via.split(","):
        _, _, by = step.strip().partition(" ")
        if by.startswith(PROXY_PREFIX):
            yield shown(by.removeprefix(PROXY_PREFIX), NAME_LIMIT)


def _path(where: str) -> str:
    return f"GET {shown(urlsplit(where).path)}"
