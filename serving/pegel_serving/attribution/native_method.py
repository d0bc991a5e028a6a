"""Attributions of boosters that tell them themselves: LightGBM and XGBoost, exactly, by their own TreeSHAP."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import is_classifier

from pegel.data.attribution_event import Method
from pegel_serving.attribution.estimator_parts import EstimatorParts
from pegel_serving.attribution.explained import SINGLE_TOLERANCE, TOLERANCE, ExplainedRows, in_parts
from pegel_serving.attribution.raw_output import chosen, single, taken
from pegel_serving.model_columns import Rows


def is_native(last: Any) -> bool:
    """Say whether a last step is a booster of LightGBM or XGBoost, in the form that scikit-learn knows."""
    return _is_lightgbm(last) or _is_xgboost(last)


class NativeMethod:
    """Explains rows of a booster; columns made of one feature are added up."""

    method = Method.NATIVE

    def __init__(self, parts: EstimatorParts) -> None:
        """Remember the model. XGBoost counts in single precision, and so adds up less well."""
        self._parts = parts
        self.precision = SINGLE_TOLERANCE if _is_xgboost(parts.last) else TOLERANCE

    def explain(self, rows: Rows, seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        """Explain rows; nothing is drawn."""
        return in_parts(rows, seeds, self._parts.sources.size, self._explained)

    def _explained(self, rows: Rows, _seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        columns = self._parts.columns(rows)
        told, raw = (_lightgbm if _is_lightgbm(self._parts.last) else _xgboost)(self._parts.last, columns, len(rows))
        which = chosen(raw)
        own = taken(told, which)
        return ExplainedRows(own[:, :-1] @ self._parts.groups, own[:, -1], taken(raw, which))


def _is_lightgbm(last: Any) -> bool:
    return type(last).__module__.startswith("lightgbm.") and hasattr(last, "booster_")


def _is_xgboost(last: Any) -> bool:
    return type(last).__module__.startswith("xgboost.") and hasattr(last, "get_booster")


def _lightgbm(last: Any, columns: Any, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return contributions, shape (rows, columns and base, classes), and raw outputs, shape (rows, classes)."""
    raw = _raw(last, columns, rows, "raw_score")
    told = last.predict(columns, pred_contrib=True)
    if isinstance(told, list):
        told = np.stack([part.toarray() for part in told], axis=1)
    if sparse.issparse(told):
        told = told.toarray()
    return np.asarray(told, dtype=np.float64).reshape(rows, raw.shape[1], -1).transpose(0, 2, 1), raw


def _xgboost(last: Any, columns: Any, rows: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the same of XGBoost."""
    import xgboost  # noqa: PLC0415  an extra, which is there where such a model could be loaded

    categorical = bool(getattr(last, "enable_categorical", False))
    given = columns if categorical or sparse.issparse(columns) else np.asarray(columns, dtype=np.float64)
    booster = last.get_booster()
    data = xgboost.DMatrix(
        given, missing=last.missing, enable_categorical=categorical, feature_names=booster.feature_names
    )
    raw = _raw(last, given, rows, "output_margin")
    told = np.asarray(booster.predict(data, pred_contribs=True, iteration_range=_rounds(last)), dtype=np.float64)
    return told.reshape(rows, raw.shape[1], -1).transpose(0, 2, 1), raw


def _raw(last: Any, columns: Any, rows: int, margin: str) -> NDArray[np.float64]:
    """Return what parts have to add up to: of a regression its prediction, which is not always the sum of its trees."""
    if not is_classifier(last):
        return single(last.predict(columns))
    return np.asarray(last.predict(columns, **{margin: True}), dtype=np.float64).reshape(rows, -1)


def _rounds(last: Any) -> tuple[int, int]:
    """Return which rounds XGBoost predicts by: up to the best one where it stopped early; (0, 0): all."""
    try:
        return 0, int(last.best_iteration) + 1
    except AttributeError:
        return 0, 0
