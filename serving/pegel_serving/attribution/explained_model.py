"""What the worker has to know of a model that is to be explained: which of its events, and how many rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pegel.spec.monitor_spec import MonitorSpec
from pegel_serving.attribution.event_sample import rate_of
from pegel_serving.attribution.rows_budget import RowsBudget


@dataclass(slots=True)
class ExplainedModel:
    """One model version that asks for explanations."""

    spec: MonitorSpec
    rate: float = field(init=False)
    budget: RowsBudget = field(init=False)

    def __post_init__(self) -> None:
        """Take rate and budget from the spec."""
        self.rate, self.budget = rate_of(self.spec), RowsBudget(self.spec.attribution.rows_per_minute)

    def bound(self, said: Mapping[str, Any]) -> None:
        """Explain no more rows in a minute than its process says that it can; called in the thread of a lane."""
        most = said.get("rows_per_minute")
        if isinstance(most, int):
            self.budget.bound(most)

    @property
    def labels(self) -> tuple[str, str]:
        """Return the labels of its metrics."""
        return self.spec.model.name, str(self.spec.model.version)
