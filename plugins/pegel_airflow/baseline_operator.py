"""Profile: the Spark batch job that makes a baseline of training data, submitted through Airflow's Spark connection.

The job keeps the baseline in the results database, and how it ended beside it. Nothing becomes current here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import Context

from pegel.errors import Conflict
from pegel.spec import names
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import KUBERNETES, Settings
from pegel_airflow import services
from pegel_airflow.finite_job import FiniteJob, JobWish, result_of, taken_up

if TYPE_CHECKING:
    from pegel.manifests.objects import Manifest
    from pegel.spec.cluster_settings import ClusterSettings
    from pegel.store.job_results import JobResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfiledModel:
    """What the baseline job made for one model version, as it travels between tasks."""

    model: str
    version: int
    baseline_id: str
    rows: int
    features: int
    request_row: list[dict[str, Any]]
    """One row of the training data as a client would send it: see `pegel.data.example_request.Row`."""
    current: str | None
    """The baseline that was current when the job was submitted."""
    remarks: list[str] = field(default_factory=list)
    """What is worth knowing of the baseline, a line each."""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Return what `asdict` wrote."""
        return cls(**data)


class BaselineJob(FiniteJob):
    """Makes the baseline of one model and returns a `ProfiledModel` as plain JSON.

    `spec` is the complete spec as JSON (templated). Raises PermanentError when the job says that its input is wrong,
    SetupError for a connection to Kubernetes; other failures may be tried again.
    """

    template_fields: Sequence[str] = ("spec",)

    def __init__(self, *, spec: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.spec = spec

    def execute(self, context: Context) -> dict[str, Any]:
        """Submit, wait, read the result."""
        settings = Settings()
        if settings.job_backend != KUBERNETES:
            return asdict(self.profile(settings))
        spec, stores = MonitorSpec.parse(self.spec), services.stores(settings)
        # The same for each try, so that one that follows a lost worker finds what that one has started.
        job_id = f"baseline of {spec.key}, {context['run_id']}, {context['ti'].map_index}"
        current, outcome = stores.baselines.current(spec.model.name, spec.model.version), stores.jobs.take(job_id)
        if outcome is None:
            self.wait_in_cluster(_wish(spec), settings, job_id, current=current)
        return asdict(_profiled(spec, outcome, current))

    def resume(self, context: Context, event: dict[str, str], *, job_id: str, current: str | None) -> dict[str, Any]:  # noqa: ARG002 - Airflow hands it in
        """Read what the job of the cluster left. Raises Unavailable if it failed without a word of its own."""
        spec = MonitorSpec.parse(self.spec)
        outcome = taken_up(services.stores(Settings()).jobs.take(job_id), event, _wish(spec).title)
        return asdict(_profiled(spec, outcome, current))

    def profile(self, settings: Settings) -> ProfiledModel:
        """Submit the job, wait for its end and return what it made. Raises PermanentError when it was refused."""
        spec = MonitorSpec.parse(self.spec)
        current = services.stores(settings).baselines.current(spec.model.name, spec.model.version)
        return _profiled(spec, self.submit(_wish(spec), settings), current)


def _wish(spec: MonitorSpec) -> JobWish:
    def application(job_id: str, settings: Settings, cluster: ClusterSettings) -> Manifest:
        from pegel.manifests.spark_application import baseline_application

        return baseline_application(spec, job_id, settings, cluster)

    return JobWish(
        title=f"baseline job of {spec.key}",
        name=f"pegel-baseline-{spec.endpoint}",
        launcher="baseline",
        arguments=("--spec", json.dumps(spec.to_json())),
        asks_hopsworks=is_hopsworks(spec.baseline.source),
        application=application,
        unchanged="The current baseline stays.",
    )


def _profiled(spec: MonitorSpec, outcome: JobResult | None, current: str | None) -> ProfiledModel:
    """Return what a job that has ended made. Raises what `result_of` raises."""
    made = result_of(outcome, _wish(spec))
    return ProfiledModel(model=spec.model.name, version=spec.model.version, current=current, **made)


def specs_to_profile(settings: Settings, models: Sequence[str]) -> list[dict[str, Any]]:
    """Return the specs to profile: those of `models` (`name` or `name/version`), or all when none is named."""
    specs = services.stores(settings).registry.list()
    return [spec.to_json() for spec in specs if not models or spec.key in models or spec.model.name in models]


def promote_changed(settings: Settings, results: Sequence[dict[str, Any]]) -> list[str]:
    """Make the new baselines current; return the ids of those that were not, and print one line per model.

    A model whose baseline somebody else changed since its job was submitted keeps that one.
    """
    baselines, now = services.stores(settings).baselines, datetime.now(UTC)
    promoted = []
    for profiled in map(ProfiledModel.from_json, results):
        model, version, baseline_id = profiled.model, profiled.version, profiled.baseline_id
        try:
            changed = baselines.promote(model, version, baseline_id, profiled.current, by="baseline_refresh", now=now)
            change = "changed" if changed else "unchanged, nothing restarts"
        except Conflict as error:
            changed, change = False, f"left alone: {error}"
        key = names.monitor_key(model, version)
        print(f"{key} {baseline_id[:19]} {profiled.rows:>12,} rows  {change}")  # noqa: T201 - a task's output is its log
        for remark in profiled.remarks:
            print(f"{key} {remark}")  # noqa: T201 - the same
        promoted += [baseline_id] if changed else []
    return promoted
