"""The transformer: a `kserve.Model` that looks features up before the model is asked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import kserve
import structlog
from kserve import InferRequest

from pegel.data import wire
from pegel.data.look_up_faults import LookUpFault
from pegel.errors import Unavailable
from pegel.online.lookups import LookedUp, LookUpRefused, look_up_rows
from pegel.online.online_store import FeatureVector, OnlineStore
from pegel.online.private_keys import PrivateKeys
from pegel.spec.clock import Clock, SystemClock
from pegel.spec.online_section import Online
from pegel_serving.repeated_lines import RepeatedLines
from pegel_serving.transformer.event_headers import ENTITIES, LOOK_UP, event_headers
from pegel_serving.transformer.keyed_rows import keyed_rows
from pegel_serving.transformer.keyed_tensors import json_of, keyed_tensors, with_features
from pegel_serving.transformer.look_up_metrics import LookUpMetrics
from pegel_serving.transformer.predictor_call import PredictorCall

log = structlog.stdlib.get_logger(__name__)
_EVENT_ID = wire.EVENT_ID.lower().encode()


class EntityTransformer(kserve.Model):  # type: ignore[misc]  # kserve ships no types
    """Turns entities into rows of the model; what is not in the store is replaced or refused as the spec says.

    A row that is replaced is counted, and told with the event; so are entities, private parts as hashes.
    """

    def __init__(
        self,
        name: str,
        online: Online,
        store: OnlineStore,
        predictor: PredictorCall,
        told: PrivateKeys,
        *,
        metrics: LookUpMetrics,
        clock: Clock | None = None,
    ) -> None:
        """Serve under `name`; `told` says which entities leave the endpoint as hashes."""
        super().__init__(name, return_response_headers=True)
        self._online, self._store, self._predictor, self._told = online, store, predictor, told
        self._metrics, self._clock = metrics, clock or SystemClock()
        self._repeated = RepeatedLines()
        self.ready = True

    async def close(self) -> None:
        """Close the connections to the store and to the predictor. Nothing is asked any more."""
        try:
            await self._store.close()
        finally:
            await self._predictor.close()

    async def preprocess(self, payload: Any, headers: dict[str, str] | None = None) -> Any:
        """Return the request with the features of its entities. Raises InvalidInput, and LookUpRefused by policy.

        What is told with the event is put into `headers`, in place of what a client has put there.
        """
        headers = {} if headers is None else headers
        if isinstance(payload, InferRequest):
            tensors = keyed_tensors(payload, self._online)
            looked_up = await self._told_rows(tensors.entities, headers)
            return payload if looked_up is None else with_features(payload, tensors.own, looked_up.rows)
        rows = keyed_rows(payload, self._online)
        looked_up = await self._told_rows(rows.entities, headers)
        if looked_up is None:
            return payload
        pairs = zip(rows.own, looked_up.rows, strict=True)
        return {**payload, "instances": [{**own, **features} for own, features in pairs]}

    async def _told_rows(self, entities: Sequence[str | None], headers: dict[str, str]) -> LookedUp | None:
        """Return the features of rows, and put into `headers` what is told of them; None where nothing is looked up."""
        for name in (ENTITIES, LOOK_UP):
            headers.pop(name, None)
        if all(entity is None for entity in entities):
            return None
        looked_up = await self._looked_up(entities)
        told = event_headers(entities, self._told, looked_up.why)
        headers.update(told)
        if ENTITIES not in told:
            self._metrics.untold.inc(sum(entity is not None for entity in entities))
        return looked_up

    async def predict(
        self, payload: Any, headers: dict[str, str] | None = None, response_headers: dict[str, str] | None = None
    ) -> Any:
        """Ask the predictor, and tell its client, too, if features were replaced.

        Raises PredictorAnswered for anything but a prediction.
        """
        if isinstance(payload, InferRequest):
            answer, head = await self._predictor.infer(json_of(payload), headers or {})
        else:
            answer, head = await self._predictor.predict(payload, headers or {})
        event_id, why = head.header(_EVENT_ID), (headers or {}).get(LOOK_UP)
        if event_id is not None and response_headers is not None:
            response_headers[wire.EVENT_ID] = event_id.decode("latin-1")
        if why is not None and response_headers is not None:
            response_headers[wire.LOOK_UP_HEADER] = why
        return answer

    async def _looked_up(self, entities: Sequence[str | None]) -> LookedUp:
        """Return the features of all rows; those of a row that names no entity are its own."""
        of_rows = [entity for entity in entities if entity is not None]
        # Each entity is asked for once.
        vectors = await self._vectors(list(dict.fromkeys(of_rows)))
        per_row = None if vectors is None else [vectors[entity] for entity in of_rows]
        try:
            looked_up = look_up_rows(per_row, len(of_rows), self._online, self._clock.now())
        except LookUpRefused as refusal:
            self._metrics.refused.labels(refusal.why.value).inc()
            self._warn("request refused", refusal.why)
            raise
        self._metrics.count(len(of_rows), looked_up.faults)
        for fault in looked_up.faults:
            self._warn("features replaced by policy", fault)
        features = iter(looked_up.rows)
        whole = tuple({} if entity is None else next(features) for entity in entities)
        return LookedUp(whole, looked_up.faults)

    async def _vectors(self, entities: list[str]) -> dict[str, FeatureVector | None] | None:
        """Return what the store has of each entity; None where it does not answer."""
        begun = time.perf_counter()
        try:
            vectors = await self._store.get(entities, within=self._online.within)
        except Unavailable as error:
            self._warn("the online store does not answer", LookUpFault.UNAVAILABLE, why=str(error))
            return None
        finally:
            self._metrics.seconds.observe(time.perf_counter() - begun)
        return dict(zip(entities, vectors, strict=True))

    def _warn(self, event: str, fault: LookUpFault, **about: str) -> None:
        """Log what any number of requests can meet, a few times a minute, without an entity."""
        times = self._repeated.times((event, fault))
        if times is not None:
            log.warning(event, fault=fault.value, times=times, **about)
