"""What the worker has to know of a model that is to be explained, and what it tells the model's process of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pegel.errors import PegelError, SetupError
from pegel.featurestore import LocalFeatureStore
from pegel.spec.model_roots import local_folder
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_serving.attribution.event_sample import rate_of
from pegel_serving.attribution.rows_budget import RowsBudget

Door = Callable[[MonitorSpec], tuple[str, str]]
"""Returns the address of a model's endpoint and its secret. Raises PegelError."""


@dataclass(slots=True)
class ExplainedModel:
    """One model version that asks for explanations."""

    spec: MonitorSpec
    rate: float = field(init=False)
    budget: RowsBudget = field(init=False)

    def __post_init__(self) -> None:
        """Take rate and budget from the spec."""
        self.rate, self.budget = rate_of(self.spec), RowsBudget(self.spec.attribution.rows_per_minute)

    @property
    def labels(self) -> tuple[str, str]:
        """Return the labels of its metrics."""
        return self.spec.model.name, str(self.spec.model.version)

    def preparation(self, settings: Settings, door: Door) -> dict[str, Any]:
        """Return what the model's process is told: where the model is, and rows of its baseline. Raises OSError."""
        told: dict[str, Any] = {
            "rate": self.rate,
            "replays": self.spec.attribution.identity == "replay",
            "background": self._background(settings),
            "digest": self.spec.model.digest,
        }
        try:
            if self.spec.attribution.via == "artefact":
                return told | {"folder": self._folder()}
            address, token = door(self.spec)
            schema = LocalFeatureStore(settings.features).describe(self.spec.baseline.source)
        except PegelError as error:
            raise OSError(str(error)) from error
        asked = {"address": f"{address.rstrip('/')}/v1/models/{self.spec.served_name}:predict", "token": token}
        calls = {"calls_per_minute": self.spec.attribution.calls_per_minute, "schema": schema.to_json()}
        return told | asked | calls

    def _folder(self) -> str:
        folder = local_folder(str(self.spec.model.uri))
        if folder is None:
            raise SetupError(
                f"expected the model in a folder that this process sees, given {self.spec.model.uri}: it is not "
                f"explained"
            )
        return str(folder)

    def _background(self, settings: Settings) -> str | None:
        """Return where rows of the baseline are; None where they are in no folder that this process sees."""
        source = self.spec.attribution.baseline or self.spec.baseline.source
        try:
            return str(LocalFeatureStore(settings.features).read_training_data(source))
        except (PegelError, OSError):
            return None
