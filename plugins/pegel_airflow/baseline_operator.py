"""Profile: the Spark batch job that makes a baseline of training data, submitted through Airflow's Spark connection.

The job keeps the baseline in the results database, and how it ended beside it. Nothing becomes current here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk import Context

from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.settings import KUBERNETES, Settings
from pegel_airflow import services
from pegel_airflow.finite_job import FiniteJob, JobWish, result_of, taken_up
from pegel_airflow.run_links import ModelPageLink

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
    recount: dict[str, Any] | None = None
    """Its rows in the cells of the current baseline, a `pegel_spark.recounting.Recount`; None where there are none."""
    suite_asked: int = 0
    """Expectations of its suite."""
    suite_unmet: list[str] = field(default_factory=list)
    """Those that its rows do not meet, in words."""

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
    operator_extra_links = (ModelPageLink(),)

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
