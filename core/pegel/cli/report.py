"""`pegel report`: one model's windows, findings and ledger as a self-contained HTML file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import InvalidSpec
from pegel.report.html import write
from pegel.report.model_page import model_view
from pegel.report.reading import Sources
from pegel.spec import names
from pegel.store.database import connect, migrate
from pegel.store.database_file import refuse_missing
from pegel.store.registry import Entry, Registry

Model = Annotated[
    str | None,
    typer.Argument(metavar="[MODEL[/VERSION]]", help="e.g. delays/1; may be left out if there is one model."),
]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Default: MODEL-vVERSION.html in this folder.")]


def report(model: Model = None, output: Output = None, home: HomeOption = None) -> None:
    """Write the report of one model and print its path."""
    settings = settings_of(home)
    refuse_missing(settings.database)
    engine = connect(settings.database)
    try:
        migrate(engine)
        entry = chosen(engine, model)
        view = model_view(Sources(engine), entry.model, entry.version, datetime.now(UTC))
    finally:
        engine.dispose()
    path = write(view, output or Path(f"{names.endpoint(entry.model, entry.version)}.html"))
    say(str(path.resolve()))


def chosen(engine: Engine, model: str | None) -> Entry:
    """Return the one registered model version that is meant. Raises InvalidSpec when none or several are."""
    entries = Registry(engine).entries()
    keys = [names.monitor_key(entry.model, entry.version) for entry in entries]
    meant = [entry for entry, key in zip(entries, keys, strict=True) if model is None or model in (key, entry.model)]
    if len(meant) != 1:
        given = "no model was named" if model is None else f"given {model!r}"
        known = ", ".join(keys) or "none"
        raise InvalidSpec(f"expected one watched model version; {given}; watched: {known}. Nothing was written.")
    return meant[0]
