"""Single rows explained on request, KServe's `:explain`: by the model server itself, or by an explainer beside it.

A body is that of a prediction, of protocol v1 or v2, with few rows; the answer is the same for both::

    {"explanations": [[0.25, -0.5]], "base": 3.5, "raw": [3.25], "features": ["size", "weight"], "method": "tree"}

`base` is a list of one per row where it differs; `errors`, shaped as `explanations`, are standard errors, where numbers
are drawn. What is drawn the row itself decides: the same row has the same explanation.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, Final

import kserve
import numpy as np
import structlog
from kserve import InferInput, InferRequest
from kserve.errors import InferenceError, InvalidInput, ServerNotReady

from pegel.spec.plain_numbers import how_many
from pegel_serving import request_rows
from pegel_serving.attribution.background_rows import background_rows
from pegel_serving.attribution.choose_method import method_for
from pegel_serving.attribution.event_sample import event_hash
from pegel_serving.attribution.explained import (
    AttributionMethod,
    ExplainedRows,
    NotExplained,
    NotFinite,
    refuse_other_sums,
)
from pegel_serving.attribution.permutation_method import ORDERS
from pegel_serving.fitted_model import FittedModel
from pegel_serving.metadata import Metadata
from pegel_serving.model_columns import Rows, WrongValue
from pegel_serving.model_errors import FAILURES, REFUSALS, ModelFailed, ModelRefused, sentence

log = structlog.stdlib.get_logger(__name__)

MOST_ROWS: Final = 16
"""Rows of one call: an explanation may take a thousand times as long as a prediction."""
MOST_BODY: Final = 1 << 20
"""Bytes of one call's rows, about, as they are read."""
MOST_CALLS: Final = 4
"""Calls that are held at once, that which is worked on among them: each has one of the threads of the server."""


class ExplainedCalls:
    """Explains rows of one model, one call at a time; the method is prepared with the first call."""

    def __init__(self, model: FittedModel, background: Path | None) -> None:
        """Explain `model`; `background`: a table of Parquet with rows of its baseline, None without one."""
        self._model, self._table = model, background
        self._one_at_a_time = threading.Lock()
        self._held = 0
        self._method: AttributionMethod | None = None

    async def answer(self, payload: Any) -> dict[str, Any]:
        """Return the answer to a call; predictions go on meanwhile.

        Raises InvalidInput (400), InferenceError (500), ServerNotReady (503) beyond `MOST_CALLS`.
        """
        rows = self._rows(payload)
        if self._held >= MOST_CALLS:
            raise ServerNotReady(f"{MOST_CALLS} calls are being explained, no more are taken: ask again later")
        self._held += 1
        # A call whose client went away is worked on all the same, and held as long: a thread cannot be called back.
        work = asyncio.ensure_future(self._answered(rows))
        work.add_done_callback(self._let_go)
        return await asyncio.shield(work)

    def _let_go(self, work: asyncio.Future[dict[str, Any]]) -> None:
        self._held -= 1
        if not work.cancelled():
            work.exception()  # nobody may be left who takes it

    async def _answered(self, rows: Rows) -> dict[str, Any]:
        try:
            explained, method = await asyncio.to_thread(self._explained, rows)
        except (WrongValue, ModelRefused) as error:
            raise InvalidInput(str(error)) from error
        except NotFinite as error:
            raise InvalidInput(f"these rows cannot be explained: {error}") from error
        except (NotExplained, ModelFailed) as error:
            raise InferenceError(f"this model is not explained: {error}") from error
        base = explained.base.tolist()
        told = {
            "explanations": explained.values.tolist(),
            "base": base[0] if len(set(base)) == 1 else base,
            "raw": explained.raw.tolist(),
            "features": [feature.name for feature in self._model.metadata.features],
            "method": method,
        }
        return told if explained.errors is None else told | {"errors": explained.errors.tolist()}

    def _rows(self, payload: Any) -> Rows:
        fields = self._model.metadata.features
        if isinstance(payload, dict) and "inputs" in payload and "instances" not in payload:
            payload = _of_tensors(payload, self._model.metadata.name)
        read = request_rows.from_v2 if isinstance(payload, InferRequest) else request_rows.from_v1
        rows = read(payload, fields)
        if not 1 <= len(rows) <= MOST_ROWS:
            raise InvalidInput(f"explained are 1 to {MOST_ROWS} rows at once; given: {how_many(len(rows), 'row')}")
        if sum(len(value) for value in rows.ravel().tolist() if isinstance(value, str)) > MOST_BODY:
            raise InvalidInput(f"explained are rows of {MOST_BODY:,} characters at most; given: more")
        return rows

    def _explained(self, rows: Rows) -> tuple[ExplainedRows, str]:
        with self._one_at_a_time:
            if self._method is None:
                self._method = self._prepared()
            seeds = [(event_hash(repr(row).encode("utf-8", "surrogatepass")), 0) for row in rows.tolist()]
            explained = self._explained_by(self._method, rows, seeds)
            refuse_other_sums(explained, self._method.precision)
            return explained, self._method.method.value

    def _prepared(self) -> AttributionMethod:
        """Raises NotExplained, whatever the model does when it is asked about rows of its baseline."""
        try:
            return method_for(self._model, self._background(), orders=ORDERS)
        except NotExplained:
            raise
        except FAILURES as error:
            raise NotExplained(f"the model failed on rows of its baseline: {sentence(error)}") from error

    @staticmethod
    def _explained_by(method: AttributionMethod, rows: Rows, seeds: list[tuple[int, int]]) -> ExplainedRows:
        """Raises NotExplained, WrongValue, and for whatever else the model raises ModelRefused or ModelFailed."""
        try:
            return method.explain(rows, seeds)
        except (NotExplained, ModelRefused, ModelFailed, WrongValue):
            raise
        except REFUSALS as error:
            raise ModelRefused(f"the model cannot be explained on these values: {sentence(error)}") from error
        except FAILURES as error:
            raise ModelFailed(f"the model failed: {sentence(error)}") from error

    def _background(self) -> Rows:
        features = self._model.metadata.features
        if self._table is not None:
            try:
                return background_rows(self._table, features)
            except (OSError, ValueError, KeyError) as error:
                log.warning("rows of the baseline cannot be read", why=sentence(error))
        return np.empty((0, len(features)), dtype=object)


def _of_tensors(payload: dict[str, Any], name: str) -> InferRequest | dict[str, Any]:
    """Return a body of protocol v2, which KServe reads as v1 in this path; anything else as it is."""
    inputs = payload["inputs"]
    if not isinstance(inputs, list) or not all(isinstance(one, dict) and "datatype" in one for one in inputs):
        return payload
    try:
        tensors = [InferInput(one["name"], one["shape"], one["datatype"], one["data"]) for one in inputs]
        return InferRequest(name, tensors)
    except (InvalidInput, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(
            "expected tensors, each with name, shape, datatype and data, by protocol v2; given: others"
        ) from error


class AttributionExplainer(kserve.Model):  # type: ignore[misc]  # kserve ships no types
    """What an InferenceService runs as its explainer: the model of a folder, explained and not served.

    Predictions that are asked of it are passed on to the predictor, as KServe's own explainers do.
    """

    def __init__(self, name: str, folder: Path, background: Path | None = None, predictor_host: str = "") -> None:
        """Read the metadata; `load` reads the model. Raises SetupError."""
        super().__init__(name)
        self.folder, self._background = folder, background
        self.metadata = Metadata.read(folder)
        if predictor_host:
            self.predictor_host = predictor_host
        self._calls: ExplainedCalls

    def load(self) -> bool:
        """Load the model. A joblib file runs code when it is read: only load models you trust. Raises SetupError."""
        self._calls = ExplainedCalls(FittedModel.load(self.folder), self._background)
        self.ready = True
        return self.ready

    async def explain(self, payload: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Answer one call. Raises InvalidInput (400) and InferenceError (500)."""
        del headers
        return await self._calls.answer(payload)
