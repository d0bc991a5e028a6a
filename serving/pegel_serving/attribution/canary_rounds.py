"""Rounds of canaries: frozen when a version is new, asked about each hour, told to the stream as an event each.

What the endpoint answered first is kept in the database; of a row itself only which one it is, for it may tell of a
person. A round is begun by whoever notes that first, and its event is called after its hour: neither restarts nor a
second worker double one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy.engine import Engine

from pegel.baseline.replay_reference import ReplayReference
from pegel.data.attribution_event import Match
from pegel.data.canary_event import encode_canaries
from pegel.data.columns import Role
from pegel.errors import InvalidSpec
from pegel.judge.attribution.model_identity import CANARIES
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import Settings
from pegel.store.identity_store import FirstAnswers, IdentityStore
from pegel_serving.attribution.asked_rows import AskedRows
from pegel_serving.attribution.frozen_canaries import answers_of, chosen, compared, tells_numbers, written
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.model_work import FIRST_WAIT_S, ModelWork
from pegel_serving.attribution.model_works import ModelWorks
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.own_record import own_record
from pegel_serving.cloudevent import rfc3339
from pegel_serving.logger.kafka_record import KafkaRecord

log = structlog.stdlib.get_logger(__name__)

EVERY: Final = timedelta(hours=1)
PREFIX: Final = "pegel-canaries-"
"""Of the ids of their events."""
_OF_CLASSES: Final = 2
"""Answers of classes alone that have to differ; of numbers one."""

Put = Callable[[KafkaRecord], None]
"""Brings a record to the broker; called in a thread of its own."""


class CanaryRounds(ModelWork):
    """Asks one endpoint about its canaries."""

    what = "the endpoint is not asked about its canaries"
    look_every_s = 60.0

    def __init__(
        self,
        spec: MonitorSpec,
        preparation: ModelPreparation,
        settings: Settings,
        engine: Engine,
        put: Put,
        *,
        every: timedelta = EVERY,
        first_wait_s: float = FIRST_WAIT_S,
    ) -> None:
        """Keep canaries in the migrated database behind `engine`, and give what comes of rounds to `put`."""
        super().__init__(spec, first_wait_s=first_wait_s)
        self._identities, self._put, self._every = IdentityStore(engine), put, every
        self._rows = AskedRows(spec, preparation, settings)
        self._features = OrderedFeatures(settings, engine)

    def make(self, seen: Mapping[str, Any] | None) -> None:
        """Freeze canaries where there are none, and begin a round where one is due."""
        del seen  # whatever the folder holds: it is the endpoint that is asked
        known = self._identities.get(*self._key)
        if known is None or known.frozen is None:
            self._freeze()
            return
        now = SystemClock().now()
        if not self._identities.begin_round(*self._key, every=self._every, now=now):
            return
        try:
            self._ask(known.source, known.frozen, now)
        except Exception:
            self._identities.break_off_round(*self._key)
            raise

    def failed(self, why: str) -> None:
        """Keep why nobody asks: the model's page says so."""
        self._identities.tell(*self._key, why, SystemClock().now())

    @property
    def _key(self) -> tuple[str, int, str]:
        return self.spec.model.name, self.spec.model.version, CANARIES

    def _freeze(self) -> None:
        """Ask about many rows, choose, ask these again: what is answered otherwise at once is no canary.

        Raises InvalidSpec where the endpoint answers nothing that can be read, or half of it otherwise.
        """
        schema, source = self._features.schema(self.spec), self._rows.source
        fields = schema.of_role(Role.PREDICTION)
        table = self._rows.table(source)
        bodies = self._rows.drawn(source, schema.of_role(Role.FEATURE), self._rows.most)
        first = answers_of(self._rows.answers(bodies, self.is_ending), schema)
        answered, places = written(first, fields), chosen(first, fields)
        if self.is_ending():
            return
        if not places:
            raise InvalidSpec(f"the endpoint gave no answer that can be read to {len(bodies):,} rows")
        repeated = self._rows.answers((bodies[at] for at in places), self.is_ending)
        again = compared([answered[at] for at in places], repeated, schema)
        if self.is_ending():
            return
        kept = [place for place, match in zip(places, again, strict=True) if match is Match.SAME]
        if 2 * len(kept) <= len(places):
            raise InvalidSpec(
                f"the endpoint answers {len(places) - len(kept)} of {len(places)} rows otherwise when it is asked twice"
            )
        model, version, identity = self._key
        fewest = 1 if tells_numbers(fields) else _OF_CLASSES
        frozen = {
            "table": table,
            "drawn": len(bodies),
            "places": kept,
            "answers": [answered[at] for at in kept],
        }
        self._identities.put(
            FirstAnswers(
                model=model,
                version=version,
                identity=identity,
                source=source,
                reference=ReplayReference(0, len(kept), fewest),
                frozen=frozen,
                asked_at=SystemClock().now(),
                at=SystemClock().now(),
            )
        )
        log.info("canaries are frozen", model=self.spec.key, rows=len(kept), source=source)

    def _ask(self, source: str, frozen: Mapping[str, Any], now: datetime) -> None:
        """Ask about the frozen rows, and tell what came of it. Raises InvalidSpec where nothing can."""
        schema = self._features.schema(self.spec)
        if self._rows.table(source) != frozen["table"]:
            raise InvalidSpec(f"{source} holds other rows than those that canaries are of")
        bodies = self._rows.drawn(source, schema.of_role(Role.FEATURE), int(frozen["drawn"]))
        answers = self._rows.answers((bodies[int(place)] for place in frozen["places"]), self.is_ending)
        found = compared(frozen["answers"], answers, schema)
        if self.is_ending() or all(match is Match.UNKNOWN for match in found):
            raise InvalidSpec(f"the endpoint gave no answer that can be read to {len(found)} rows")
        self._put(
            own_record(
                self.spec,
                f"{PREFIX}{self.spec.endpoint}-{now:%Y%m%dT%H%M}".encode(),
                encode_canaries(found),
                topic=self.spec.inference_topic,
                time=rfc3339(time.time_ns()).encode(),
                time_ms=time.time_ns() // 1_000_000,
            )
        )


def canary_rounds(
    preparation: ModelPreparation,
    settings: Settings,
    engine: Engine,
    put: Put,
    *,
    every: timedelta = EVERY,
    first_wait_s: float = FIRST_WAIT_S,
) -> ModelWorks:
    """Return what asks the endpoints of all models that are watched by canaries."""
    return ModelWorks(
        lambda spec: spec.attribution.is_used and spec.attribution.identity == CANARIES,
        lambda spec: CanaryRounds(spec, preparation, settings, engine, put, every=every, first_wait_s=first_wait_s),
    )
