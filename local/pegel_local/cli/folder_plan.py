"""Specs in files and folders against the registry, as `plan`, `diff` and `apply` see them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.watched_model import opened
from pegel.cli.world_check import problems_of
from pegel.reconcile.folder_changes import FolderChange, FolderChangeKind, folder_changes
from pegel.reconcile.serving_backend import pinned
from pegel.spec.model_roots import local_folder
from pegel.spec.monitor_spec import MonitorSpec
from pegel.spec.names import monitor_key
from pegel.spec.settings import SETTINGS_FILE, Settings
from pegel.spec.spec_folder import FolderSpec, read_specs
from pegel.store.registry import Registry
from pegel_local.backends import model_copy

FolderOption = Annotated[
    list[Path] | None,
    typer.Option("--file", "-f", help="A folder of specs, or a file; may be given several times."),
]
DIFFERS = 3
"""Exit code of `pegel diff` where there is a difference."""
PARTLY = 4
"""Exit code where some models were applied, and others were not."""


def folder_plan(settings: Settings, places: Sequence[Path]) -> list[FolderChange]:
    """Return what applying these places would do. Raises InvalidSpec for a place, never for what one file says.

    What a changed spec names is looked at where the system is one of this machine: another's folders are not here.
    """
    given = read_specs(places)
    with opened(settings) as engine:
        registered = {monitor_key(entry.model, entry.version): entry.spec for entry in Registry(engine).entries()}
    is_here = (settings.home / SETTINGS_FILE).is_file()

    def check(one: FolderSpec) -> list[str]:
        return [] if one.given is None else problems_of(one.given, settings if is_here else None)

    def resolve(spec: MonitorSpec, old: MonitorSpec | None) -> MonitorSpec:
        folder = None if spec.model.uri is None else local_folder(spec.model.uri)
        if settings.serves_on_this_machine and is_here and folder is not None and folder.is_dir():
            return pinned(spec, model_copy.digest(folder))
        return as_registered(spec, old)

    return folder_changes(given, registered, resolve, check)


def as_registered(spec: MonitorSpec, old: MonitorSpec | None) -> MonitorSpec:
    """Return a spec with the digest that its model was onboarded with, where it states none and the place is the same.

    What lies there now is not looked at.
    """
    if spec.model.digest is not None or old is None or old.model.digest is None or old.model.uri != spec.model.uri:
        return spec
    return pinned(spec, old.model.digest)


def has_invalid(changes: Sequence[FolderChange]) -> bool:
    """Say whether a file is invalid."""
    return any(change.kind is FolderChangeKind.INVALID for change in changes)
