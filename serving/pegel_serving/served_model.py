"""A fitted scikit-learn pipeline behind KServe's protocols v1 and v2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import kserve
import numpy as np
from kserve import InferOutput, InferRequest, InferResponse
from kserve.errors import InvalidInput

from pegel.data.columns import Kind
from pegel.errors import SetupError
from pegel_serving import request_rows
from pegel_serving.metadata import MODEL_FILE, Metadata


class SklearnModel(kserve.Model):  # type: ignore[misc]  # kserve ships no types
    """Predicts rows given as an object matrix of shape (n, features), columns in schema order.

    A missing number is NaN and a missing text is None; whether they can be predicted on is the pipeline's business, and
    what it refuses is the client's error (400), not ours.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """Read the metadata; `load` reads the pipeline. Raises SetupError."""
        super().__init__(name)
        self.folder = folder
        self.metadata = Metadata.read(folder)
        self._pipeline: Any = None

    def load(self) -> bool:
        """Load the pipeline. A joblib file runs code when it is read: only load models you trust. Raises SetupError."""
        path = self.folder / MODEL_FILE
        try:
            self._pipeline = joblib.load(path)
        except OSError as error:
            raise SetupError(f"{path} must be a fitted pipeline: {error.strerror}. Nothing is served.") from error
        self.ready = True
        return self.ready

    def get_input_types(self) -> list[dict[str, object]]:
        """Return the request's tensors: the source of a schema for whoever has no training data at hand."""
        return self.metadata.inputs()

    def get_output_types(self) -> list[dict[str, object]]:
        """Return the response's tensors."""
        return self.metadata.outputs()

    def predict(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Answer one request of either protocol. Raises InvalidInput (400)."""
        del headers
        if isinstance(payload, InferRequest):
            return self._answer_v2(payload, self._run(request_rows.from_v2(payload, self.metadata.features)))
        return {"predictions": self._run(request_rows.from_v1(payload, self.metadata.features)).tolist()}

    def _run(self, matrix: request_rows.Rows) -> Any:
        if len(matrix) == 0:
            return np.empty(0)
        try:
            return np.asarray(self._pipeline.predict(matrix))
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"the model cannot predict on these values: {type(error).__name__}") from error

    def _answer_v2(self, request: InferRequest, predicted: Any) -> InferResponse:
        (field, *_) = self.metadata.predictions
        datatype = "FP64" if field.kind is Kind.NUMERIC else "BYTES"
        output = InferOutput(field.name, [len(predicted)], datatype, data=predicted.tolist())
        return InferResponse(request.id, self.name, [output])
