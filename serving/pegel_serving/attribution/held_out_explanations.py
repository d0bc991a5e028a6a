"""Held-out rows explained by a model's process, in the way of logged requests, to be compared with these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import structlog

from pegel.data.attribution_event import Method, Unit, decode
from pegel.data.columns import Field
from pegel.errors import InvalidSpec
from pegel.judge.attribution.learned_baseline import RowsToLearn, rows_needed
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.outside_text import shown
from pegel_serving.attribution import call_budget
from pegel_serving.attribution.event_sample import event_hash
from pegel_serving.attribution.explainer_child import ExplainerChild
from pegel_serving.attribution.held_out_rows import request_bodies
from pegel_serving.attribution.model_preparation import calls_per_minute

log = structlog.stdlib.get_logger(__name__)

AT_ONCE: Final = 256
"""Rows that the process is asked about at once."""
MOST_MINUTES: Final = 60
"""About how long an endpoint is asked about held-out rows: where it may not be asked often, they are fewer."""


def most_rows(spec: MonitorSpec, features: int) -> int:
    """Return how many held-out rows are explained: 20,000, fewer of very many features, and fewer by an endpoint."""
    if spec.attribution.via == "artefact":
        return rows_needed(features)
    possible = MOST_MINUTES * calls_per_minute(spec, held_out=True) // (features + 1)
    return max(MIN_BASELINE, min(rows_needed(features), possible))


def rows_at_once(spec: MonitorSpec, features: int) -> int:
    """Return how many rows are asked about at once; of an endpoint, as many as its calls are enough for."""
    if spec.attribution.via == "artefact":
        return AT_ONCE
    return min(AT_ONCE, call_budget.rows_at_once(calls_per_minute(spec, held_out=True), features))


def explained_rows(
    child: ExplainerChild, prepared: dict[str, Any], rows: Any, features: Sequence[Field], spec: MonitorSpec
) -> RowsToLearn:
    """Return drawn rows explained; those that the model refuses are left out, counted and told.

    `prepared`: what the process said of its model. Raises SilentExplainer, InvalidPayload, and InvalidSpec where a
    whole part of the rows is refused.
    """
    at_once = rows_at_once(spec, len(features))
    values, raw, left_out, unit = [], [], Counter[str](), Unit.PREDICTION
    surrogate: str | None = None
    for start in range(0, rows.num_rows, at_once):
        bodies = request_bodies(rows.slice(start, at_once), features)
        told = child.ask_bodies(
            [(event_hash(b"held-out %d" % (start + at)), body, None) for at, body in enumerate(bodies)]
        )
        known = [decode(one.body, len(features)) for one in told if not one.reason]
        left_out.update(one.reason for one in told if one.reason)
        if not known:
            raise InvalidSpec(f"attribution.baseline: the model explains none of its rows: {shown(told[-1].why, 200)}")
        values += [one.judged for one in known]
        raw += [one.raw for one in known]
        unit, surrogate = known[0].unit, known[0].surrogate
    if left_out:
        log.warning("held-out rows are left out", model=spec.key, rows=left_out.total(), reasons=dict(left_out))
    return RowsToLearn(
        attributions=np.concatenate(values),
        raw=np.concatenate(raw),
        times_us=None,
        method=Method(str(prepared.get("method"))),
        artefact=prepared.get("artefact"),
        source=str(spec.attribution.baseline),
        unit=unit,
        surrogate=surrogate,
    )
