"""The page of all alerts and what may be done there. Quieting needs the right to change runs of `alert_dispatch`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import FastAPI, Form, Request
from fastapi.params import Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pegel.spec.names import LARGEST_VERSION
from pegel.spec.settings import Settings
from pegel_airflow.page import person_actions, quieting, routes
from pegel_airflow.page.asked_values import AskedValues
from pegel_airflow.page.parameters import AlertId, SilenceId, Why
from pegel_airflow.page.render import page

Text = Annotated[str, Form(max_length=200)]
Until = Annotated[str, Form(max_length=40)]


def add_alert_routes(app: FastAPI, may_change: Depends) -> None:
    """Add them to the page's app; `may_change` stands before each that changes something."""
    app.add_api_route("/alerts", alerts, methods=["GET", "HEAD"], response_class=HTMLResponse)
    for path, route in (
        ("acknowledge", acknowledge),
        ("unacknowledge", unacknowledge),
        ("resolve", resolve),
        ("silence", silence),
        ("unsilence", unsilence),
    ):
        app.add_api_route(f"/alerts/{path}", route, methods=["POST"], dependencies=[may_change])


def alerts(  # noqa: PLR0917  a route's parameters are named by the request
    request: Request,
    q: str = "",
    kind: str = "",
    severity: str = "",
    standing: str = "",
    past: str = "",
    done: str = "",
) -> Response:
    """Show the open alerts of all models, or those that are over."""
    now, asked = datetime.now(UTC), AskedValues()
    view = routes.alerts(Settings(), now, asked, text=q, kind=kind, severity=severity, standing=standing, past=past)
    said, watched = person_actions.DONE.get(done), routes.is_anything_watched(Settings())
    unusable = asked.unusable
    return page(
        request, "alerts.html", now=now, unusable=unusable, view=view, done=said, here="alerts", watched=watched
    )


def acknowledge(request: Request, user: GetUserDep, alert: AlertId, until: Until, why: Why) -> Response:
    """Stop mail about one alert until then; it stays open."""
    quieting.acknowledge(Settings(), alert, until=until, why=why, by=user.get_name(), now=datetime.now(UTC))
    return _back(request, "acknowledged")


def unacknowledge(request: Request, user: GetUserDep, alert: AlertId) -> Response:
    """Let mail about one alert be sent again."""
    quieting.unacknowledge(Settings(), alert, by=user.get_name(), now=datetime.now(UTC))
    return _back(request, "unacknowledged")


def resolve(request: Request, user: GetUserDep, alert: AlertId, why: Why) -> Response:
    """Close one alert; a new finding opens another."""
    quieting.resolve(Settings(), alert, why=why, by=user.get_name(), now=datetime.now(UTC))
    return _back(request, "resolved")


def silence(  # noqa: PLR0917  as above
    request: Request,
    user: GetUserDep,
    why: Why,
    model: Text = "",
    version: Annotated[int | None, Form(ge=1, le=LARGEST_VERSION)] = None,
    segment: Text = "",
    feature: Text = "",
    kind: Text = "",
    since: Until = "",
    until: Until = "",
    every: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Stop mail about what is named, for a while or in windows that come again."""
    about = {"model": model, "segment": segment, "feature": feature, "kind": kind}
    when = {"since": since, "until": until, "every": every}
    by, now = user.get_name(), datetime.now(UTC)
    quieting.silence(Settings(), about=about, version=version, when=when, why=why, by=by, now=now)
    return _back(request, "silenced")


def unsilence(request: Request, user: GetUserDep, silence: SilenceId) -> Response:
    """End a silence, whatever it is about."""
    quieting.unsilence(Settings(), silence, by=user.get_name(), now=datetime.now(UTC))
    return _back(request, "unsilenced")


def _back(request: Request, done: str) -> RedirectResponse:
    return RedirectResponse(f"{request.scope.get('root_path', '')}/alerts?done={done}", status_code=303)
