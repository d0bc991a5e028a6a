"""`pegel diff -f FOLDER`: what of the specs in a folder differs from the registry, field by field."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.listed_rows import JsonOption, tell_json
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import InvalidSpec
from pegel.reconcile.folder_changes import FolderChangeKind
from pegel.report.folder_change_words import change_json, diff_lines
from pegel_local.cli.folder_plan import DIFFERS, FolderOption, folder_plan, has_invalid

REFUSED = 2


Prune = Annotated[
    bool, typer.Option("--prune", help="As `apply --prune`: what is watched and not in it is a difference, too.")
]


def diff(
    files: FolderOption = None, *, prune: Prune = False, as_json: JsonOption = False, home: HomeOption = None
) -> None:
    """Show what differs between a folder of specs and the registry: 0 nothing, 3 something, 2 a file is invalid.

    What others watch is no difference of this folder, unless it is to go.
    """
    if not files:
        raise InvalidSpec("-f: given nothing: expected a folder of specs, or a file. Nothing was compared.")
    changes = folder_plan(settings_of(home), files)
    alike = {FolderChangeKind.SAME} if prune else {FolderChangeKind.SAME, FolderChangeKind.EXTRA}
    different = [change for change in changes if change.kind not in alike]
    if as_json:
        tell_json("diff", [change_json(change) for change in different], on_one_line=False)
    else:
        for line in diff_lines(different):
            say(line)
    if has_invalid(changes):
        raise typer.Exit(REFUSED)
    if different:
        raise typer.Exit(DIFFERS)
