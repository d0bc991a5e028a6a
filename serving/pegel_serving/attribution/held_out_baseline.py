"""The baseline of attributions of one model's held-out rows: made once of each folder and each method, and kept.

It is the worker that makes it: it alone has the model's folder, the feature store and the database. The rows are read
here; the process of the model that explains them is given nothing but their values, as in requests.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final

import structlog
from sqlalchemy.engine import Engine

from pegel.baseline.baseline import Baseline
from pegel.errors import InvalidSpec
from pegel.featurestore import LocalFeatureStore
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import ATTRIBUTIONS, attribution_field
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel.store.attribution_store import AttributionStore
from pegel.store.baseline_store import BaselineStore
from pegel_serving.attribution.explainer_child import ExplainerChild
from pegel_serving.attribution.held_out_explanations import explained_rows, most_rows
from pegel_serving.attribution.held_out_rows import drawn_rows, held_out_table
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.ordered_features import OrderedFeatures

log = structlog.stdlib.get_logger(__name__)

FIRST_WAIT_S: Final = 60.0
"""How long after a failure it is tried again; each further time waits twice as long …"""
LONGEST_WAIT_S: Final = 3_600.0
"""… up to this: a source may be registered late, and explaining its rows may take minutes."""
LOOK_EVERY_S: Final = 600.0
"""How often it is looked whether the baseline is still the current one."""
BY: Final = "attribution worker"


class HeldOutBaseline:
    """Makes the baseline of one model version, in a thread of its own; whatever goes wrong, nothing waits for it."""

    def __init__(
        self,
        spec: MonitorSpec,
        preparation: ModelPreparation,
        settings: Settings,
        engine: Engine,
        *,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Look at once whether there is one, and make it where not. `why`: why it could not be made, or empty."""
        self.why = ""
        self._spec, self._preparation, self._engine, self._first_wait_s = spec, preparation, engine, first_wait_s
        self._store = LocalFeatureStore(settings.features)
        self._features = OrderedFeatures(settings, engine)
        self._changed = threading.Condition()
        self._is_due, self._ending = True, False
        self._seen: Mapping[str, Any] | None = None
        self._child: ExplainerChild | None = None
        self._thread = threading.Thread(target=self._run, name=f"held-out rows of {spec.key}", daemon=True)
        self._thread.start()

    def look_again(self, seen: Mapping[str, Any]) -> None:
        """Look whether the baseline is of the folder and the method of which a process of the model just said."""
        with self._changed:
            self._seen, self._is_due = dict(seen), True
            self._changed.notify()

    def end(self, within_s: float) -> None:
        """End the thread, and the model's process where there is one."""
        with self._changed:
            self._ending = True
            child = self._child
            self._changed.notify()
        if child is not None:
            child.end()
        self._thread.join(within_s)

    def _run(self) -> None:
        wait = self._first_wait_s
        while self._is_wanted():
            try:
                self._make()
            except Exception as error:  # noqa: BLE001  whatever files, databases and models of others do
                if self._ending:
                    return
                if str(error) != self.why:
                    log.warning("held-out rows are not explained", model=self._spec.key, why=shown(str(error), 400))
                self.why = str(error)
                with self._changed:
                    self._changed.wait_for(lambda: self._ending, wait)
                    self._is_due = True
                wait = min(2 * wait, LONGEST_WAIT_S)
            else:
                wait, self.why = self._first_wait_s, ""

    def _is_wanted(self) -> bool:
        """Wait until something is to be done; False where the end has come."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_due or self._ending, LOOK_EVERY_S)
            self._is_due = False
            return not self._ending

    def _make(self) -> None:
        spec, features = self._spec, self._features.of(self._spec)
        names = [field.name for field in features]
        if self._is_made(names, self._seen):
            return
        place = held_out_table(self._store, spec, features)
        rows = drawn_rows(place, features, most_rows(spec, len(features)))
        child = self._started()
        try:
            prepared = child.prepare(self._preparation.told(spec, held_out=True))
            if prepared.get("reason"):
                raise InvalidSpec(f"the model is not explained: {prepared.get('why')}")
            if self._is_made(names, prepared):
                return
            explained = explained_rows(child, prepared, rows, features, spec)
        finally:
            child.end()
        if self._ending:
            return
        made = AttributionStore(self._engine).put_held_out(spec, names, explained, by=BY, now=SystemClock().now())
        log.info("held-out rows are explained", model=spec.key, rows=made.rows, source=explained.source)

    def _started(self) -> ExplainerChild:
        child = ExplainerChild()
        with self._changed:
            self._child = child
            if self._ending:
                child.end()
        return child

    def _is_made(self, names: list[str], seen: Mapping[str, Any] | None) -> bool:
        """Say whether the current baseline is of these rows and features, and of the folder and method that were seen.

        None: nothing was seen yet; then the folder is that which the spec pins, if it does.
        """
        current = self._current()
        if current is None or current.attribution is None or current.source != self._spec.attribution.baseline:
            return False
        if [field.name for field in current.layout.schema.fields] != [attribution_field(name) for name in names]:
            return False
        reference = current.attribution
        if seen is None:
            return self._spec.model.digest in {None, reference.artefact} or reference.artefact is None
        return (reference.method.value, reference.artefact) == (seen.get("method"), seen.get("artefact"))

    def _current(self) -> Baseline | None:
        store = BaselineStore(self._engine)
        current = store.current(self._spec.model.name + ATTRIBUTIONS, self._spec.model.version)
        return None if current is None else store.get(current)
