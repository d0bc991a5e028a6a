"""Stage 3: a model trained on real flights is onboarded through the REST API, as the form does it."""

from __future__ import annotations

import json

from pegel.store.baseline_store import BaselineStore
from pegel_local.airflow.airflow_api import answers
from pegel_local.backends.endpoint_processes import LocalServingBackend
from pegel_local.demo.failure import StageFailed, require
from pegel_local.demo.stage import Demo

TRAIN_WITHIN_S = 120.0
ONBOARD_WITHIN_S = 300.0


def show(demo: Demo) -> str:
    """See the training end, trigger `model_onboard`, and look at the endpoint and at the baseline."""
    if demo.training is None:
        raise StageFailed(expected="a model in training", happened="none was started")
    demo.facts["trained"] = json.loads(demo.finish(demo.training, within_s=TRAIN_WITHIN_S))
    run = demo.follow("model_onboard", answers(demo.spec.to_json()), within_s=ONBOARD_WITHIN_S)
    tasks = {task.id: task.seconds or 0.0 for task in demo.api.tasks(run)}
    demo.facts["onboard_tasks_s"] = tasks
    endpoint = LocalServingBackend(demo.settings).observe(demo.spec.endpoint)
    require(
        endpoint.state == "ready",
        expected="a ready endpoint",
        happened=f"{endpoint.state}: {endpoint.detail}",
        log=demo.home / "endpoints" / demo.spec.endpoint / "server" / "log",
    )
    demo.facts["endpoint_url"] = endpoint.url
    rows, features = _baseline(demo)
    return f"endpoint ready · baseline {rows:,} rows, {features} fields"


def _baseline(demo: Demo) -> tuple[int, int]:
    store = BaselineStore(demo.engine)
    model = demo.spec.model
    current = store.current(model.name, model.version)
    if current is None:
        raise StageFailed(expected="a current baseline", happened="there is none", log=demo.log("airflow-scheduler"))
    demo.facts["baseline_id"] = current
    baseline = store.get(current)
    return baseline.rows, len(baseline.layout.features)
