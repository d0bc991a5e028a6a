"""How much is measured, and by how many processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

LEAST = 4
"""Fewer baselines have no error worth the name."""


@dataclass(frozen=True)
class Run:
    """Applies functions to tasks in the processes of `pool`. `part`: of the baselines that a section asks for."""

    pool: Executor
    part: float = 1.0

    def __call__(self, function: Callable[[Any], Any], tasks: Iterable[Any]) -> list[Any]:
        """Return the results, in the order of the tasks."""
        return list(self.pool.map(function, tasks))

    def baselines(self, count: int) -> int:
        """Return how many baselines are drawn instead of `count`."""
        return max(LEAST, round(self.part * count))
