"""`pegel exporter`: a process of its own that tells Prometheus of models, and from outside whether Pegel is at work."""

from __future__ import annotations

from typing import Annotated

import typer

from pegel.cli.console import say
from pegel.cli.options import HomeOption, settings_of
from pegel.errors import SetupError
from pegel.exporter.exported_facts import Caps
from pegel.spec.clock import SystemClock
from pegel.spec.names import EXPORTER_PORT
from pegel.store.database import connect
from pegel.store.database_file import refuse_missing


def exporter(
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for all of this machine.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0: any free one.")] = EXPORTER_PORT,
    features: Annotated[int, typer.Option(min=0, help="Features of a model that have metrics: the worst.")] = 20,
    models: Annotated[int, typer.Option(min=1, help="Models that have metrics, the first by name.")] = 500,
    home: HomeOption = None,
) -> None:
    """Answer Prometheus: /metrics, /healthz and /livez. It reads the views of the database and writes nothing."""
    try:
        from pegel.exporter.exporter_door import Door  # noqa: PLC0415  an extra: no other command needs it
        from pegel.exporter.facts_reader import FactsReader  # noqa: PLC0415  the same
    except ImportError as error:
        raise SetupError(f"expected `pip install pegel[prometheus]`: {error}. Nothing listens.") from error
    settings = settings_of(home)
    refuse_missing(settings.database)
    engine = connect(settings.database)
    with Door(FactsReader(engine, SystemClock(), Caps(models, features)), host, port) as door:
        say(f"http://{host}:{door.server_address[1]}/metrics")
        try:
            door.serve_forever()
        finally:
            engine.dispose()
