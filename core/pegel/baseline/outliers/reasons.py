"""Which features make one row unusual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def top_features(parts: NDArray[np.float64], names: Sequence[str], k: int = 3) -> list[tuple[str, float]]:
    """Return the `k` features that add most to one row's score, largest first; ties in schema order."""
    order = np.argsort(-parts, kind="stable")[:k]
    return [(names[i], float(parts[i])) for i in order.tolist()]
