"""One more request of our own where features are looked up: it names an entity that no store knows.

That is the proof that the transformer reaches its online store, and that the model takes what stands in for features
that are not there. Both events are marked as the probe's before it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from pegel.data import wire
from pegel.data.example_request import tensor
from pegel.data.look_up_faults import LookUpFault
from pegel.data.server_answers import NoAnswer, ServerAnswer, exchange, may_pass, words_of
from pegel.errors import EndpointFailed
from pegel.spec.monitor_spec import MonitorSpec

ENTITY = "pegel-probe"
"""Each part of the entity's key."""
TRIED_FOR = timedelta(seconds=30)
"""A store that is being filled, or begins to answer, may take a moment."""
PAUSE_S = 0.5
_LOOK_UP = wire.LOOK_UP_HEADER.lower()


def entity_request(spec: MonitorSpec, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request that names the entity, and states of `request`, of one whole row, what is not looked up."""
    if spec.model.protocol == "v2":
        own = [each for each in request["inputs"] if each["name"] not in spec.online.features]
        return {"inputs": [*(tensor(name, False, [ENTITY]) for name in spec.online.keys), *own]}
    (row,) = request["instances"]
    stated = {name: value for name, value in row.items() if name not in spec.online.features}
    return {"instances": [{**dict.fromkeys(spec.online.keys, ENTITY), **stated}]}


def probe_entity(
    spec: MonitorSpec, where: str, request: Mapping[str, Any], *, token: str = "", tried_for: timedelta = TRIED_FOR
) -> None:
    """Ask at `where` by an entity, until it is looked up or `tried_for` is over.

    `request` is one of a row that the model has answered; `token` is the endpoint's secret, if it has one. An answer,
    and a refusal because the entity is unknown, are both as the spec asks. Raises EndpointFailed with what came.
    """
    named, deadline = entity_request(spec, request), time.monotonic() + tried_for.total_seconds()
    headers = {wire.PROBE_HEADER: token} if token else {}
    while True:
        answer = exchange("POST", where, json=named, headers=headers)
        words, may_change = _trouble(spec, answer)
        if not words:
            return
        if not may_change or time.monotonic() + PAUSE_S > deadline:
            raise EndpointFailed(
                f"expected {where} to look up {', '.join(spec.online.features)} in {spec.online.source} by "
                f"{', '.join(spec.online.keys)}; given {words}. Nothing that is in force was changed."
            )
        time.sleep(PAUSE_S)


def _trouble(spec: MonitorSpec, answer: ServerAnswer | NoAnswer) -> tuple[str, bool]:
    """Return what is wrong with an answer, "" if nothing is, and whether it may pass by itself."""
    if isinstance(answer, NoAnswer):
        return f"no answer: {answer.words}", True
    fault = answer.headers.get(_LOOK_UP)
    if fault == LookUpFault.UNAVAILABLE:
        return f"a store that does not answer{_remedy(spec)}", True
    refused = answer.status == HTTPStatus.NOT_FOUND and fault == LookUpFault.UNKNOWN
    if answer.status == HTTPStatus.OK or refused:
        return "", False
    return f"{answer.status}: {words_of(answer.body).rstrip('.') or 'an empty body'}", may_pass(answer.status)


def _remedy(spec: MonitorSpec) -> str:
    """Say what makes a store answer; of those that are not ours nobody here knows."""
    store = str(spec.online.source).partition("://")[0]
    return {
        "local": ": `pegel features load` makes and fills it",
        "redis": ": is PEGEL_ONLINE_REDIS its address?",
    }.get(store, "")
