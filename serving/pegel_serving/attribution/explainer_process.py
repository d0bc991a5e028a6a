"""`python -m pegel_serving.attribution.explainer_process FD`: explain one model, for the worker that started it.

It runs the model's code, and so it is told nothing but where the model is: it has neither the address of the database
nor the broker's. What the model prints goes to the log.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")

from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from pegel.data.columns import Role, Schema
from pegel.errors import PegelError
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many
from pegel_serving.attribution.artefact_digest import artefact_digest
from pegel_serving.attribution.asked_endpoint import AskedEndpoint
from pegel_serving.attribution.background_rows import background_rows
from pegel_serving.attribution.call_budget import CallBudget, rows_at_once
from pegel_serving.attribution.choose_method import asked_of, method_for
from pegel_serving.attribution.explained import EndpointAway, NotExplained
from pegel_serving.attribution.explainer import NO_METHOD, Explainer, GivenEvent
from pegel_serving.attribution.explainer_frames import SilentExplainer, receive, send
from pegel_serving.attribution.permutation_method import PermutationMethod
from pegel_serving.attribution.surrogate_model import NoSurrogate, SurrogateModel
from pegel_serving.attribution.told_event import ToldEvent
from pegel_serving.attribution.tried_rows import TriedRows
from pegel_serving.attribution.unprepared import (
    NO_ARTEFACT,
    NO_ENDPOINT,
    NOT_PREPARED,
    OTHER_ARTEFACT,
    OTHER_FEATURES,
    Unprepared,
)
from pegel_serving.fitted_model import FittedModel
from pegel_serving.model_columns import Rows
from pegel_serving.model_errors import sentence

_NICE: Final = 5
"""Explanations are outside the way of requests, also where both share a machine."""


def prepared(told: dict[str, Any]) -> Explainer:
    """Return what explains the model that the worker tells of. Raises Unprepared."""
    try:
        return _of_endpoint(told) if told.get("folder") is None else _of_artefact(told)
    except EndpointAway as error:
        raise Unprepared(NO_ENDPOINT, str(error)) from error
    except NotExplained as error:
        raise Unprepared(NO_METHOD, str(error)) from error
    except (PegelError, OSError) as error:
        raise Unprepared(NO_ARTEFACT, sentence(error)) from error


def _of_artefact(told: dict[str, Any]) -> Explainer:
    folder = Path(told["folder"])
    digest = artefact_digest(folder)
    if told.get("digest") not in {None, digest}:
        raise Unprepared(
            OTHER_ARTEFACT, f"the folder holds another model than was registered: {digest[:12]}, {told['digest'][:12]}"
        )
    model = FittedModel.load(folder)
    if artefact_digest(folder) != digest:
        raise Unprepared(OTHER_ARTEFACT, "the folder was written to while it was read")
    _refuse_other_features(told, model.metadata.schema)
    background = _background(told, model.metadata.schema)
    method = method_for(model, background, orders=int(told.get("orders", 1)))
    unit = TriedRows.of(model, asked_of(model), background).unit(method)
    return Explainer(model.metadata.schema, method, model, digest, told["rate"], bool(told["replays"]), unit=unit)


def _of_endpoint(told: dict[str, Any]) -> Explainer:
    schema = Schema.from_json(told["schema"])
    _refuse_other_features(told, schema)
    calls, features = int(told["calls_per_minute"]), len(schema.of_role(Role.FEATURE))
    if calls < features + 1:
        raise Unprepared(
            NO_METHOD,
            f"one row takes {features + 1} calls of the endpoint, and attribution.calls_per_minute allows it {calls}",
        )
    asked = AskedEndpoint(told["address"], told["token"], schema, CallBudget(calls))
    method = PermutationMethod(asked, _background(told, schema))
    most = rows_at_once(calls, features)
    surrogate = _surrogate(told, schema)
    return Explainer(schema, method, None, None, told["rate"], replays=False, rows_at_once=most, surrogate=surrogate)


def _refuse_other_features(told: dict[str, Any], schema: Schema) -> None:
    """Raise Unprepared unless the model has the features of its baseline, in that order.

    Values of requests and attributions are told by place alone: in another order they would be another feature's.
    """
    expected, given = told["features"], [field.name for field in schema.of_role(Role.FEATURE)]
    if expected == given:
        return
    if len(expected) != len(given):
        raise Unprepared(
            OTHER_FEATURES, f"the baseline has {how_many(len(expected), 'feature')}, the model {len(given)}"
        )
    at = next(at for at, name in enumerate(expected) if name != given[at])
    raise Unprepared(
        OTHER_FEATURES,
        f"feature {at + 1} is {shown(expected[at])} in the baseline and {shown(given[at])} in the model's own "
        "description; they are told by place, so both have to have one order",
    )


def _background(told: dict[str, Any], schema: Schema) -> Rows:
    """Return rows of the baseline; none where they are not here: who needs them says so."""
    features = schema.of_role(Role.FEATURE)
    if told.get("background") is None:
        return np.empty((0, len(features)), dtype=object)
    try:
        return background_rows(Path(told["background"]), features)
    except (OSError, ValueError, KeyError):
        return np.empty((0, len(features)), dtype=object)


def _surrogate(told: dict[str, Any], schema: Schema) -> SurrogateModel | None:
    """Return the model of the endpoint's answers; None where nobody asks for one, or `told` says why there is none.

    Rows that cannot be read now are none of the reasons: without a surrogate nothing would be compared with what was
    explained beside one. Raises Unprepared.
    """
    wanted = told.get("surrogate")
    if wanted is None or "why" in wanted:
        return None
    try:
        return SurrogateModel.of_table(Path(wanted["table"]), schema)
    except (NoSurrogate, NotExplained) as error:
        wanted["why"] = str(error)
        return None
    except (OSError, ValueError) as error:
        raise Unprepared(
            NOT_PREPARED, f"the rows that its surrogate is made of cannot be read: {sentence(error)}"
        ) from error


def said_of_surrogate(told: dict[str, Any], surrogate: SurrogateModel | None) -> dict[str, Any]:
    """Return what is said of the surrogate, where one is asked for: how good it is, or why there is none."""
    wanted = told.get("surrogate")
    if wanted is None:
        return {}
    known = {"source": wanted["source"]}
    if surrogate is None:
        return {"surrogate": known | {"why": wanted["why"]}}
    good = {"name": surrogate.name, "explained": surrogate.explained, "checked": surrogate.checked}
    return {"surrogate": known | good}


def events_of(head: dict[str, Any], body: bytes) -> list[GivenEvent]:
    """Return the events of a message, each `[seed, bytes of the request, bytes of the answer or -1]`."""
    events, at = [], 0
    for seed, request, answer in head["events"]:
        middle = at + request
        end = middle + max(answer, 0)
        events.append(GivenEvent(int(seed), body[at:middle], body[middle:end] if answer >= 0 else None))
        at = end
    return events


def message_of_told(told: list[ToldEvent]) -> tuple[dict[str, Any], bytes]:
    """Return what is answered: for each event the bytes and rows of its body, or why it has none."""
    lines = [[len(one.body), one.rows, one.reason, one.why] for one in told]
    return {"told": lines}, b"".join(one.body for one in told)


def bound_of(told: dict[str, Any]) -> dict[str, int]:
    """Return how many rows a minute is enough for, where calls of an endpoint bound them."""
    if told.get("folder") is not None:
        return {}
    return {"rows_per_minute": int(told["calls_per_minute"]) // (len(told["features"]) + 1)}


def main(descriptor: int) -> int:
    """Serve until the worker goes away."""
    os.nice(_NICE)
    os.dup2(2, 1)
    connection = Connection(descriptor)
    head, _ = receive(connection, None)
    try:
        explainer = prepared(head)
    except Unprepared as error:
        send(connection, {"reason": error.reason, "why": str(error)})
        return 0
    except BaseException as error:  # noqa: BLE001  the code of whoever made the model
        send(connection, {"reason": NO_ARTEFACT, "why": sentence(error)})
        return 0
    said = {"method": explainer.method.method.value, "artefact": explainer.artefact}
    send(connection, said | bound_of(head) | said_of_surrogate(head, explainer.surrogate))
    while True:
        head, body = receive(connection, None)
        send(connection, *message_of_told(explainer.tell(events_of(head, body))))


if __name__ == "__main__":
    with suppress(SilentExplainer):
        sys.exit(main(int(sys.argv[1])))
