"""Which features a model has and in which order, as whoever counts its explained rows knows them: its baseline's."""

from __future__ import annotations

from sqlalchemy.engine import Engine

from pegel.data.columns import Field, Role, Schema
from pegel.errors import TemporaryError
from pegel.featurestore import LocalFeatureStore
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.baseline_store import BaselineStore


class OrderedFeatures:
    """Finds them in the current baseline, or in what is registered as its source while there is none."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """Look in the migrated database behind `engine`, and in the feature store that `settings` name."""
        self._settings, self._baselines = settings, BaselineStore(engine)
        self._known: dict[str, tuple[Field, ...]] = {}

    def of(self, spec: MonitorSpec) -> tuple[Field, ...]:
        """Return the features of a model in order: as last seen where the database does not answer now.

        Raises PegelError where nobody knows them.
        """
        try:
            found = self._known[spec.key] = self._found(spec)
        except TemporaryError:
            if spec.key not in self._known:
                raise
            found = self._known[spec.key]
        return found

    def schema(self, spec: MonitorSpec) -> Schema:
        """Return the features and predictions of a model. Raises PegelError where nobody knows them now."""
        current = self._baselines.current(spec.model.name, spec.model.version)
        if current is None:
            return LocalFeatureStore(self._settings.features).describe(spec.baseline.source)
        return self._baselines.get(current).layout.schema

    def _found(self, spec: MonitorSpec) -> tuple[Field, ...]:
        return self.schema(spec).of_role(Role.FEATURE)
