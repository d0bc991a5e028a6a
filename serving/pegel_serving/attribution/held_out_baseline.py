"""The baseline of attributions of one model's held-out rows: made once of each folder and each method, and kept.

It is the worker that makes it: it alone has the model's folder, the feature store and the database. The rows are read
here; the process of the model that explains them is given nothing but their values, as in requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec, PegelError
from pegel.featurestore import LocalFeatureStore
from pegel.judge.attribution.learned_baseline import judged_fields
from pegel.judge.attribution.surrogate_identity import SURROGATE
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import ATTRIBUTIONS
from pegel.spec.settings import Settings
from pegel.store.attribution_store import AttributionStore
from pegel.store.baseline_store import BaselineStore
from pegel_serving.attribution.held_out_explanations import explained_rows, most_rows
from pegel_serving.attribution.held_out_rows import drawn_rows, held_out_table
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.model_work import FIRST_WAIT_S, ModelWork
from pegel_serving.attribution.model_works import ModelWorks
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.surrogate_rows import halves

log = structlog.stdlib.get_logger(__name__)

BY: Final = "attribution worker"


class HeldOutBaseline(ModelWork):
    """Makes the baseline of one model version; once of a source, a folder and a method."""

    what = "held-out rows are not explained"

    def __init__(
        self,
        spec: MonitorSpec,
        preparation: ModelPreparation,
        settings: Settings,
        engine: Engine,
        *,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Keep it in the migrated database behind `engine`."""
        super().__init__(spec, first_wait_s=first_wait_s)
        self._preparation, self._engine, self._settings = preparation, engine, settings
        self._features = OrderedFeatures(settings, engine)

    def make(self, seen: Mapping[str, Any] | None) -> None:
        """Look whether there is one, and make it where not."""
        spec, features = self.spec, self._features.of(self.spec)
        names = [field.name for field in features]
        if self._is_made(names, seen):
            return
        place = held_out_table(LocalFeatureStore(self._settings.features), spec, features)
        rows = drawn_rows(place, features, most_rows(spec, len(features)), among=self._not_fitted_to)
        child = self.started_child()
        try:
            prepared = child.prepare(self._preparation.told(spec, held_out=True))
            if prepared.get("reason"):
                raise InvalidSpec(f"the model is not explained: {prepared.get('why')}")
            if self._is_made(names, prepared):
                return
            explained = explained_rows(child, prepared, rows, features, spec)
        finally:
            child.end()
        if self.is_ending():
            return
        made = AttributionStore(self._engine).put_held_out(spec, names, explained, by=BY, now=SystemClock().now())
        log.info("held-out rows are explained", model=spec.key, rows=made.rows, source=explained.source)

    def failed(self, why: str) -> None:
        """Keep nothing: windows say that they wait."""

    def _is_made(self, names: list[str], seen: Mapping[str, Any] | None) -> bool:
        """Say whether the current baseline is of these rows and features, and of the folder and method that were seen.

        None: nothing was seen yet; then the folder is that which the spec pins, if it does.
        """
        current = self._current()
        if current is None or current.attribution is None or current.source != self.spec.attribution.baseline:
            return False
        reference = current.attribution
        fields = [field.name for field in current.layout.schema.fields]
        if fields != [*judged_fields(tuple(names), reference.surrogate)]:
            return False
        if seen is None:
            # Whether the answers have a surrogate only a process of the model can tell.
            known = reference.surrogate is not None or self.spec.attribution.identity != SURROGATE
            return known and (self.spec.model.digest in {None, reference.artefact} or reference.artefact is None)
        by = (reference.method.value, reference.artefact, reference.surrogate)
        return by == (seen.get("method"), seen.get("artefact"), (seen.get("surrogate") or {}).get("name"))

    def _not_fitted_to(self, rows: int) -> NDArray[np.int64]:
        """Return the places of held-out rows that no surrogate is fitted to, of so many."""
        spec = self.spec
        if spec.attribution.identity == SURROGATE:
            try:
                source = self._preparation.surrogate_source(spec).source
            except PegelError:
                source = ""  # There will be none.
            if source == spec.attribution.baseline:
                return halves(rows)[1]
        return np.arange(rows)

    def _current(self) -> Baseline | None:
        store = BaselineStore(self._engine)
        current = store.current(self.spec.model.name + ATTRIBUTIONS, self.spec.model.version)
        return None if current is None else store.get(current)


def held_out_baselines(
    preparation: ModelPreparation, settings: Settings, engine: Engine, *, first_wait_s: float = FIRST_WAIT_S
) -> ModelWorks:
    """Return what makes the baselines of all models that name held-out rows."""
    return ModelWorks(
        lambda spec: spec.attribution.baseline is not None,
        lambda spec: HeldOutBaseline(spec, preparation, settings, engine, first_wait_s=first_wait_s),
    )
