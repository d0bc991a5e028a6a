"""An endpoint asked about rows, as the probe asks it: our own questions are marked, logged as such and judged nowhere.

A budget bounds how many rows it is asked about in a minute; who asks for more waits.
"""

from __future__ import annotations

import math
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from pegel.data import wire
from pegel.data.columns import Role, Schema
from pegel.data.decoding import decode_batch
from pegel.errors import InvalidPayload
from pegel_serving.attribution.answered_numbers import answered_numbers
from pegel_serving.attribution.call_budget import CallBudget
from pegel_serving.attribution.explained import EndpointAway, NotExplained
from pegel_serving.attribution.told_rows import told_rows
from pegel_serving.model_columns import Rows
from pegel_serving.model_errors import sentence

PREFIX: Final = "pegel-probe-"
"""Of the ids of our own requests, in their header `Ce-Id`."""
ANSWERS_WITHIN_S: Final = 30.0
MOST_ANSWER: Final = 16 << 20
_OF_ROWS: Final = frozenset({400, 413, 422})
"""Status codes of an endpoint that works and does not take the rows."""


class RefusedRows(NotExplained):
    """The endpoint takes no such rows; it does answer."""


@dataclass(slots=True)
class AskedEndpoint:
    """Asks one endpoint by protocol v1. `token`: the endpoint's secret, by which its proxy knows our requests."""

    address: str
    token: str
    schema: Schema
    budget: CallBudget

    def __call__(self, rows: Rows) -> NDArray[np.float64]:
        """Return what the endpoint puts out: of classes with probabilities these, else its first number.

        Raises NotExplained where it answers no number, or refuses the rows; EndpointAway where it does not answer.
        """
        parts = range(0, len(rows), self.budget.at_once)
        return np.concatenate([self._asked(rows[at : at + self.budget.at_once]) for at in parts])

    def _asked(self, rows: Rows) -> NDArray[np.float64]:
        self.budget.spend(len(rows))
        instances = [list(map(_plain, row)) for row in rows.tolist()]
        body = post(self.address, self.token, orjson.dumps({"instances": instances}))
        try:
            decoded = decode_batch([body], self.schema, Role.PREDICTION)
        except InvalidPayload as error:
            raise NotExplained(f"the endpoint's answer cannot be read: {error}") from error
        if decoded.errors or decoded.columns.n != len(rows):
            why = next(iter(decoded.errors.values()), f"{decoded.columns.n} answers to {len(rows)} rows")
            raise NotExplained(f"the endpoint's answer cannot be read: {why}")
        fields = self.schema.of_role(Role.PREDICTION)
        return answered_numbers(told_rows(decoded.columns, fields), fields)


def post(address: str, token: str, body: bytes) -> bytes:
    """Return what an endpoint answers to a question of ours, which its proxy knows by `token` and the id by its prefix.

    Raises RefusedRows where it takes no such rows, NotExplained where it refuses the question or answers more than
    fits, EndpointAway where it does not answer.
    """
    headers = {
        "Content-Type": wire.JSON,
        wire.PROBE_HEADER: token,
        wire.http_name(wire.HEADER_ID): f"{PREFIX}{uuid.uuid4()}",
    }
    request = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310  by our own backend
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=ANSWERS_WITHIN_S) as answer:
            read: bytes = answer.read(MOST_ANSWER + 1)
    except urllib.error.HTTPError as error:
        if error.code in _OF_ROWS:
            raise RefusedRows(f"the endpoint refuses these rows: {sentence(error)}") from error
        if HTTPStatus.BAD_REQUEST <= error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NotExplained(f"the endpoint refuses this question: {sentence(error)}") from error
        raise EndpointAway(f"the endpoint does not answer: {sentence(error)}") from error
    except (OSError, ValueError) as error:
        raise EndpointAway(f"the endpoint does not answer: {sentence(error)}") from error
    if len(read) > MOST_ANSWER:
        raise NotExplained(f"the endpoint answers with more than {MOST_ANSWER >> 20} MiB")
    return read


def _plain(value: Any) -> Any:
    """Return a value as JSON writes it: what is missing is null."""
    return None if isinstance(value, float) and math.isnan(value) else value
