"""A model trained on real flights is onboarded through the REST API, as the form does it.

Its online store is filled beside that, as whoever owns the features does it.
"""

from __future__ import annotations

import json

from pegel.reconcile.serving_backend import EndpointState, EndpointStatus
from pegel.store.baseline_store import BaselineStore
from pegel_local.airflow.airflow_api import answers
from pegel_local.demo.failure import StageFailed, eventually
from pegel_local.demo.stage import Demo
from pegel_local.demo.stages import online_features

TRAIN_WITHIN_S = 120.0
LOAD_WITHIN_S = 60.0
ONBOARD_WITHIN_S = 300.0
ROLL_WITHIN_S = 60.0
"""What a model server takes to start."""


def show(demo: Demo) -> str:
    """See the training end, trigger `model_onboard`, and look at the endpoint and at the baseline."""
    if demo.training is None:
        raise StageFailed(expected="a model in training", happened="none was started")
    demo.facts["trained"] = json.loads(demo.finish(demo.training, within_s=TRAIN_WITHIN_S))
    loading = online_features.load(demo) if demo.looks_up else None
    run = demo.follow("model_onboard", answers(demo.spec.to_json()), within_s=ONBOARD_WITHIN_S)
    if loading is not None:
        demo.finish(loading, within_s=LOAD_WITHIN_S)
    tasks = {task.id: task.seconds or 0.0 for task in demo.api.tasks(run)}
    demo.facts["onboard_tasks_s"] = tasks
    demo.facts["endpoint_url"] = _ready(demo).url
    rows, features = _baseline(demo)
    return f"endpoint ready · baseline {rows:,} rows, {features} fields"


def _ready(demo: Demo) -> EndpointStatus:
    """Wait until the endpoint is ready: in a cluster it rolls over to what its candidate was."""

    def look() -> EndpointStatus | None:
        seen = demo.platform.endpoint(demo.spec.endpoint)
        return seen if seen.state is EndpointState.READY else None

    return eventually(
        look,
        within_s=ROLL_WITHIN_S,
        expected="a ready endpoint",
        happened=lambda: f"{demo.platform.endpoint(demo.spec.endpoint)}",
        log=demo.server_log,
    )


def _baseline(demo: Demo) -> tuple[int, int]:
    store = BaselineStore(demo.engine)
    model = demo.spec.model
    current = store.current(model.name, model.version)
    if current is None:
        raise StageFailed(expected="a current baseline", happened="there is none", log=demo.log("airflow-scheduler"))
    demo.facts["baseline_id"] = current
    baseline = store.get(current)
    return baseline.rows, len(baseline.layout.features)
