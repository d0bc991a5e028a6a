"""The page of one feature of a model. Its name is a parameter: a path would not keep every name whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response

from pegel.spec.settings import Settings
from pegel_airflow.page import routes
from pegel_airflow.page.asked_time import AskedTime
from pegel_airflow.page.asked_values import AskedValues
from pegel_airflow.page.parameters import Version
from pegel_airflow.page.render import page

FeatureName = Annotated[str, Query(alias="name")]


def add_feature_route(app: FastAPI) -> None:
    """Add it to the page's app."""
    path = "/models/{model}/{version}/feature"
    app.add_api_route(path, feature_page, methods=["GET", "HEAD"], response_class=HTMLResponse)


def feature_page(  # noqa: PLR0917  a route's parameters are named by the request
    request: Request,
    model: str,
    version: Version,
    time: Annotated[AskedTime, Depends(AskedTime.of)],
    feature: FeatureName = "",
    segment: str = "",
) -> Response:
    """Show one feature of a model, of some time."""
    now, asked = datetime.now(UTC), AskedValues()
    view = routes.feature(Settings(), model, version, feature, now, asked, time=time, segment=segment)
    return page(request, "feature.html", now=now, unusable=asked.unusable, view=view)
