"""Follow a folder of specs: what differs from the registry, and the runs of other workflows that bring it there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from pegel.errors import PegelError, PermanentError
from pegel.spec.model_roots import refuse_models_outside
from pegel.spec.outside_text import shown
from pegel.spec.settings import Settings
from pegel_airflow import form, services
from pegel_airflow.teams import refuse_other_team, refuse_run_of_nobody

if TYPE_CHECKING:
    from pegel.reconcile.folder_changes import FolderChange
    from pegel.spec.monitor_spec import MonitorSpec
    from pegel.spec.spec_folder import FolderSpec

    Registered = Mapping[str, MonitorSpec | None]

NO_FOLDER = "PEGEL_SPECS names no folder of specs to follow. Nothing was looked at, and nothing was started."
ONBOARD, OFFBOARD = "model_onboard", "model_offboard"
MOST_AT_ONCE = 500
"""Runs that one run starts: Airflow, as it comes, refuses a list of more than 1,024."""
HOURS_BACK = 24
"""How long an onboarding that has not ended yet is looked for: with hundreds of models it waits for hours."""
UNFINISHED = ["queued", "running"]
"""States of a run that has not ended, as Airflow names them."""

IsTried = Callable[[str, Sequence[str]], bool]
"""Says of a workflow and names of its runs, the newest first, whether that wish is not to be tried again now."""


@dataclass(frozen=True, slots=True)
class FolderPlan:
    """What one run does.

    `text`: the plan in words, its numbers first. `runs`: what is started, as plain JSON: `trigger_dag_id`,
    `trigger_run_id` and `conf` of each. `refused`: why something cannot be done, a sentence each.
    """

    text: str
    runs: list[dict[str, Any]]
    refused: list[str]


class StartRun(TriggerDagRunOperator):
    """Starts one run of another workflow, and waits for none; one of that name is another try of the same wish.

    What a spec says is data: Airflow would render what looks like a template in it.
    """

    template_fields: Sequence[str] = ()

    @classmethod
    def of_each(cls, runs: Any) -> Any:
        """Return the task that starts each of the `runs` of a `FolderPlan` by itself, named after it."""
        named = "{{ task.trigger_run_id }}"
        return cls.partial(task_id="start", skip_when_already_exists=True, map_index_template=named).expand_kwargs(runs)


def folder_of(settings: Settings, beside: Path) -> Path | None:
    """Return the folder to follow; a relative one starts at `beside`. None if the settings name none."""
    specs = settings.specs
    # An empty variable of an environment is a path to the place where one is.
    return None if specs is None or specs == Path() else beside / specs


def planned(
    settings: Settings,
    folder: Path,
    *,
    delete: bool,
    dry_run: bool,
    user: str | None,
    is_tried: IsTried = lambda _workflow, _runs: False,
    most: int = MOST_AT_ONCE,
    now: datetime | None = None,
) -> FolderPlan:
    """Return what is to be done to bring the registry to the `folder`.

    `delete`: what only the registry has is offboarded, unless a file is invalid. `user`: who has started the run; of
    another team's models, see `pegel_airflow.teams`, nothing is started. Raises InvalidSpec for a folder without specs:
    it may not be mounted.
    """
    from pegel.reconcile.folder_changes import FolderChangeKind, folder_changes
    from pegel.report.folder_change_words import plan_lines
    from pegel.spec.names import monitor_key
    from pegel.spec.spec_folder import read_specs

    given = read_specs([folder])
    entries = services.stores(settings).registry.entries()
    registered = {monitor_key(entry.model, entry.version): entry.spec for entry in entries}
    serving = services.serving(settings)
    changes = folder_changes(
        given,
        registered,
        lambda spec, _old: spec if spec.model.is_table else serving.pin(spec),
        lambda one: _problems(one, settings),
    )
    invalid = [_told(change) for change in changes if change.kind is FolderChangeKind.INVALID]
    prune = delete and not invalid
    extra = [change for change in changes if change.kind is FolderChangeKind.EXTRA] if prune else []
    wanted, not_theirs = _allowed([*(change for change in changes if change.is_due), *extra], registered, user)
    instant = now or datetime.now(UTC)
    wishes = [_wish(change, registered, instant) for change in wanted]
    fresh = [wish.run for wish in wishes if dry_run or not is_tried(wish.workflow, wish.names)]
    remarks = [
        (dry_run, "A dry run: nothing is started."),
        (delete and not prune, "Nothing is deleted while a file is invalid."),
        (again := len(wishes) - len(fresh), f"{again} under way or tried within this hour: not started again."),
        ((rest := len(fresh) - most) > 0, f"{rest} begin later: one run starts {most} at most."),
    ]
    *lines, counts = plan_lines(changes, prune=prune)
    text = "\n".join([counts, *(remark for holds, remark in remarks if holds), *lines])
    return FolderPlan(text, [] if dry_run else fresh[:most], [*invalid, *not_theirs])


def tried_before(ti: Any) -> IsTried:
    """Return how the task instance `ti` finds out which wishes have a run of this hour, or one that has not ended."""

    def is_tried(workflow: str, names: Sequence[str]) -> bool:
        of_hour = ti.get_dr_count(dag_id=workflow, run_ids=[*names[:1]])
        return bool(of_hour or ti.get_dr_count(dag_id=workflow, run_ids=[*names], states=UNFINISHED))

    return is_tried


def tell_refused(refused: Sequence[str]) -> None:
    """Raise PermanentError with what was refused, and why; all else was started before."""
    if refused:
        raise PermanentError("\n".join([*refused, "All else was started."]))


def _problems(one: FolderSpec, settings: Settings) -> list[str]:
    """Return why onboarding would refuse a spec at once, a line each."""
    from pegel.judge.named_parts import unknown_parts

    if one.given is None or one.given.whole is None:
        return []
    spec = one.given.whole
    problems = unknown_parts(spec.watch)
    try:
        refuse_models_outside(spec, settings.allowed_models)
    except PegelError as error:
        problems.append(str(error))
    return one.given.located(problems)


def _allowed(
    changes: Sequence[FolderChange], registered: Registered, user: str | None
) -> tuple[list[FolderChange], list[str]]:
    """Return those changes that are `user`'s to make, and why the others are not."""
    if not changes:
        return [], []
    try:
        refuse_run_of_nobody(user)
    except PermanentError as error:
        return [], [str(error)]
    allowed: list[FolderChange] = []
    refused: list[str] = []
    for change in changes:
        old = registered.get(change.key)
        spaces = [] if change.spec is None else [change.spec.namespace]
        # What is watched and cannot be read is that of whoever may go everywhere.
        spaces += [] if change.key not in registered else ["" if old is None else old.namespace]
        try:
            for namespace in dict.fromkeys(spaces):
                refuse_other_team(namespace, user)
        except PermanentError as error:
            refused.append(f"{change.key}: {error}")
        else:
            allowed.append(change)
    return allowed, refused


@dataclass(frozen=True, slots=True)
class _Wish:
    workflow: str
    names: list[str]
    """Of its runs of the last hours, the newest first."""
    conf: dict[str, Any]

    @property
    def run(self) -> dict[str, Any]:
        return {"trigger_dag_id": self.workflow, "trigger_run_id": self.names[0], "conf": self.conf}


def _wish(change: FolderChange, registered: Registered, now: datetime) -> _Wish:
    old = registered.get(change.key)
    before = "" if old is None else old.fingerprint()
    if change.spec is None:
        name, _, version = change.key.rpartition("/")
        conf = {"model": name, "version": int(version), "keep_data": True}
        return _Wish(OFFBOARD, _names(change.key, now, "offboard", before), conf)
    # What lies in the model's folder may be another one although the file says the same.
    fields = "".join(f"{one.path}={one.after};" for one in change.fields)
    names = _names(change.key, now, change.spec.fingerprint(), before, fields)
    return _Wish(ONBOARD, names, form.params_of(change.spec))


def _names(key: str, now: datetime, *parts: str) -> list[str]:
    """Return runs' names: the same wish against the same registry has the same one for an hour, and is tried once."""
    hours = [f"{now - timedelta(hours=back):%Y-%m-%dT%H}" for back in range(HOURS_BACK)]
    digests = [hashlib.sha256("\n".join([*parts, hour]).encode()).hexdigest() for hour in hours]
    return [f"specs_follow__{key.replace('/', '_v')}__{digest[:16]}" for digest in digests]


def _told(change: FolderChange) -> str:
    where = "" if change.file is None else shown(change.file.name)
    return f"{where}: {'; '.join(change.problems)}"
