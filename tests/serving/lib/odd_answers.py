"""A model that raises whatever it is made with when it is asked."""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, RegressorMixin


class Raises(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Fitted as any regression is, and of no use."""

    def __init__(self, raised: BaseException) -> None:
        """Raise `raised` for every row."""
        self.raised = raised

    def fit(self, x: Any, _y: Any) -> Raises:
        """Remember how many columns there are."""
        self.n_features_in_ = x.shape[1]
        return self

    def predict(self, _x: Any) -> Any:
        """Raise."""
        raise self.raised
