"""A fitted model behind KServe's protocols v1 and v2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kserve
import structlog
from kserve import InferOutput, InferRequest, InferResponse
from kserve.errors import InferenceError, InvalidInput
from kserve.utils.utils import generate_uuid

from pegel.data.columns import Field, Kind
from pegel.data.conversions import category_of
from pegel_serving import request_rows
from pegel_serving.fitted_model import FittedModel, v1_predictions
from pegel_serving.metadata import Metadata, tensor
from pegel_serving.model_columns import Rows, WrongValue
from pegel_serving.model_errors import ModelFailed, ModelRefused
from pegel_serving.repeated_lines import RepeatedLines

log = structlog.stdlib.get_logger(__name__)

Answer = dict[str, list[Any]]


class FailureLogged(InferenceError):  # type: ignore[misc]  # as below
    """A failure of the model that is in the log already, with its trace: KServe would log it once more."""


class SklearnModel(kserve.Model):  # type: ignore[misc]  # kserve ships no types
    """Answers requests of both protocols with what the model of a folder predicts.

    Whether values that are missing can be predicted on is the model's business, and what it refuses is the client's
    error (400), not ours; what it cannot explain by the values is 500. Its own sentence is in the log and the answer.
    """

    def __init__(self, name: str, folder: Path, *, explains: bool = False, background: Path | None = None) -> None:
        """Read the metadata; `load` reads the model. Raises SetupError.

        `explains`: whether `:explain` is answered, with rows of the baseline from the table `background`.
        """
        super().__init__(name)
        self._explains, self._background = explains, background
        self._calls: Any = None
        self.folder = folder
        self.metadata = Metadata.read(folder)
        self._failures = RepeatedLines()
        self._model: FittedModel

    def load(self) -> bool:
        """Load the model. A joblib file runs code when it is read: only load models you trust. Raises SetupError."""
        self._model = FittedModel.load(self.folder)
        if self._explains:
            from pegel_serving.attribution.explained_calls import ExplainedCalls  # noqa: PLC0415  only who explains

            self._calls = ExplainedCalls(self._model, self._background)
        self.ready = True
        return self.ready

    def get_input_types(self) -> list[dict[str, object]]:
        """Return the request's tensors: the source of a schema for whoever has no training data at hand."""
        return [tensor(field) for field in self.metadata.features]

    def get_output_types(self) -> list[dict[str, object]]:
        """Return the response's tensors."""
        return [tensor(field) for field in self._model.answered]

    def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Answer one request of either protocol. Raises InvalidInput (400) and InferenceError (500)."""
        del headers
        if isinstance(payload, InferRequest):
            return self._v2(payload, self._answer(request_rows.from_v2(payload, self.metadata.features)))
        answer = self._answer(request_rows.from_v1(payload, self.metadata.features))
        return {"predictions": v1_predictions(answer)}

    async def explain(self, payload: Any, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """Explain few rows, see `explained_calls`. Raises InvalidInput (400) and InferenceError (500)."""
        del headers
        if self._calls is None:
            raise InvalidInput("nothing is explained here on request: the spec's attribution.on_request is off")
        answered: dict[str, Any] = await self._calls.answer(payload)
        return answered

    def _answer(self, rows: Rows) -> Answer:
        try:
            return self._model.answer(rows)
        except (WrongValue, ModelRefused) as error:
            raise InvalidInput(str(error)) from error
        except ModelFailed as error:
            if (times := self._failures.times(str(error))) is not None:
                log.exception("the model failed", why=str(error), times=times)
            raise FailureLogged(str(error)) from None

    def _v2(self, request: InferRequest, answer: Answer) -> InferResponse:
        outputs = [_output(field, answer[field.name]) for field in self._model.answered]
        return InferResponse(request.id or generate_uuid(), self.name, outputs)


def _output(field: Field, values: list[Any]) -> InferOutput:
    if field.kind is Kind.NUMERIC:
        return InferOutput(field.name, [len(values)], "FP64", data=values)
    return InferOutput(field.name, [len(values)], "BYTES", data=[category_of(value)[0] for value in values])
