"""What a method says of rows, and the check without which nothing of it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from pegel.data.attribution_event import Method
from pegel_serving.model_columns import Rows

TOLERANCE: Final = 1e-6
"""How far base and attributions may add up beside the model's raw output, in units of the larger of 1 and that."""
SINGLE_TOLERANCE: Final = 1e-5
"""The same where a library computes in single precision: in units of the largest of what is added up."""
ROUNDING: Final = 1e-12
"""What doubles may be off beside that, in units of all that is added up: huge values of a row may cancel."""


class NotExplained(Exception):
    """Attributions cannot be had of this model, or of these rows; the message is one sentence that says why."""


class EndpointAway(NotExplained):
    """An endpoint that is asked does not answer now: that says nothing of the model, nor of the rows."""


class NotFinite(NotExplained):
    """The output for these rows, or a part of it, is no finite number: a matter of the rows, not of the model."""


class NotAdditive(NotExplained):
    """Attributions do not add up to what the model puts out: the method has not understood how it is built."""


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedRows:
    """Attributions of rows. `raw = base + sum(values)`, see `refuse_other_sums`.

    `values`: float64, shape (rows, features), features in the order of the schema. `base`, `raw`: float64, shape
    (rows,). `errors`: the standard errors of `values`, for a method that draws; None where values are exact.
    """

    values: NDArray[np.float64]
    base: NDArray[np.float64]
    raw: NDArray[np.float64]
    errors: NDArray[np.float64] | None = None


class AttributionMethod(Protocol):
    """Explains rows of one model."""

    @property
    def method(self) -> Method:
        """Return what is told as the method."""
        ...

    @property
    def precision(self) -> float:
        """Return `TOLERANCE`, or `SINGLE_TOLERANCE`."""
        ...

    def explain(self, rows: Rows, seeds: Sequence[tuple[int, int]]) -> ExplainedRows:
        """Explain rows, shape (rows, features). `seeds`: 128 bits for each, by which a method that draws, draws.

        Raises NotExplained, ModelRefused, ModelFailed, WrongValue.
        """
        ...


MOST_CELLS: Final = 4_000_000
"""Values of the columns of a model's last step that are explained at once: of texts there may be very many."""


def in_parts(
    rows: Rows, seeds: Sequence[tuple[int, int]], width: int, explain: Callable[..., ExplainedRows]
) -> ExplainedRows:
    """Return rows explained by `explain(rows, seeds)`, as many at once as fit; `width`: columns that are made of one.

    Only for a method whose values are exact: errors are none.
    """
    at_once = max(1, MOST_CELLS // max(1, width))
    parts = [explain(rows[at : at + at_once], seeds[at : at + at_once]) for at in range(0, max(1, len(rows)), at_once)]
    if len(parts) == 1:
        return parts[0]
    values, base, raw = (np.concatenate([getattr(one, name) for one in parts]) for name in ("values", "base", "raw"))
    return ExplainedRows(values, base, raw)


def refuse_other_sums(explained: ExplainedRows, tolerance: float = TOLERANCE) -> None:
    """Raise NotAdditive unless base and attributions add up to the raw output in every row, inclusive.

    Raises NotFinite where a number is not finite: that is a matter of the row, which anybody may send, and says nothing
    of how the model is built.
    """
    total = explained.base + explained.values.sum(axis=1)
    odd = ~(np.isfinite(total) & np.isfinite(explained.raw))
    if odd.any():
        raise NotFinite(f"of {int(odd.sum())} of {odd.size} rows the output or its parts are no finite numbers")
    added = np.abs(explained.base) + np.abs(explained.values).sum(axis=1)
    scale = np.maximum(1.0, np.abs(explained.raw))
    if tolerance != TOLERANCE:
        scale = np.maximum(scale, added)
    wrong = np.abs(total - explained.raw) > tolerance * scale + ROUNDING * added
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise NotAdditive(
            f"the structure of the model is not understood: attributions of {int(wrong.sum())} of {wrong.size} rows do "
            f"not add up, the first to {total[at]:.9g}, where the model puts out {explained.raw[at]:.9g}"
        )
