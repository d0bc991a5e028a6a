"""Fitted models that answer, load and end as nobody wants them to."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import fitted_models
import numpy as np
from sklearn.base import BaseEstimator

from pegel.data.columns import Field, Kind, Role, Schema
from pegel_serving.metadata import Metadata

SCHEMA = Schema((Field("amount", Kind.NUMERIC), Field("outcome", Kind.CATEGORICAL, Role.PREDICTION)))


class Answers(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A model that answers the same value for every row."""

    def __init__(self, value: Any) -> None:
        """Take the value."""
        self.value = value

    def predict(self, X: Any) -> Any:  # noqa: N803  scikit-learn's name
        """Return it once per row."""
        answer = np.empty(len(X), dtype=object)
        answer[:] = [self.value] * len(X)
        return answer


class AnswersOnce(Answers):
    """A model that answers its value once, however many rows it is asked about."""

    def predict(self, X: Any) -> Any:  # noqa: ARG002, N803
        """Return it in a list."""
        return [self.value]


class Squeezes(Answers):
    """A model that takes away every axis of length 1, the only row among them."""

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Return the values without the axis of a single row."""
        return np.squeeze(super().predict(X))


class Loud(Answers):
    """A model that prints more than anybody reads, on both outputs."""

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Print 2.8 MB."""
        print("hello from the model")
        os.write(2, b"so many words\n" * 200_000)
        return super().predict(X)


class Silent(ValueError):
    """An error that fails to say anything."""

    def __str__(self) -> str:
        """Fail."""
        raise ValueError("no words")


class Raises(Answers):
    """A model that raises its value, or a sentence with the number of the row."""

    def predict(self, X: Any) -> Any:  # noqa: N803
        """Never answer."""
        raise self.value if isinstance(self.value, BaseException) else ValueError(f"no idea of {X[0][0]:g}")


class Ends(Answers):
    """A model that ends its process with the exit code that is its value."""

    def predict(self, X: Any) -> Any:  # noqa: ARG002, N803
        """Never return."""
        print("the licence server said no", flush=True)
        os._exit(self.value)


class AtLoad(Answers):
    """A model that calls something when it is loaded: its value, a function and its arguments."""

    def __reduce__(self) -> Any:
        """Say that it is to be called."""
        return self.value


def sleeps() -> None:
    """Never return."""
    threading.Event().wait()


def write(folder: Path, model: Any) -> Path:
    """Write a model whose outcome is watched."""
    return fitted_models.write(folder, model, Metadata("loans", 1, SCHEMA))
