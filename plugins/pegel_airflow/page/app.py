"""The page as a FastAPI app. Every route needs an authenticated user: the dependency hangs on the app itself.

Routes are plain functions, so each runs in a worker thread and may read the database without holding up the server.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag, requires_access_view
from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from pegel.errors import NotFound, PegelError, Unavailable
from pegel.spec.settings import Settings
from pegel_airflow.page import person_actions, routes
from pegel_airflow.page.render import render

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Nothing from elsewhere is loaded, and nobody else may frame the page. `unsafe-inline` is for styles only."""

Hours = Annotated[float, Form(gt=0, le=24 * 31)]
Why = Annotated[str, Form(min_length=1, max_length=200)]
MAY_CHANGE = Depends(requires_access_dag("PUT", DagAccessEntity.RUN, param_dag_id="alert_dispatch"))
"""Quieting an alert needs the right to change runs of the workflow that mails it; looking does not."""


def build() -> FastAPI:
    """Build the app that Airflow mounts at `/pegel`; anonymous requests get 401 before any route is looked at."""
    app = FastAPI(
        title="Pegel",
        dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.add_exception_handler(PegelError, explained)
    app.add_api_route("/", index, response_class=HTMLResponse)
    app.add_api_route("/page.js", script)
    app.add_api_route("/models/{name}/{version}", model, response_class=HTMLResponse)
    for path, route in (("acknowledge", acknowledge), ("silence", silence)):
        app.add_api_route(f"/models/{{name}}/{{version}}/{path}", route, methods=["POST"], dependencies=[MAY_CHANGE])
    return app


def index(request: Request) -> Response:
    """Show every watched model, the most urgent first."""
    now = datetime.now(UTC)
    return _html(request, "index.html", now=now, rows=routes.watched(Settings(), now))


def model(request: Request, name: str, version: int, told: str | None = None) -> Response:
    """Show one watched model. `told` names what was just done, if anything."""
    now = datetime.now(UTC)
    view = routes.model(Settings(), name, version, now)
    return _html(request, "model.html", now=now, view=view, told=person_actions.TOLD.get(told or ""))


def script() -> Response:
    """Hand out the page's one script."""
    return FileResponse(Path(__file__).parent / "page.js", media_type="text/javascript", headers=HEADERS)


def acknowledge(
    request: Request, name: str, version: int, *, alert: Annotated[str, Form(min_length=4)], hours: Hours, why: Why
) -> Response:
    """Stop mail about one alert for some hours; it stays open."""
    person_actions.acknowledge(Settings(), alert, hours, why, datetime.now(UTC))
    return _back(request, name, version, "acknowledged")


def silence(request: Request, name: str, version: int, *, hours: Hours, why: Why) -> Response:
    """Stop all mail about one model for some hours; judging goes on."""
    person_actions.silence(Settings(), name, version, hours=hours, why=why, now=datetime.now(UTC))
    return _back(request, name, version, "silenced")


def explained(request: Request, error: Exception) -> Response:
    """Say an expected failure in its own words: 404 for what is not there, 503 for a database that is away."""
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, Unavailable) else 500
    return _html(request, "error.html", status=status, now=datetime.now(UTC), message=str(error))


def _html(request: Request, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
    text = render(template, root=request.scope.get("root_path", ""), **values)
    return HTMLResponse(text, status_code=status, headers=HEADERS)


def _back(request: Request, name: str, version: int, told: str) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/models/{name}/{version}?told={told}", status_code=303)
