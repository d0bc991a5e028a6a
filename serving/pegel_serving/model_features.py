"""What a fitted model tells about the features that it was fitted on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

_UNNAMED = re.compile(r"Column_\d+")
"""What LightGBM calls the features of a matrix: no names."""
_DEEPEST = 12
"""Parts within parts that are looked into."""


def names_in(estimator: Any) -> list[str] | None:
    """Return the names of the columns that a model was fitted on, in order; None if it was fitted on a matrix."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or all(_UNNAMED.fullmatch(str(name)) for name in names):
        return None
    return [str(name) for name in names]


def missing_text(estimator: Any) -> float | None:
    """Return what stands for a missing text in the frames of a model: NaN, or None if it was fitted with that.

    Frames read from CSV have NaN there, those from Parquet None, and scikit-learn tells them apart without a word:
    fitted encoders keep the one they saw among their categories, imputers are told which one to replace.
    """
    for part in _parts(estimator, set(), 0):
        if getattr(part, "missing_values", np.nan) is None:
            return None
        for categories in getattr(part, "categories_", ()):
            if any(category is None for category in categories):
                return None
    return np.nan  # this very object: vectorisers of texts know no other


def _parts(part: Any, seen: set[int], depth: int) -> Iterator[Any]:
    """Yield a model and, whatever holds them (steps, branches, folds), all the models that it is made of."""
    if depth > _DEEPEST or id(part) in seen:
        return
    seen.add(id(part))
    held: Iterable[Any] = ()
    if hasattr(part, "get_params") and not isinstance(part, type):
        yield part
        held = vars(part).values() if hasattr(part, "__dict__") else ()
    elif isinstance(part, dict):
        held = part.values()
    elif isinstance(part, list | tuple):
        held = part
    for inner in held:
        yield from _parts(inner, seen, depth + 1)
