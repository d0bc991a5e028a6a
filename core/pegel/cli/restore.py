"""`pegel restore FILE`: an earlier state of the results database, from which the stream catches up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pegel.cli.backup import folder_beside, sqlite_file
from pegel.cli.console import say
from pegel.cli.options import HomeOption, same_home, settings_of
from pegel.errors import InvalidSpec
from pegel.spec.outside_text import shown
from pegel.store.database_copy import restore_sqlite

Copy = Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `pegel backup` has made.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it: what was stored since the copy is lost.")]


def restore(file: Copy, *, yes: Yes = False, home: HomeOption = None) -> None:
    """Put a copy where the results database is, or was; drivers go on from where they stood then, and read again."""
    target = sqlite_file(settings_of(home), "pg_restore into an empty database, see docs/backup.md")
    if not file.is_file():
        what = "which is no file" if file.exists() else "which is not there"
        given = f"{shown(str(file))}, {what}"
        raise InvalidSpec(f"expected a copy of a results database, given {given}. Nothing was restored.")
    if file.resolve() == target.resolve():
        raise InvalidSpec(f"expected a copy, given {shown(str(file))}, the database itself. Nothing was restored.")
    if not target.parent.is_dir():
        where = f"{shown(str(target.parent))}, which is not there"
        raise InvalidSpec(f"expected the folder of a results database, given {where}. Nothing was restored.")
    if not yes and target.exists():
        keep = f"pegel backup before.db{same_home(home)}"
        raise InvalidSpec(
            f"expected --yes: what was stored since {shown(str(file))} was made is lost; `{keep}` keeps it. Nothing "
            "was restored."
        )
    with folder_beside(target, "restored") as scratch:
        restore_sqlite(file, target, scratch / "restored.db")
    say(f"{target} is as it was when {file} was made")
    say("no driver that ran holds its group any more: reconciling starts the next ones, which read again from there")
