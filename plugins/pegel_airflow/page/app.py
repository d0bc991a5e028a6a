"""The page as a FastAPI app. Every route needs an authenticated user: the dependency hangs on the app itself.

Routes are plain functions, so each runs in a worker thread and may read the database without holding up the server.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_access_view
from fastapi import Depends, FastAPI, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pegel.spec.limits import LONGEST_QUIET
from pegel.spec.settings import Settings
from pegel_airflow.page import person_actions, routes
from pegel_airflow.page.all_alerts import add_alert_routes
from pegel_airflow.page.asked_time import AskedTime
from pegel_airflow.page.asked_values import AskedValues
from pegel_airflow.page.found import add_finding_route
from pegel_airflow.page.of_feature import add_feature_route
from pegel_airflow.page.parameters import AlertId, SilenceId, Version, Why
from pegel_airflow.page.past_baselines_page import add_baseline_routes
from pegel_airflow.page.refusals import explain_refusals
from pegel_airflow.page.render import page
from pegel_airflow.page.same_origin import refuse_foreign
from pegel_airflow.page.scripts import add_script_routes
from pegel_airflow.page.spec_editor import add_spec_routes

MOST_HOURS = LONGEST_QUIET / timedelta(hours=1)
Hours = Annotated[float, Form(gt=0, le=MOST_HOURS)]
Feature = Annotated[str, Form(max_length=200)]
OfTime = Annotated[AskedTime, Depends(AskedTime.of)]
MAY_CHANGE = Depends(requires_access_dag("PUT", DagAccessEntity.RUN, param_dag_id="alert_dispatch"))
"""Quieting an alert needs the right to change runs of the workflow that mails it; looking does not."""


def build() -> FastAPI:
    """Build the app that Airflow mounts at `/pegel`; anonymous requests get 401 before any route is looked at."""
    app = FastAPI(
        title="Pegel",
        # In this order: who is it, and did that person's own page send it?
        dependencies=[Depends(requires_access_view(AccessView.PLUGINS)), Depends(refuse_foreign)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    explain_refusals(app)
    reading = ["GET", "HEAD"]
    app.add_api_route("/", index, methods=reading, response_class=HTMLResponse)
    app.add_api_route("/health", health, methods=reading, response_class=HTMLResponse)
    app.add_api_route("/models/{name}/{version}", model, methods=reading, response_class=HTMLResponse)
    for path, route in (
        ("acknowledge", acknowledge),
        ("unacknowledge", unacknowledge),
        ("silence", silence),
        ("unsilence", unsilence),
    ):
        app.add_api_route(f"/models/{{name}}/{{version}}/{path}", route, methods=["POST"], dependencies=[MAY_CHANGE])
    add_spec_routes(app)
    add_finding_route(app)
    add_baseline_routes(app)
    add_feature_route(app)
    add_script_routes(app)
    add_alert_routes(app, MAY_CHANGE)
    return app


def index(request: Request, q: str = "", state: str = "", owner: str = "", sort: str = "") -> Response:
    """Show the watched models that are asked for, the most urgent first unless another order is."""
    now, asked = datetime.now(UTC), AskedValues()
    view = routes.watched(Settings(), now, asked, text=q, state=state, owner=owner, sort=sort)
    unusable, levels = asked.unusable, routes.levels()
    return page(request, "index.html", now=now, unusable=unusable, view=view, levels=levels, here="models")


def health(request: Request) -> Response:
    """Show how Pegel itself is."""
    now = datetime.now(UTC)
    view, watched = routes.health(Settings(), now), routes.is_anything_watched(Settings())
    return page(request, "health.html", now=now, view=view, here="health", watched=watched)


def model(  # noqa: PLR0917 - a route's parameters are named by the request
    request: Request,
    name: str,
    version: Version,
    time: OfTime,
    done: str | None = None,
    segment: str = "",
    q: str = "",
    sort: str = "",
) -> Response:
    """Show one watched model, or one segment of it, of some time. `done` names what was just done, if anything."""
    now, asked = datetime.now(UTC), AskedValues()
    view = routes.model(Settings(), name, version, now, asked, time=time, segment=segment, text=q, sort=sort)
    unusable, said, kinds = asked.unusable, person_actions.DONE.get(done or ""), person_actions.kinds()
    return page(request, "model.html", now=now, unusable=unusable, view=view, links=True, kinds=kinds, done=said)


def acknowledge(  # noqa: PLR0917 - a route's parameters are named by the request
    request: Request, user: GetUserDep, name: str, version: Version, alert: AlertId, hours: Hours, why: Why
) -> Response:
    """Stop mail about one alert for some hours; it stays open."""
    person_actions.acknowledge(
        Settings(), name, version, alert=alert, hours=hours, why=why, by=user.get_name(), now=datetime.now(UTC)
    )
    return _back(request, name, version, "acknowledged")


def unacknowledge(request: Request, user: GetUserDep, name: str, version: Version, alert: AlertId) -> Response:
    """Let mail about one alert be sent again."""
    person_actions.unacknowledge(Settings(), name, version, alert=alert, by=user.get_name(), now=datetime.now(UTC))
    return _back(request, name, version, "unacknowledged")


def silence(  # noqa: PLR0917 - as above
    request: Request,
    user: GetUserDep,
    name: str,
    version: Version,
    hours: Hours,
    why: Why,
    feature: Feature = "",
    kind: Annotated[str, Form(max_length=40)] = "",
) -> Response:
    """Stop mail about one model, or one feature or kind of alert of it, for some hours; judging goes on."""
    about = {"feature": feature, "kind": kind}
    by, now = user.get_name(), datetime.now(UTC)
    person_actions.silence(Settings(), name, version, about=about, hours=hours, why=why, by=by, now=now)
    return _back(request, name, version, "silenced")


def unsilence(request: Request, user: GetUserDep, name: str, version: Version, silence: SilenceId) -> Response:
    """End a silence that is about one model, and maybe about others."""
    person_actions.unsilence(Settings(), name, version, silence=silence, by=user.get_name(), now=datetime.now(UTC))
    return _back(request, name, version, "unsilenced")


def _back(request: Request, name: str, version: int, done: str) -> RedirectResponse:
    root = request.scope.get("root_path", "")
    return RedirectResponse(f"{root}/models/{quote(name)}/{version}?done={done}", status_code=303)
