"""From which raw feature each column comes that a model's last step is given, so that parts of it are added up.

Known are the steps of scikit-learn that make a column of one column: scalers, encoders, imputers, bins, selections,
and whatever puts them side by side or one after the other. Whatever is given one column only makes all of its columns
from that. A step that mixes columns (principal components, interactions, a function of one's own over several) has no
columns that belong to one feature: then nobody can say which feature a part belongs to, and nobody is told.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from pegel.spec.outside_text import shown
from pegel_serving.attribution.explained import NotExplained

_COLUMN_WISE = frozenset(
    (
        *("Binarizer", "MaxAbsScaler", "MinMaxScaler", "PowerTransformer", "QuantileTransformer", "RobustScaler"),
        *("StandardScaler", "KBinsDiscretizer", "OneHotEncoder", "OrdinalEncoder", "SplineTransformer"),
        *("TargetEncoder", "SimpleImputer", "MissingIndicator", "VarianceThreshold"),
        *("GenericUnivariateSelect", "RFE", "RFECV", "SelectFdr", "SelectFpr", "SelectFromModel", "SelectFwe"),
        *("SelectKBest", "SelectPercentile"),
    )
)
"""Steps of scikit-learn that name their columns after the one column that each comes from."""
_NAMED = re.compile(r"(?:missingindicator_)?(\d+)(?:_.*)?", re.DOTALL)


def raw_features(step: Any, sources: Sequence[int], names: Sequence[str] | None) -> list[int]:
    """Return for each column that a fitted step puts out which raw feature it comes from.

    `sources`: the raw feature of each column that it is given; `names`: their names, None where they have none.
    Raises NotExplained for a step that mixes columns, and for one that is not known.
    """
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return list(sources)
    if isinstance(step, Pipeline):
        return _through([inner for _, inner in step.steps], sources, names)
    if isinstance(step, ColumnTransformer):
        return _beside(step, sources, names)
    if isinstance(step, FeatureUnion):
        parts = [raw_features(inner, sources, names) for _, inner in step.transformer_list if inner != "drop"]
        return [source for part in parts for source in part]
    if type(step).__name__ in _COLUMN_WISE and type(step).__module__.startswith("sklearn."):
        return _named(step, sources)
    return _elementwise(step, sources)


def _through(steps: Sequence[Any], sources: Sequence[int], names: Sequence[str] | None) -> list[int]:
    current = list(sources)
    for at, step in enumerate(steps):
        current = raw_features(step, current, names if at == 0 else _names_given(step))
    return current


def _names_given(step: Any) -> list[str] | None:
    """Return the names of the columns that a later step was fitted on; None where it was given none."""
    names = getattr(step, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def _beside(step: ColumnTransformer, sources: Sequence[int], names: Sequence[str] | None) -> list[int]:
    """Go through the branches in the order of their columns in what is put out."""
    fitted_names = _names_given(step) or names
    width = max((part.stop for part in step.output_indices_.values()), default=0)
    result = [-1] * width
    for name, inner, columns in step.transformers_:
        place = step.output_indices_.get(name)
        if place is None or place.stop == place.start:
            continue
        given = [sources[at] for at in _places(columns, fitted_names, len(sources))]
        own = raw_features(inner, given, None)
        if len(own) != place.stop - place.start:
            raise _unknown(inner, f"puts out {place.stop - place.start} columns, where {len(own)} were expected")
        result[place] = own
    return result


def _places(columns: Any, names: Sequence[str] | None, width: int) -> list[int]:
    """Return which columns a branch is given: named, counted, masked or cut out."""
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            return _between(columns, names)
        return list(range(width))[columns]
    listed = [columns] if isinstance(columns, str | int | np.integer) else list(columns)
    if listed and isinstance(listed[0], bool | np.bool_):
        return [at for at, wanted in enumerate(listed) if wanted]
    return [_place(one, names) if isinstance(one, str) else int(one) % width for one in listed]


def _between(columns: slice, names: Sequence[str] | None) -> list[int]:
    """Return the places of a cut by names, whose end is inclusive."""
    start = 0 if columns.start is None else _place(columns.start, names)
    stop = len(names or ()) if columns.stop is None else _place(columns.stop, names) + 1
    return list(range(start, stop))


def _place(name: str, names: Sequence[str] | None) -> int:
    if names is None or name not in names:
        raise NotExplained(f"the model takes a column by the name {shown(name)}, which its columns do not tell")
    return list(names).index(name)


def _named(step: Any, sources: Sequence[int]) -> list[int]:
    """Ask the step for the names of its columns where those it is given are called 0, 1, 2 and so on."""
    asked = copy.copy(step)
    vars(asked).pop("feature_names_in_", None)
    try:
        told = asked.get_feature_names_out([str(at) for at in range(len(sources))])
    except (AttributeError, TypeError, ValueError) as error:
        raise _unknown(step, "does not name its columns") from error
    found = [_NAMED.fullmatch(str(name)) for name in told]
    if None in found:
        raise _unknown(step, "names its columns otherwise than was expected")
    return [sources[int(match[1])] for match in found if match is not None]


def _elementwise(step: Any, sources: Sequence[int]) -> list[int]:
    """Return the sources of a step that is not known: of one column, or a function of numpy that takes each value."""
    function = getattr(step, "func", "")
    if type(step).__name__ == "FunctionTransformer" and (function is None or isinstance(function, np.ufunc)):
        return list(sources)
    if len(set(sources)) == 1 and (width := _width(step)) is not None:
        return [sources[0]] * width
    raise _unknown(step, "may mix columns, so that none of them belongs to one feature")


def _width(step: Any) -> int | None:
    """Return how many columns a step of one column puts out; None where it does not tell."""
    vocabulary = getattr(step, "vocabulary_", None)
    if vocabulary is not None:
        return len(vocabulary)
    try:
        return len(step.get_feature_names_out())
    except (AttributeError, TypeError, ValueError):
        return 1 if type(step).__name__ == "FunctionTransformer" else None


def _unknown(step: Any, why: str) -> NotExplained:
    return NotExplained(f"the step {shown(type(step).__name__)} of the model {why}")
