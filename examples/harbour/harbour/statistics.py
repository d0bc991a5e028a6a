"""The statistic of docs/extending.md."""

import json
from typing import ClassVar, Self

import numpy as np
from pegel.stats.framing import seal, unseal


class ZeroShare:
    """The share of values that are exactly zero."""

    name: ClassVar[str] = "zero_share"

    def __init__(self, n: int = 0, zeros: int = 0) -> None:
        self.n, self.zeros = n, zeros

    @classmethod
    def start(cls, _edges: np.ndarray, /) -> Self:
        return cls()

    def update(self, values: np.ndarray) -> None:
        self.n += values.size
        self.zeros += int(np.count_nonzero(values == 0))

    def merge(self, other: Self) -> None:
        self.n, self.zeros = self.n + other.n, self.zeros + other.zeros

    def get(self) -> dict[str, float | None]:
        return {"n": self.n, "share": self.zeros / self.n if self.n else None}

    def to_bytes(self) -> bytes:
        return seal(self.name, json.dumps([self.n, self.zeros]).encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        return cls(*json.loads(unseal(cls.name, data)))
