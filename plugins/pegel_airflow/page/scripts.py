"""The scripts of the pages, each handed out from this folder: nothing comes from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse, Response

from pegel_airflow.page.render import HEADERS

FOLDER: Final = Path(__file__).parent
NAMES: Final = ("page.js", "unfolding.js", "morph.js", "live.js", "spec.js")


def add_script_routes(app: FastAPI) -> None:
    """Add each script below its own name."""
    for name in NAMES:
        app.add_api_route(f"/{name}", _script(name), methods=["GET", "HEAD"])


def _script(name: str) -> Callable[[], Response]:
    def script() -> Response:
        return FileResponse(FOLDER / name, media_type="text/javascript", headers=HEADERS)

    return script
