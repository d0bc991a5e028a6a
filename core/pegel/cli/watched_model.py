"""Arguments by which a person names a watched model version, and the database it is looked for in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from sqlalchemy import Engine

from pegel.cli.known_names import model_names
from pegel.spec.settings import Settings
from pegel.store.database import connect
from pegel.store.database_file import refuse_missing
from pegel.store.schema_revision import require_present_tables

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL[/VERSION]",
        help="e.g. delays, or delays/1 where several versions are watched.",
        autocompletion=model_names,
    ),
]
VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, help="Which version, where several are watched.")
]


@contextmanager
def opened(settings: Settings) -> Iterator[Engine]:
    """Open the results database for this block.

    Raises SetupError where there is none, or tables of another version: looking makes and changes nothing.
    """
    refuse_missing(settings.database)
    engine = connect(settings.database)
    try:
        require_present_tables(engine)
        yield engine
    finally:
        engine.dispose()
