"""Whether an endpoint answers just as the folder of its model does, looked at once when a version is new.

Held-out rows, or those of its own baseline, go through the endpoint as requests of clients do, but marked as ours; what
it answers is computed again by the model's process. By what differs then, later answers are judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from sqlalchemy.engine import Engine

from pegel.baseline.replay_reference import ReplayReference
from pegel.data.attribution_event import Match, decode
from pegel.errors import InvalidSpec
from pegel.judge.attribution.model_identity import REPLAY
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel_serving.attribution.asked_rows import AskedRows
from pegel_serving.attribution.event_sample import event_hash
from pegel_serving.attribution.explainer_child import ExplainerChild
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.model_work import FIRST_WAIT_S, ModelWork
from pegel_serving.attribution.model_works import ModelWorks
from pegel_serving.attribution.ordered_features import OrderedFeatures

log = structlog.stdlib.get_logger(__name__)

AT_ONCE: Final = 50
"""Rows that the model's process is asked about at once."""


class FirstReplay(ModelWork):
    """Looks once of each folder how many answers of an endpoint are not those of that folder."""

    what = "whether the endpoint answers as its folder does is not known"

    def __init__(
        self,
        spec: MonitorSpec,
        preparation: ModelPreparation,
        settings: Settings,
        engine: Engine,
        *,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Keep what comes of it in the migrated database behind `engine`."""
        super().__init__(spec, first_wait_s=first_wait_s)
        self._preparation, self._identities = preparation, IdentityStore(engine)
        self._rows = AskedRows(spec, preparation, settings)
        self._features = OrderedFeatures(settings, engine)

    def make(self, seen: Mapping[str, Any] | None) -> None:
        """Look, unless that was done of the same folder."""
        artefact = self.spec.model.digest if seen is None else seen.get("artefact")
        known = self._identities.get(*self._key)
        if known is not None and known.reference.replayed and artefact in {None, known.artefact}:
            return
        if self.spec.serving.transformer is not None:
            raise InvalidSpec("a transformer of yours stands before the model, and nobody here knows what it takes")
        features = self._features.of(self.spec)
        bodies = self._rows.drawn(self._rows.source, features, self._rows.most)
        answers = self._rows.answers(bodies, self.is_ending)
        if self.is_ending():
            return
        if not any(answers):
            raise InvalidSpec(f"the endpoint takes none of {len(bodies):,} rows")
        # Only now: an endpoint that is away, or asked slowly, holds no process of the model.
        child = self.started_child()
        try:
            prepared = child.prepare(self._preparation.told(self.spec))
            if prepared.get("reason"):
                raise InvalidSpec(f"the model cannot be asked: {prepared.get('why')}")
            reference = self._replayed(child, bodies, answers, len(features))
        finally:
            child.end()
        if self.is_ending():
            return
        model, version, identity = self._key
        self._identities.put(
            FirstAnswers(
                model=model,
                version=version,
                identity=identity,
                artefact=prepared.get("artefact"),
                source=self._rows.source,
                reference=reference,
                at=SystemClock().now(),
            )
        )
        log.info("answers at onboarding", model=self.spec.key, replayed=reference.replayed, differ=reference.differing)

    def failed(self, why: str) -> None:
        """Keep why it is not known: the model's page says so."""
        self._identities.tell(*self._key, why, SystemClock().now())

    @property
    def _key(self) -> tuple[str, int, str]:
        return self.spec.model.name, self.spec.model.version, REPLAY

    @staticmethod
    def _replayed(
        child: ExplainerChild, bodies: Sequence[bytes], answers: Sequence[bytes], features: int
    ) -> ReplayReference:
        """Return how many answers were computed again, and how many of these differ. Raises InvalidSpec for none."""
        found: list[Match] = []
        for start in range(0, len(bodies), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            asked = [(event_hash(body), body, answer) for body, answer in zip(bodies[part], answers[part], strict=True)]
            told = child.ask_bodies(asked)
            found += [match for one in told if not one.reason for match in decode(one.body, features).matches]
        replayed = [match for match in found if match is not Match.UNKNOWN]
        if not replayed:
            raise InvalidSpec(f"none of the endpoint's answers to {len(bodies):,} rows could be computed again")
        return ReplayReference(sum(match is Match.OTHER for match in replayed), len(replayed))


def first_replays(
    preparation: ModelPreparation, settings: Settings, engine: Engine, *, first_wait_s: float = FIRST_WAIT_S
) -> ModelWorks:
    """Return what looks at the first answers of all models whose answers are computed again."""
    return ModelWorks(
        lambda spec: spec.attribution.via == "artefact" and spec.attribution.identity == REPLAY,
        lambda spec: FirstReplay(spec, preparation, settings, engine, first_wait_s=first_wait_s),
    )
