"""Which rows of a baseline a permuted model is compared with: evenly over it, and only such as the model answers.

Many baselines have rows in which a value is missing. A model may take them (then they are as good as others) or refuse
them, all or those in which certain features are missing: it is asked about one row of each kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pegel_serving.attribution.explained import EndpointAway, NotExplained
from pegel_serving.model_columns import Rows
from pegel_serving.model_errors import FAILURES

Asked = Callable[[Rows], NDArray[np.float64]]
"""What a model puts out for rows, shape (rows, classes) or (rows, 1). Raises NotExplained and errors of the model."""
BACKGROUND_ROWS: Final = 100
"""Rows that are kept: frozen, the same ones each time."""
MOST_KINDS: Final = 8
"""Kinds of rows with missing values about which the model is asked, the most frequent ones; others are left out."""


def compared_rows(asked: Asked, rows: Rows) -> Rows:
    """Return up to `BACKGROUND_ROWS` of `rows`, shape (rows, features), evenly over those that the model answers.

    Raises EndpointAway where that cannot be asked now, NotExplained where there is none.
    """
    if not len(rows):
        raise NotExplained("the model is explained by comparing with rows of the baseline, of which none are here")
    kinds, first, of_rows, counts = np.unique(
        _missing(rows), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    is_taken: NDArray[np.bool_] = ~np.any(kinds, axis=1)
    with_missing = [at for at in np.argsort(-counts, kind="stable").tolist() if not is_taken[at]]
    for at in with_missing[:MOST_KINDS]:
        is_taken[at] = _is_answered(asked, rows[[first[at]]])
    kept = rows[is_taken[of_rows.reshape(-1)]]
    if not len(kept):
        raise NotExplained("the model takes none of the rows of its baseline: a value is missing in each of them")
    return kept[np.unique(np.linspace(0, len(kept) - 1, min(len(kept), BACKGROUND_ROWS)).astype(np.int64))]


def _missing(rows: Rows) -> NDArray[np.bool_]:
    flat = [value is None or value != value for value in rows.ravel().tolist()]  # noqa: PLR0124  NaN alone is not itself
    return np.array(flat, dtype=bool).reshape(rows.shape)


def _is_answered(asked: Asked, row: Rows) -> bool:
    try:
        return bool(np.isfinite(asked(row)).all())
    except EndpointAway:
        raise
    except FAILURES:
        return False
