"""The baselines of held-out rows of all models that name such rows, each made by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy.engine import Engine

from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel_serving.attribution.held_out_baseline import FIRST_WAIT_S, HeldOutBaseline
from pegel_serving.attribution.model_preparation import ModelPreparation

END_S: Final = 3.0
"""How long threads are waited for when they are to end, all of them together."""


class HeldOutBaselines:
    """Follows the specs. `prepared` may be called by any thread."""

    def __init__(
        self,
        preparation: ModelPreparation,
        settings: Settings,
        engine: Engine,
        *,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Keep baselines in the migrated database behind `engine`. What fails first is tried again after some time."""
        self._preparation, self._settings, self._engine, self._first_wait_s = (
            preparation,
            settings,
            engine,
            first_wait_s,
        )
        self._known: dict[str, tuple[str, HeldOutBaseline]] = {}
        self._lock = threading.Lock()

    def watch(self, specs: Iterable[MonitorSpec]) -> None:
        """Make baselines of these from now on; of a spec that has changed anew, where it has to be."""
        wanted = {spec.endpoint: spec for spec in specs if spec.attribution.baseline is not None}
        with self._lock:
            gone = [
                endpoint
                for endpoint, (fingerprint, _) in self._known.items()
                if endpoint not in wanted or wanted[endpoint].fingerprint() != fingerprint
            ]
            ended = [self._known.pop(endpoint)[1] for endpoint in gone]
            for endpoint, spec in wanted.items():
                if endpoint not in self._known:
                    self._known[endpoint] = (spec.fingerprint(), self._begun(spec))
        _end(ended)

    def _begun(self, spec: MonitorSpec) -> HeldOutBaseline:
        return HeldOutBaseline(spec, self._preparation, self._settings, self._engine, first_wait_s=self._first_wait_s)

    def prepared(self, endpoint: str, seen: Mapping[str, Any]) -> None:
        """Take note of what a process of a model said of folder and method when it began to explain events."""
        with self._lock:
            known = self._known.get(endpoint)
        if known is not None:
            known[1].look_again(seen)

    def why(self, endpoint: str) -> str:
        """Return why the baseline of a model could not be made when that was last tried; empty where nothing failed."""
        with self._lock:
            known = self._known.get(endpoint)
        return "" if known is None else known[1].why

    def end(self) -> None:
        """End all; what is not made yet is made by whoever begins next."""
        with self._lock:
            ended = [made for _, made in self._known.values()]
            self._known.clear()
        _end(ended)


def _end(ended: Sequence[HeldOutBaseline]) -> None:
    """End some at once, whatever they are doing."""
    until = time.monotonic() + END_S
    for one in ended:
        one.end(0.0)
    for one in ended:
        one.end(max(0.0, until - time.monotonic()))
