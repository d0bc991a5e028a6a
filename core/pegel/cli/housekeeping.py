"""`pegel housekeeping`: what is older than it is kept goes; with `--dry-run` it is only said what would."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pegel.batch.keeping_house import House, keep_house
from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.cli.watched_model import opened
from pegel.retention.keeping import Keeping

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")]


def housekeeping(dry_run: DryRun = False, home: HomeOption = None) -> None:
    """Remove results that are older than PEGEL_KEEP says; the workflow of the same name does so every night."""
    settings = settings_of(home)
    keeping = Keeping.parse(settings.keep)
    with opened(settings) as engine:
        removals = keep_house(House(engine, settings.archive_root), keeping, now=datetime.now(UTC), dry_run=dry_run)
    for one in removals:
        say(one.line(dry_run=dry_run))
    if not removals:
        say("nothing is older than it is kept")
    raise typer.Exit(1 if any(one.failed for one in removals) else 0)
