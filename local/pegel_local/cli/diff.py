"""`pegel diff -f FOLDER`: what of the specs in a folder differs from the registry, field by field."""

from __future__ import annotations

import typer

from pegel.cli.console import say
from pegel.cli.listed_rows import JsonOption, tell_json
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import InvalidSpec
from pegel.reconcile.folder_changes import FolderChangeKind
from pegel.report.folder_change_words import change_json, diff_lines
from pegel_local.cli.folder_plan import DIFFERS, FolderOption, folder_plan, has_invalid

REFUSED = 2


def diff(files: FolderOption = None, *, as_json: JsonOption = False, home: HomeOption = None) -> None:
    """Show what differs between a folder of specs and the registry: 0 nothing, 3 something, 2 a file is invalid."""
    if not files:
        raise InvalidSpec("-f: given nothing: expected a folder of specs, or a file. Nothing was compared.")
    changes = folder_plan(settings_of(home), files)
    different = [change for change in changes if change.kind is not FolderChangeKind.SAME]
    if as_json:
        tell_json("diff", [change_json(change) for change in different], on_one_line=False)
    else:
        for line in diff_lines(different):
            say(line)
    if has_invalid(changes):
        raise typer.Exit(REFUSED)
    if different:
        raise typer.Exit(DIFFERS)
