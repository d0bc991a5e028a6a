"""One kind of work beside the events of models, for all models that ask for it, each by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pegel.spec.monitor_spec import MonitorSpec
from pegel_serving.attribution.model_work import ModelWork

END_S: Final = 3.0
"""How long threads are waited for when they are to end, all of them together."""


class ModelWorks:
    """Follows the specs. `prepared` may be called by any thread."""

    def __init__(self, wanted: Callable[[MonitorSpec], bool], made: Callable[[MonitorSpec], ModelWork]) -> None:
        """Do what `made` returns for each spec that is `wanted`."""
        self._is_wanted, self._made = wanted, made
        self._known: dict[str, tuple[str, ModelWork]] = {}
        self._lock = threading.Lock()

    def watch(self, specs: Iterable[MonitorSpec]) -> None:
        """Work for these from now on; a spec that has changed begins anew."""
        wanted = {spec.endpoint: spec for spec in specs if self._is_wanted(spec)}
        with self._lock:
            gone = [
                endpoint
                for endpoint, (fingerprint, _) in self._known.items()
                if endpoint not in wanted or wanted[endpoint].fingerprint() != fingerprint
            ]
            ended = [self._known.pop(endpoint)[1] for endpoint in gone]
            for endpoint, spec in wanted.items():
                if endpoint not in self._known:
                    work = self._made(spec)
                    work.begin()
                    self._known[endpoint] = (spec.fingerprint(), work)
        _end(ended)

    def prepared(self, endpoint: str, seen: Mapping[str, Any]) -> None:
        """Take note of what a process of a model said of folder and method when it began to explain events."""
        with self._lock:
            known = self._known.get(endpoint)
        if known is not None:
            known[1].look_again(seen)

    def why(self, endpoint: str) -> str:
        """Return why the work of a model could not be done when that was last tried; empty where nothing failed."""
        with self._lock:
            known = self._known.get(endpoint)
        return "" if known is None else known[1].why

    def end(self) -> None:
        """End all; what is not done yet is done by whoever begins next."""
        with self._lock:
            ended = [work for _, work in self._known.values()]
            self._known.clear()
        _end(ended)


def _end(ended: Sequence[ModelWork]) -> None:
    """End some at once, whatever they are doing."""
    until = time.monotonic() + END_S
    for one in ended:
        one.end(0.0)
    for one in ended:
        one.end(max(0.0, until - time.monotonic()))
