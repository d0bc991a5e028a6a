"""What the model made of outlying rows that were told one by one: asked of the model, and kept beside the row.

The stream says where the request of such a row lies on its topic. It is read from there, so it does not matter whether
the event is among those that are sampled, or how long ago it was told. A process of the model is started for some rows
and ended with them: outliers are few, and windows of explained rows do not wait for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import orjson
import structlog
from sqlalchemy.engine import Engine

from pegel.data.attribution_event import decode
from pegel.data.columns import Field, Role, Schema
from pegel.data.decoding import decode_batch
from pegel.report.prediction_words import largest_parts
from pegel.spec.clock import SystemClock
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.store.made_of_outliers import REACH, MadeOfOutliers
from pegel.stream.result_rows import OutlierRow
from pegel_serving.attribution.event_sample import event_hash
from pegel_serving.attribution.explainer_child import ExplainerChild
from pegel_serving.attribution.model_preparation import ModelPreparation
from pegel_serving.attribution.ordered_features import OrderedFeatures
from pegel_serving.attribution.permutation_method import ORDERS
from pegel_serving.attribution.record_at import RecordSource
from pegel_serving.attribution.told_rows import told_rows

log = structlog.stdlib.get_logger(__name__)

LOOK_EVERY_S: Final = 10.0
LONGEST_WAIT_S: Final = 3_600.0
"""After failures of a model it is waited twice as long each time, up to this."""
GONE: Final = "its request is no longer on the topic"
OTHERS: Final = "its record is not the request that the model was given"
_END_WITHIN_S: Final = 3.0


class OutlierExplanations:
    """Asks models about outlying rows, in a thread of its own; whatever goes wrong, nothing waits for it."""

    def __init__(
        self,
        preparation: ModelPreparation,
        features: OrderedFeatures,
        engine: Engine,
        records: RecordSource,
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """Look in the migrated database behind `engine` for rows, and in `records` for their requests."""
        self._preparation, self._features, self._records, self._every_s = preparation, features, records, look_every_s
        self._store = MadeOfOutliers(engine)
        self._specs: list[MonitorSpec] = []
        self._rests: dict[str, tuple[float, float]] = {}
        """Of models that failed last, until when they are left alone, and for how long that is."""
        self._ending = threading.Event()
        self._child: ExplainerChild | None = None
        self._thread = threading.Thread(target=self._run, name="outlying rows", daemon=True)
        self._thread.start()

    def watch(self, specs: Iterable[MonitorSpec]) -> None:
        """Ask the models of these from now on. Endpoints are not asked: their calls are kept for windows of rows."""
        self._specs = [spec for spec in specs if spec.attribution.via == "artefact"]

    def end(self) -> None:
        """End the thread, and the model's process where there is one; what is not known yet is asked for later."""
        self._ending.set()
        if (child := self._child) is not None:
            child.end()
        self._thread.join(_END_WITHIN_S)

    def _run(self) -> None:
        while not self._ending.wait(self._every_s):
            for spec in self._specs:
                until, wait_s = self._rests.get(spec.key, (0.0, self._every_s))
                if time.monotonic() < until:
                    continue
                try:
                    self._look(spec)
                    self._rests.pop(spec.key, None)
                except Exception as error:  # noqa: BLE001  whatever models, brokers and databases of others do
                    self._rests[spec.key] = (time.monotonic() + wait_s, min(2 * wait_s, LONGEST_WAIT_S))
                    why = shown(str(error), LONGEST_SENTENCE)
                    if not self._ending.is_set():
                        log.warning("outlying rows are not explained", model=spec.key, why=why)

    def _look(self, spec: MonitorSpec) -> None:
        rows = self._store.wanted(spec.model.name, spec.model.version, SystemClock().now() - REACH)
        if not rows:
            return
        features = self._features.of(spec)
        asked = [(row, body) for row in rows if (body := self._body(row, features)) is not None]
        if not asked:
            return
        child = self._child = ExplainerChild()
        try:
            prepared = child.prepare(self._preparation.told(spec) | {"orders": ORDERS, "replays": False})
            if prepared.get("reason"):
                raise OSError(str(prepared.get("why")))
            for row, body in asked:
                (told,) = child.ask_bodies([(event_hash(row.event_id.encode()), body, None)])
                made = {"why": told.why or told.reason} if told.reason else made_of(told.body, features, spec)
                self._store.keep(row, made)
        finally:
            child.end()
            self._child = None

    def _body(self, row: OutlierRow, features: Sequence[Field]) -> bytes | None:
        """Return a request of that row alone; None where there will be none, which is kept with its reason."""
        topic, partition, offset = row.record or ("", 0, 0)
        found = self._records.request(str(topic), int(partition), int(offset))
        body, why = None, GONE
        if found is not None:
            body, why = _alone(found[1], row.row, features) if found[0] == row.event_id else None, OTHERS
        if body is None:
            self._store.keep(row, {"why": why})
        return body


def made_of(body: bytes, features: Sequence[Field], spec: MonitorSpec) -> dict[str, Any]:
    """Return what is kept of one explained row. Features that are private are not told: a part may give the value."""
    told = decode(body, len(features))
    parts = {
        field.name: float(part)
        for field, part in zip(features, told.values[0].tolist(), strict=True)
        if field.name not in spec.archive.private
    }
    named = largest_parts(parts)
    errors = {} if told.errors is None else dict(zip([field.name for field in features], told.errors[0], strict=True))
    known = {"raw": float(told.raw[0]), "base": float(told.base[0]), "parts": named}
    known |= {"errors": {name: float(error) for name, error in errors.items() if name in named}}
    return known | {"unit": told.unit.value, "method": told.method.value}


def _alone(body: bytes, row: int, features: Sequence[Field]) -> bytes | None:
    """Return a request of one row of a request; None where it has no such row."""
    decoded = decode_batch([body], Schema(tuple(features)), Role.FEATURE)
    if decoded.errors or not 0 <= row < decoded.columns.n:
        return None
    values = told_rows(decoded.columns, features)[row].tolist()
    plain = [None if isinstance(value, float) and not np.isfinite(value) else value for value in values]
    return orjson.dumps({"instances": [dict(zip((field.name for field in features), plain, strict=True))]})
