"""A fitted model of a folder, as scikit-learn has them: rows of a request in, one column per answered field out."""

from __future__ import annotations

import math
import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.exceptions import NotFittedError

from pegel.data.columns import Field, Kind, Missing, Role
from pegel.data.conversions import STRANGE, number_of, plain
from pegel.errors import SetupError
from pegel.notebook.naming import listed
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many
from pegel_serving.metadata import MODEL_FILE, Metadata, refuse_no_file
from pegel_serving.model_columns import Rows, frame_of, matrix_of
from pegel_serving.model_errors import FAILURES, REFUSALS, ModelFailed, message_of, refusal, sentence
from pegel_serving.model_features import missing_text, names_in

_REMEDIES: dict[type[Exception], str] = {
    ImportError: "; install what is missing into the serving environment; a module of your own is kept with the model "
    "by `cloudpickle.register_pickle_by_value(module)` and `cloudpickle.dump(model, file)`",
    AttributeError: "; a package has another version here than where the model was saved",
    EOFError: "; the file is empty or cut off",
    IndexError: "; the file is cut off or damaged",
    pickle.UnpicklingError: "; the file is cut off, or none of joblib",
    MemoryError: "; this machine has too little memory for it, or the file is damaged",
}
"""What helps where a model cannot be loaded."""
_NO_PICKLE = "the file is damaged, or none of joblib"
_OF_A_NOTEBOOK = (
    "; it needs a function or class of the notebook or script that saved it: save it there with "
    "`cloudpickle.dump(model, file)` in place of `joblib.dump`, which keeps both together"
)
"""What helps where a model refers to `__main__`, of which a pickle has the name alone."""


class FittedModel:
    """A model that fits its metadata.

    A model that was fitted on a frame (`feature_names_in_`) is given a frame with its columns in their order; any other
    an object matrix with the features in schema order, or what the metadata says: a frame of these, or one column.
    """

    def __init__(self, estimator: Any, metadata: Metadata, place: Path) -> None:
        """Check that model and metadata, both from `place`, belong together. Raises SetupError."""
        self.metadata = metadata
        self._estimator, self.place = estimator, place
        self.columns = names_in(estimator)
        """Names of the columns that the model was fitted on, in order; None if it does not tell."""
        self.given = "frame" if self.columns else metadata.given or "matrix"
        """As what it is given its rows: `frame`, `matrix` or `column`."""
        self._missing_text = missing_text(estimator)
        self._refuse_other_features()
        self.classes: list[Any] = self._classes()
        """The classes whose probabilities are answered, in the order of `predict_proba`."""
        self.answered = self._answered()
        """The fields of an answer, in order: predictions, and what the metadata asks for beside them."""
        self._refuse_other_predictions()

    @classmethod
    def load(cls, folder: Path) -> FittedModel:
        """Read metadata and model of a folder. A joblib file runs code when it is read: only load models you trust.

        Raises SetupError.
        """
        metadata = Metadata.read(folder)
        return cls(load_estimator(folder), metadata, folder)

    def answer(self, rows: Rows) -> dict[str, list[Any]]:
        """Return one list per answered field, with one plain value per row; None where a number is not finite.

        Raises WrongValue for a value that a column's type cannot take, ModelRefused, ModelFailed.
        """
        if len(rows) == 0:
            return {field.name: [] for field in self.answered}
        given = self.given_rows(rows)
        predicted = self._asked("predict", given, rows)
        shape = list(predicted.shape)
        if predicted.ndim == 1:
            predicted = predicted.reshape(-1, 1)
        wanted = self.metadata.predictions[:1] if self.classes else self.metadata.predictions
        if predicted.shape != (len(rows), len(wanted)):
            raise ModelFailed(
                f"the model answers {how_many(len(rows), 'row')} with an array of shape {shape}; "
                f"metadata.json says one value for each of {listed([field.name for field in wanted])}"
            )
        columns = {field.name: _plain_column(predicted[:, at], field) for at, field in enumerate(wanted)}
        return columns | (self._probabilities(given, rows, predicted[:, 0]) if self.classes else {})

    def _probabilities(self, given: Any, rows: Rows, predicted: Any) -> dict[str, list[Any]]:
        """Return the probability of the class that is answered, and that of each class.

        The class is that of `predict`: where a model decides by another rule than the largest probability (a threshold
        of its own, say), what is watched is its decision and what it thought of it.
        """
        shares = self._asked("predict_proba", given, rows)
        if shares.shape != (len(rows), len(self.classes)) or shares.dtype.kind not in "biuf":
            given = f"shape {list(shares.shape)} and type {shown(str(shares.dtype))}"
            raise ModelFailed(f"predict_proba answers with an array of {given}; expected one number per class")
        places = {plain(value): at for at, value in enumerate(self.classes)}
        chosen = [places.get(plain(value)) for value in predicted]
        of_answer = [np.nan if at is None else shares[row, at] for row, at in enumerate(chosen)]
        columns = [np.array(of_answer), *shares.T]
        names = [field.name for field in self.answered[1:]]
        return {name: _finite(column.tolist()) for name, column in zip(names, columns, strict=True)}

    @property
    def estimator(self) -> Any:
        """Return the fitted model itself."""
        return self._estimator

    @property
    def given_features(self) -> list[str]:
        """Return the names of the features in the order in which the model is given them."""
        return self.columns or [feature.name for feature in self.metadata.features]

    def given_rows(self, rows: Rows) -> Any:
        """Return rows as the model is given them: a frame, an object matrix or one column. Raises WrongValue."""
        features = self.metadata.features
        types = [self.metadata.type_of(feature) for feature in features]
        if self.given == "matrix":
            return matrix_of(rows, features, types)
        frame = frame_of(rows, features, types, missing_text=self._missing_text)
        return frame.iloc[:, 0] if self.given == "column" else frame[self.columns or list(frame.columns)]

    def _asked(self, method: str, given: Any, rows: Rows) -> Any:
        try:
            return np.asarray(getattr(self._estimator, method)(given))
        except NotFittedError as error:
            raise ModelFailed(f"the model was saved before it was fitted: {sentence(error)}") from error
        except REFUSALS as error:
            raise refusal(error, rows, self.metadata.features, given) from error
        except FAILURES as error:
            raise ModelFailed(f"the model failed: {sentence(error)}") from error

    def _classes(self) -> list[Any]:
        """Return the classes to answer the probabilities of; none if the metadata does not ask. Raises SetupError."""
        if not self.metadata.probabilities:
            return []
        classes = getattr(self._estimator, "classes_", None)
        if not hasattr(self._estimator, "predict_proba") or classes is None:
            raise self._unfit("asks for probabilities", "a model without predict_proba and classes_")
        if any(np.ndim(of_one) for of_one in classes):
            raise self._unfit("asks for probabilities", "a model of several outputs, for which there is no such answer")
        return list(np.asarray(classes).tolist())

    def _answered(self) -> tuple[Field, ...]:
        if not self.classes:
            return self.metadata.predictions
        return (self.metadata.predictions[0], *probability_fields(self.metadata.predictions[0].name, self.classes))

    def _refuse_other_features(self) -> None:
        named = [feature.name for feature in self.metadata.features]
        if self.columns is not None:
            lacking, unknown = sorted({*self.columns} - {*named}), sorted({*named} - {*self.columns})
            if lacking or unknown:
                parts = [f"it lacks {listed(lacking)}"] * bool(lacking)
                parts += [f"the model does not know {listed(unknown)}"] * bool(unknown)
                raise self._unfit("lists features", f"others than the model was fitted on: {', and '.join(parts)}")
        fitted = getattr(self._estimator, "n_features_in_", len(named))
        if fitted != len(named):
            raise self._unfit(f"lists {len(named)} features", f"a model fitted on {fitted}")

    def _refuse_other_predictions(self) -> None:
        known = {field.name for field in self.answered}
        if strange := [field.name for field in self.metadata.predictions if field.name not in known]:
            raise self._unfit(
                f"lists the prediction {listed(strange)}", f"a model that answers {listed(sorted(known))}"
            )
        if len(known) < len(self.answered) or known & {feature.name for feature in self.metadata.features}:
            raise self._unfit("names fields", "several of one name, among features and answers")
        field, words = self.metadata.predictions[0], text_classes(self._estimator)
        if words and field.kind is Kind.NUMERIC:
            raise self._unfit(f"says that {shown(field.name)} is numeric", f"a model of the classes {listed(words)}")

    def _unfit(self, says: str, given: str) -> SetupError:
        return SetupError(f"metadata.json in {self.place} {says}; given: {given}. Nothing is served.")


def load_estimator(folder: Path) -> Any:
    """Read the model of a folder; this runs code of the file. Raises SetupError."""
    path = folder / MODEL_FILE
    refuse_no_file(path)
    try:
        estimator = joblib.load(path)
    except OSError as error:
        raise SetupError(
            f"{path} must be a fitted pipeline: {error.strerror or sentence(error)}. Nothing is served."
        ) from error
    except (Exception, SystemExit) as error:
        why = _NO_PICKLE if _is_of_a_code(error) else f"{sentence(error)}{_remedy(error)}"
        raise SetupError(f"{path} cannot be loaded here: {why}. Nothing is served.") from error
    if not callable(getattr(estimator, "predict", None)):
        raise SetupError(
            f"{path} must hold a fitted model with `predict`; given: {type(estimator).__name__}. Nothing is served."
        )
    return estimator


def _is_of_a_code(error: BaseException) -> bool:
    # Python's pickle looks up what to do by the number of a code, and says only the number of one it does not know.
    return type(error) is KeyError and isinstance(error.args[0], int)


def _remedy(error: BaseException) -> str:
    # Pickle names the program that reads: of a server the module that was started, of a command `__main__`.
    if isinstance(error, AttributeError) and repr(sys.modules["__main__"]) in message_of(error):
        return _OF_A_NOTEBOOK
    return next((words for kind, words in _REMEDIES.items() if isinstance(error, kind)), "")


def text_classes(estimator: Any) -> list[str]:
    """Return the classes of a model that are text; none for other classes, and for a model without."""
    classes = getattr(estimator, "classes_", ())
    return [value for value in np.asarray(classes, dtype=object).ravel().tolist() if isinstance(value, str)]


def v1_predictions(answer: dict[str, list[Any]]) -> list[Any]:
    """Return an answer by protocol v1: one value per row, or, of several fields, one object by name."""
    if len(answer) == 1:
        return next(iter(answer.values()))
    return [dict(zip(answer, row, strict=True)) for row in zip(*answer.values(), strict=True)]


def probability_fields(prediction: str, classes: Sequence[Any]) -> tuple[Field, ...]:
    """Return the field of the answered class's probability, then one per class."""
    stem = f"{prediction}_probability"
    names = [stem, *(f"{stem}_{value}" for value in classes)]
    return tuple(Field(name, Kind.NUMERIC, Role.PREDICTION) for name in names)


def _plain_column(values: Any, field: Field) -> list[Any]:
    """Return predictions as plain values, numbers as they are where the field is categorical. Raises ModelFailed."""
    if values.dtype.kind in "biuf":
        return _finite(values.tolist())
    taken = [plain(value) for value in values]
    if strange := sorted(
        {type(value).__name__ for value, of_it in zip(values, taken, strict=True) if of_it is STRANGE}
    ):
        raise ModelFailed(
            f"the model answers {shown(field.name)} with values of the type {listed(strange)}; expected numbers, texts "
            "or truth values"
        )
    if field.kind is Kind.NUMERIC and any(number_of(value)[1] is Missing.UNPARSEABLE for value in taken):
        raise ModelFailed(f"the model answers {shown(field.name)} with text; metadata.json says that it is a number")
    return _finite(taken)


def _finite(values: list[Any]) -> list[Any]:
    """Return the values with None for every number that JSON cannot write."""
    return [None if isinstance(value, float) and not math.isfinite(value) else value for value in values]
