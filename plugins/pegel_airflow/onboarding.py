"""Provision one model version: from the form's answers to an entry in the registry.

Each function is one task. Specs travel between tasks as plain JSON. Until the last task nothing that is in force
changes: the endpoint is staged as a candidate beside what serves, the baseline is kept and not current. The last one
makes baseline and spec current in one transaction and lets the candidate serve. Whatever fails before leaves everything
as it was, and the candidate is discarded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from pegel.errors import InvalidSpec, PermanentError
from pegel.reconcile.desired import endpoint_fingerprint
from pegel.reconcile.serving_backend import another_candidate
from pegel.spec.model_roots import refuse_models_outside
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.nearest import with_stop
from pegel.spec.settings import Settings
from pegel_airflow import form, services, topic_admin
from pegel_airflow.baseline_operator import ProfiledModel
from pegel_airflow.teams import refuse_model_of_other_team, refuse_other_team

T = TypeVar("T")
PATIENCE = timedelta(seconds=10)
"""With a server that does not answer: a restart of a few seconds is no reason to refuse its model."""


def validate(settings: Settings, answers: Mapping[str, Any], *, user: str | None = None) -> dict[str, Any]:
    """Return the complete spec the answers ask for, with the digest of what the model's folder holds now.

    From here on these bytes are meant: a folder that was replaced is another model to serve. Raises InvalidSpec before
    anything is touched, also when what runs at `model.url` is no such server; PermanentError if the namespace, or
    that in which the model is watched already, is of another team than `user`'s, who has started the run.
    """
    from pegel.data.running_server import problem_of_server
    from pegel.judge.named_parts import refuse_unknown_parts

    spec = form.spec_of(answers)
    refuse_other_team(spec.namespace, user)
    # Also not by moving it: a model version is watched in one namespace alone.
    refuse_model_of_other_team(settings, spec.model.name, spec.model.version, user, new=True)
    refuse_unknown_parts(spec)
    refuse_models_outside(spec, settings.allowed_models)
    if problem := problem_of_server(spec.model, spec.served_name, settings, patience=PATIENCE):
        raise InvalidSpec(f"{with_stop(problem)} Nothing was started.")
    if not spec.model.is_table:
        spec = services.serving(settings).pin(spec)
    print(f"{spec.key}: accepted, fingerprint {spec.fingerprint()[:16]}")  # noqa: T201 - a task's output is its log
    return spec.to_json()


def refuse_changes_of_another(settings: Settings, spec_json: dict[str, Any], changes_of: str | None) -> None:
    """Raise PermanentError where a spec was made by changing one that is not in force any more.

    `changes_of`: the fingerprint of that one, empty where there was none; None: the whole spec is meant as it stands.
    """
    spec = MonitorSpec.parse(spec_json)
    if changes_of is None:
        return
    present = services.stores(settings).registry.get(spec.model.name, spec.model.version)
    in_force = "" if present is None else present.fingerprint()
    if in_force not in {changes_of, spec.fingerprint()}:
        raise PermanentError(
            f"{spec.key}: expected the spec in force to be the one that was changed; given another one, which came "
            f"into force meanwhile and which this run would undo. Nothing of this run is in force; change the present "
            f"one."
        )


def create_topics(settings: Settings, spec_json: dict[str, Any]) -> list[str]:
    """Make the namespace's topics exist; return those that were missing.

    Raises NotFound where a deployment's topic, which is not ours to make, is not on the broker.
    """
    spec = MonitorSpec.parse(spec_json)
    if spec.model.is_table:
        return _nothing_to_do(spec, list[str]())
    return topic_admin.create(settings, spec.namespace, expected=spec.model.topic)


def stage_endpoint(settings: Settings, spec_json: dict[str, Any], *, run: str = "") -> str:
    """Start what is to serve, beside what serves now, as the candidate of this `run`; return its endpoint's name."""
    spec = MonitorSpec.parse(spec_json)
    if spec.model.is_table:
        return _nothing_to_do(spec, "")
    services.serving(settings).stage(spec, by=run)
    return spec.endpoint


def send_probe(
    settings: Settings, spec_json: dict[str, Any], status: Mapping[str, Any], profiled: dict[str, Any]
) -> dict[str, Any]:
    """Prove with a row of the training data that the candidate answers and is logged.

    Raises EndpointFailed if it does not answer, Unavailable if what it answered is not logged. A deployment of
    Hopsworks is not asked, because nobody here may, and a model in a table cannot be; then nothing is returned.
    """
    from pegel_airflow.probe import probe

    spec, row = MonitorSpec.parse(spec_json), ProfiledModel.from_json(profiled).request_row
    if spec.model.is_table:
        return _nothing_to_do(spec, {})
    if spec.model.is_deployment:
        print(f"{spec.key}: a deployment of Hopsworks, which nobody here asks")  # noqa: T201 - a task's output is its log
        return {}
    # A secret is asked for where it is used: what travels between tasks stands in Airflow's database.
    token = services.serving(settings).staged(spec.endpoint).probe_token
    return probe(settings, spec, str(status["url"]), row, token=token)


def register(settings: Settings, spec_json: dict[str, Any], profiled: dict[str, Any]) -> dict[str, Any]:
    """Put spec and baseline in force, then let the candidate serve; return what will be judged from now on.

    As JSON: `brief` and `whole`, each a list of `pegel.judge.outlook.Line`; the whole is printed, too.

    In this order, because the reconciler brings endpoints to what the registry says: a crash between the two is made
    good from there. Raises Conflict before anything is in force if another run staged something else meanwhile.
    """
    from pegel.judge.outlook import Outlook, aligned

    spec, model = MonitorSpec.parse(spec_json), ProfiledModel.from_json(profiled)
    serving, fingerprint = services.serving(settings), endpoint_fingerprint(spec)
    if not spec.model.is_table and (staged := serving.staged(spec.endpoint)).fingerprint != fingerprint:
        raise another_candidate(spec.endpoint, fingerprint, staged.fingerprint)
    baselines = services.stores(settings).baselines
    # Looked at first: a baseline that cannot be read comes into force no more than one that is not there.
    outlook = Outlook.of(spec, baselines.get(model.baseline_id))
    brief, whole = outlook.brief(), outlook.whole()
    baselines.register(spec, model.baseline_id, by="model_onboard", now=datetime.now(UTC))
    if not spec.model.is_table:
        serving.promote(spec)
    print("\n".join([aligned(whole), *model.remarks]))  # noqa: T201 - a task's output is its log
    return {"brief": [asdict(line) for line in brief], "whole": [asdict(line) for line in whole]}


def discard_candidate(settings: Settings, spec_json: dict[str, Any], *, run: str = "") -> None:
    """End this run's candidate, if it is still one: after a run that succeeded there is none.

    The candidate of a later run stays, also that of the same spec.
    """
    spec = MonitorSpec.parse(spec_json)
    if not spec.model.is_table:
        services.serving(settings).discard(spec, by=run)


def _nothing_to_do(spec: MonitorSpec, empty: T) -> T:
    print(f"{spec.key}: it stands in a table, and has neither topic nor endpoint")  # noqa: T201 - a task's output is its log
    return empty


def refuse_unregistered(state: str | None, *, is_dry: bool = False) -> None:
    """Raise PermanentError if the task that puts all in force was skipped: somebody has ended the run before it.

    `state` is that of the task. Airflow takes a skipped task for a success, and with it the run. A run that `is_dry`
    skips it by itself.
    """
    if state == "skipped" and not is_dry:
        raise PermanentError(
            "expected a run that goes on until the model is in force; given one that was ended by hand before that. "
            "Nothing that was in force was changed. Onboard the model again"
        )
