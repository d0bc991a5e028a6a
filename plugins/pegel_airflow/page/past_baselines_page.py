"""The pages of a model's baselines: which it has had, and two of them side by side."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from pegel.spec.settings import Settings
from pegel_airflow.page import routes
from pegel_airflow.page.asked_values import AskedValues
from pegel_airflow.page.parameters import Version
from pegel_airflow.page.render import page


def add_baseline_routes(app: FastAPI) -> None:
    """Add both to the page's app."""
    reading, path = ["GET", "HEAD"], "/models/{name}/{version}/baselines"
    app.add_api_route(path, baselines_page, methods=reading, response_class=HTMLResponse)
    app.add_api_route(f"{path}/compare", compared_page, methods=reading, response_class=HTMLResponse)


def baselines_page(request: Request, name: str, version: Version) -> Response:
    """Show which baselines a model version has had, and what became of new ones."""
    now = datetime.now(UTC)
    return page(request, "baselines.html", now=now, view=routes.baselines(Settings(), name, version, now))


def compared_page(request: Request, name: str, version: Version, before: str = "", after: str = "") -> Response:
    """Show two of them side by side; all of them where these are not two."""
    asked = AskedValues()
    view = routes.compared_baselines(Settings(), name, version, asked, before=before, after=after)
    if view is not None:
        return page(request, "baseline_diff.html", view=view)
    now = datetime.now(UTC)
    known = routes.baselines(Settings(), name, version, now)
    return page(request, "baselines.html", now=now, unusable=asked.unusable, view=known)
