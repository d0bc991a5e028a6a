"""The page of one finding: what `pegel explain` says of it. A model's page unfolds it in place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response

from pegel.spec.settings import Settings
from pegel_airflow.page import routes
from pegel_airflow.page.parameters import Version
from pegel_airflow.page.render import page

FindingId = Annotated[str, InPath(min_length=4, max_length=64)]


def add_finding_route(app: FastAPI) -> None:
    """Add it to the page's app."""
    path = "/models/{name}/{version}/findings/{finding}"
    app.add_api_route(path, finding_page, methods=["GET", "HEAD"], response_class=HTMLResponse)


def finding_page(request: Request, name: str, version: Version, finding: FindingId) -> Response:
    """Show one finding, recomputed; what cannot be recomputed says so in its place."""
    now = datetime.now(UTC)
    return page(request, "finding.html", now=now, view=routes.finding(Settings(), name, version, finding, now))
