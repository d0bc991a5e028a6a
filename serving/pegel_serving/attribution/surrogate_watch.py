"""Whether an endpoint's answers have a surrogate, kept for whoever looks at the model: how good it is, or why none is.

It is made by the process of the model, which tells of it when it begins to explain events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy.engine import Engine

from pegel.judge.attribution.surrogate_identity import SURROGATE
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel_serving.attribution.model_work import FIRST_WAIT_S, ModelWork
from pegel_serving.attribution.model_works import ModelWorks

log = structlog.stdlib.get_logger(__name__)


class SurrogateWatch(ModelWork):
    """Keeps what is known of the surrogate of one model version."""

    what = "whether the answers have a surrogate could not be kept"

    def __init__(self, spec: MonitorSpec, engine: Engine, *, first_wait_s: float = FIRST_WAIT_S) -> None:
        """Keep it in the migrated database behind `engine`."""
        super().__init__(spec, first_wait_s=first_wait_s)
        self._identities = IdentityStore(engine)

    def make(self, seen: Mapping[str, Any] | None) -> None:
        """Keep what a process of the model said of it, where that is news."""
        told = None if seen is None else seen.get("surrogate")
        if told is None:
            return
        model, version = self.spec.model.name, self.spec.model.version
        why, source = str(told.get("why", "")), str(told.get("source", ""))
        frozen = None if why else {name: told[name] for name in ("name", "explained", "checked")}
        known = self._identities.get(model, version, SURROGATE)
        if known is not None and (known.why, known.frozen, known.source) == (why, frozen, source):
            return
        now = SystemClock().now()
        self._identities.put(
            FirstAnswers(
                model=model, version=version, identity=SURROGATE, source=source, frozen=frozen, why=why, at=now
            )
        )
        if why:
            log.warning("the answers have no surrogate", model=self.spec.key, why=shown(why, 400))
        else:
            log.info("the answers have a surrogate", model=self.spec.key, source=source, **(frozen or {}))

    def failed(self, why: str) -> None:
        """Keep nothing: it is the database that did not take it."""


def surrogate_watches(engine: Engine, *, first_wait_s: float = FIRST_WAIT_S) -> ModelWorks:
    """Return what keeps what is known of the surrogates of all models that have one."""
    return ModelWorks(
        lambda spec: spec.attribution.is_used and spec.attribution.identity == SURROGATE,
        lambda spec: SurrogateWatch(spec, engine, first_wait_s=first_wait_s),
    )
