"""Routes of a deployment, from the file that its settings name."""

from __future__ import annotations

from pathlib import Path

from pegel.errors import InvalidSpec
from pegel.spec.alert_routes import Route, alert_routes
from pegel.spec.spec_text import read_data, read_text


def deployment_routes(path: Path | None) -> tuple[Route, ...]:
    """Return the routes of a file, none without one. Raises InvalidSpec with the file and what to do."""
    if path is None:
        return ()
    try:
        return alert_routes(read_data(read_text(path)) or [])
    except ValueError as error:
        raise InvalidSpec(f"{path}: {error}") from error
