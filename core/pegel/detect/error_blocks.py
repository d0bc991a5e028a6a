"""Errors of labelled events in blocks: how far each lies off the error rate of training, to say when errors began.

Errors of a block are made a standard normal value by the arc sine of the root of their share, whose variance is the
same whatever the rate is, before a change and after it.

Source: F. J. Anscombe, "The transformation of Poisson, binomial and negative-binomial data", Biometrika 35 (1948).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from pegel.detect.labelled_blocks import LabelledBlocks, Times, block_span, microseconds

ERRORS = "errors"
SMALLEST = 50
LEAST_EXPECTED = 5
"""Errors expected in a block."""


@dataclass(frozen=True, slots=True)
class TrainingErrors:
    """Errors in `rows` labelled rows of training; `factor`: by how much errors come in bursts."""

    errors: int
    rows: int
    factor: float = 1.0

    @property
    def size(self) -> int:
        """Return how many events a block has."""
        return max(SMALLEST, math.ceil(LEAST_EXPECTED * self.rows / self.errors))

    def deviation(self, errors: int, events: int) -> float:
        """Return how far so many errors of so many events lie above training, a standard normal value if they do not.

        >>> round(TrainingErrors(5_000, 50_000).deviation(15, 50), 2)
        3.71
        """
        angle = math.asin(math.sqrt((errors + 0.375) / (events + 0.75)))
        off = 2 * math.sqrt(events + 0.5) * (angle - math.asin(math.sqrt(self.errors / self.rows)))
        return off * math.sqrt(self.rows / (self.rows + events) / self.factor)


@dataclass(frozen=True, slots=True)
class ErrorBlocks:
    """Full blocks, and events and errors of the one that is not full."""

    blocks: LabelledBlocks = field(default_factory=LabelledBlocks)
    events: int = 0
    errors: int = 0

    def plus(self, wrong: NDArray[np.bool_], times: Times, training: TrainingErrors) -> ErrorBlocks:
        """Return these with further events, in their order; `times` of the same shape, UTC."""
        blocks, events, errors, at = self.blocks, self.events, self.errors, 0
        instants = microseconds(times)
        since = blocks.since
        while at < wrong.size:
            if since is None:
                since = int(instants[at])
            end = min(wrong.size, at + training.size - events)
            events, errors, at = events + end - at, errors + int(np.count_nonzero(wrong[at:end])), end
            if events == training.size:
                span = block_span(since, int(instants[end - 1]))
                blocks = blocks.plus(span, {ERRORS: training.deviation(errors, events)})
                events, errors, since = 0, 0, None
        return ErrorBlocks(LabelledBlocks(blocks.recent, blocks.alarmed, since), events, errors)

    def closed(self, last: np.datetime64, training: TrainingErrors) -> LabelledBlocks:
        """Return all blocks, that which is not full taken for one; `last`: the time of its last event."""
        if self.blocks.since is None:
            return self.blocks
        (end,) = microseconds(np.array([last])).tolist()
        return self.blocks.plus(
            block_span(self.blocks.since, end), {ERRORS: training.deviation(self.errors, self.events)}
        )

    def with_alarm(self) -> ErrorBlocks:
        """Return these after the chart alarmed."""
        return ErrorBlocks(self.blocks.with_alarm(ERRORS), self.events, self.errors)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON, the inverse of `from_json`."""
        return {"blocks": self.blocks.to_json(), "events": self.events, "errors": self.errors}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(LabelledBlocks.from_json(data["blocks"]), data["events"], data["errors"])
