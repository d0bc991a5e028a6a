"""A change of a watched model: its registered spec with some fields laid over, as the answers of an onboarding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from pegel.errors import InvalidSpec, NotFound
from pegel.spec.names import monitor_key
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings
from pegel_airflow import form, services
from pegel_airflow.teams import refuse_model_of_other_team


class OnboardAnew(TriggerDagRunOperator):
    """Starts the onboarding with the answers in `conf`, and ends as that run does; it takes no worker meanwhile."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            trigger_dag_id="model_onboard", wait_for_completion=True, deferrable=True, poke_interval=2, **kwargs
        )


def change(
    settings: Settings,
    answers: Mapping[str, Any],
    *,
    user: str | None = None,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Return the answers of the onboarding that brings the change into force, and tell what it changes.

    `answers`: `model`, `name` or `name/version` of a watched model (of the newest version without one), `changes`, a
    JSON object in the shape of a spec, and `dry_run`. Raises NotFound for a model that is not watched, InvalidSpec for
    changes that are no spec together with it, that name another model, or that change nothing; PermanentError for a
    model of another team than `user`'s.
    """
    from pegel.reconcile.spec_change import SpecChange

    registry, named = services.stores(settings).registry, str(answers["model"]).strip()
    known = [(entry, (entry.model, monitor_key(entry.model, entry.version))) for entry in registry.entries()]
    newest = max((entry for entry, names in known if named in names), key=lambda entry: entry.version, default=None)
    before = None if newest is None else registry.get(newest.model, newest.version)
    if before is None:
        meant = did_you_mean(named, sorted({name for _, names in known for name in names}), lead=" ")
        raise NotFound(f"no monitor for {quoted(answers['model'])} is registered. Nothing was changed.{meant}")
    refuse_model_of_other_team(settings, before.model.name, before.model.version, user)
    changes = answers.get("changes") or {}
    wished = form.spec_of(form.params_of(before) | {form.ADVANCED: _with_its_folder(changes)})
    if wished.key != before.key:
        raise InvalidSpec(
            f"changes: given another model, {wished.key}: expected changes of {before.key}; a new version is "
            "onboarded. Nothing was changed."
        )
    told = SpecChange(wished, before)
    tell("\n".join(told.lines()))
    if not told.fields:
        raise InvalidSpec(f"changes: given none that {before.key} does not have already. Nothing was changed.")
    own = {form.DRY_RUN: bool(answers.get(form.DRY_RUN)), form.CHANGES_OF: before.fingerprint()}
    return form.params_of(wished) | own


def _with_its_folder(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes in which another folder of the model does not keep the digest of the one before."""
    model = changes.get("model")
    if not isinstance(model, dict) or "uri" not in model or "digest" in model:
        return dict(changes)
    return {**changes, "model": {**model, "digest": None}}
