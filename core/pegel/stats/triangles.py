"""Symmetric matrices, of which each pair is kept once: the lower triangle, diagonal included, row by row."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=64)
def lower_triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of the pairs, each once, diagonal included; the same for every summary of a size."""
    rows, columns = np.tril_indices(size)
    for indices in (rows, columns):
        indices.flags.writeable = False
    return rows, columns


@lru_cache(maxsize=64)
def triangle_places(size: int) -> NDArray[np.intp]:
    """Return where in a packed triangle each pair stands, shape (size, size)."""
    places = np.zeros((size, size), dtype=np.intp)
    rows, columns = lower_triangle(size)
    places[rows, columns] = places[columns, rows] = np.arange(rows.size)
    places.flags.writeable = False
    return places
