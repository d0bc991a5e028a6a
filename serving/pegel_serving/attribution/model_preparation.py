"""What a model's process is told before it explains anything: where the model is, and rows of its baseline.

It is told no address of the database and none of the broker: it runs the code of whoever made the model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pegel.errors import PegelError
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_serving.attribution.event_sample import rate_of
from pegel_serving.attribution.model_folders import ModelFolders
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.surrogate_rows import SurrogateSource, surrogate_source
from pegel_serving.attribution.unprepared import NO_ENDPOINT, NOT_PREPARED, Unprepared
from pegel_serving.model_errors import sentence

Door = Callable[[MonitorSpec], tuple[str, str]]
"""Returns the address of a model's endpoint and its secret. Raises PegelError."""
COPIES: Final = "explained-models"
"""The folder below a home with copies of models that lie in a store."""
HELD_OUT_PART: Final = 4
"""Of the calls of a model that is explained by its endpoint, where it names held-out rows: one in so many is kept for
these."""


class ModelPreparation:
    """Tells processes of models what they need."""

    def __init__(self, settings: Settings, door: Door, features: OrderedFeatures) -> None:
        """Look for rows where `settings` say, for endpoints by `door`, for the order of values by `features`."""
        self._settings, self._door, self._features = settings, door, features
        self._folders = ModelFolders(settings.home.resolve() / COPIES, settings.allowed_models)

    def told(self, spec: MonitorSpec, *, held_out: bool = False) -> dict[str, Any]:
        """Return what the process of a model is told; `held_out`: that of its held-out rows. Raises Unprepared."""
        told: dict[str, Any] = {
            "rate": rate_of(spec),
            "replays": spec.attribution.identity == "replay",
            "background": self._background(spec),
            "digest": spec.model.digest,
        }
        if spec.attribution.via == "artefact":
            told["folder"] = str(self._folders.of(spec))
        try:
            told["features"] = [field.name for field in self._features.of(spec)]
            if spec.attribution.via == "artefact":
                return told
            address, token = self._asked(spec)
            schema = LocalFeatureStore(self._settings.features).describe(spec.baseline.source)
        except PegelError as error:
            raise Unprepared(NOT_PREPARED, str(error)) from error
        calls = {"calls_per_minute": calls_per_minute(spec, held_out=held_out), "schema": schema.to_json()}
        return told | {"address": address, "token": token} | calls | self._surrogate(spec)

    def surrogate_source(self, spec: MonitorSpec) -> SurrogateSource:
        """Return the rows that the surrogate of a model is made of. Raises PegelError, OSError, ValueError."""
        return surrogate_source(LocalFeatureStore(self._settings.features), spec)

    def endpoint(self, spec: MonitorSpec) -> tuple[str, str]:
        """Return where the endpoint of a model is asked, and its secret. Raises PegelError."""
        address, token = self._door(spec)
        return f"{address.rstrip('/')}/v1/models/{spec.served_name}:predict", token

    def _asked(self, spec: MonitorSpec) -> tuple[str, str]:
        try:
            return self.endpoint(spec)
        except PegelError as error:
            raise Unprepared(NO_ENDPOINT, str(error)) from error

    def _surrogate(self, spec: MonitorSpec) -> dict[str, Any]:
        """Return where the rows are that a surrogate is made of, or why it is made of none; nothing: of no model."""
        if spec.attribution.identity != "surrogate":
            return {}
        try:
            found = self.surrogate_source(spec)
        except PegelError as error:
            return {"surrogate": {"source": spec.baseline.source, "why": str(error)}}
        except (OSError, ValueError) as error:
            why = f"the rows that its surrogate is made of cannot be read: {sentence(error)}"
            raise Unprepared(NOT_PREPARED, why) from error
        return {"surrogate": {"source": found.source, "table": str(found.table)}}

    def _background(self, spec: MonitorSpec) -> str | None:
        """Return where rows of the baseline are; None where they are in no folder that this process sees."""
        source = spec.attribution.baseline or spec.baseline.source
        try:
            return str(LocalFeatureStore(self._settings.features).read_training_data(source))
        except (PegelError, OSError):
            return None


def calls_per_minute(spec: MonitorSpec, *, held_out: bool) -> int:
    """Return how many rows an endpoint may be asked about in a minute for its events, or for its held-out rows."""
    calls = spec.attribution.calls_per_minute
    if spec.attribution.baseline is None:
        return calls
    kept = max(1, calls // HELD_OUT_PART)
    return kept if held_out else calls - kept
