"""What the page's routes read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pegel.errors import PegelError
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.page.asked_time import AskedTime

if TYPE_CHECKING:
    from pegel.report.alerts_page import AlertsView
    from pegel.report.baseline_diff import BaselineDiff
    from pegel.report.explained_finding import ExplainedFinding
    from pegel.report.feature_page import FeaturePage
    from pegel.report.fleet_health import FleetHealth
    from pegel.report.overview import Overview
    from pegel.report.past_baselines import PastBaselines
    from pegel.report.reading import Sources
    from pegel.report.views import ModelView


def watched(settings: Settings, now: datetime, *, text: str, state: str, owner: str, sort: str) -> Overview:
    """Return the watched model versions that are asked for, and how Pegel itself is."""
    from pegel.report.overview import Asked, overview

    return overview(_sources(settings), Asked(text=text, state=state, owner=owner, sort=sort), now)


def levels() -> Mapping[str, str]:
    """Return what each level of a state is called."""
    from pegel.report.overview import LEVELS

    return LEVELS


def alerts(
    settings: Settings, now: datetime, *, text: str, kind: str, severity: str, standing: str, past: bool
) -> AlertsView:
    """Return the alerts of all models that are asked for, and the silences."""
    from pegel.report.alerts_page import AlertsAsked, alerts_view

    asked = AlertsAsked(text=text, kind=kind, severity=severity, standing=standing, past=past)
    return alerts_view(_sources(settings), asked, now)


def health(settings: Settings, now: datetime) -> FleetHealth:
    """Return how Pegel itself is."""
    from pegel.report.fleet_health import read_fleet_health

    return read_fleet_health(_sources(settings), services.stores(settings).registry.list(), now)


def model(  # noqa: PLR0917  a monitor, its time, and a part of its rows
    settings: Settings,
    model: str,
    version: int,
    now: datetime,
    asked: AskedTime,
    segment: str = "",
    *,
    text: str = "",
    sort: str = "",
) -> ModelView:
    """Return one watched model version in full, of all rows or of one segment, of a time. Raises NotFound.

    `text`: a part of the names of features shown; `sort`: their order.
    """
    from pegel.report.model_page import model_view
    from pegel.report.page_query import PageQuery

    query = PageQuery(asked.parameters | {"segment": segment, "sort": sort, "q": text})
    return model_view(_sources(settings), model, version, now, segment=segment, time=asked.time(now), query=query)


def finding(settings: Settings, model: str, version: int, finding: str, now: datetime) -> ExplainedFinding:
    """Return one finding of a model version, recomputed. Raises NotFound."""
    from pegel.report.explained_finding import explained_finding

    return explained_finding(_sources(settings), model, version, finding, now)


def baselines(settings: Settings, model: str, version: int, now: datetime) -> PastBaselines:
    """Return which baselines a model version has had. Raises NotFound."""
    from pegel.report.past_baselines import past_baselines

    return past_baselines(_sources(settings), model, version, now)


def compared_baselines(settings: Settings, model: str, version: int, before: str, after: str) -> BaselineDiff:
    """Return two baselines of a model version side by side. Raises NotFound, LayoutMismatch."""
    from pegel.report.baseline_diff import baseline_diff

    return baseline_diff(_sources(settings), model, version, before, after)


def is_anything_watched(settings: Settings) -> bool:
    """Say whether any model is in the registry, readable or not."""
    return bool(services.stores(settings).registry.entries())


def feature(  # noqa: PLR0917  as above
    settings: Settings, model: str, version: int, name: str, now: datetime, asked: AskedTime, segment: str = ""
) -> FeaturePage:
    """Return one feature of a model version, of all rows or of one segment, of a time. Raises NotFound."""
    from pegel.report.feature_page import feature_page
    from pegel.report.page_query import PageQuery

    query = PageQuery({"name": name} | asked.parameters | {"segment": segment})
    return feature_page(
        _sources(settings), model, version, name, now, segment=segment, time=asked.time(now), query=query
    )


def _sources(settings: Settings) -> Sources:
    from pegel.report.reading import Sources

    return Sources(services.engine(settings.database), around=_around(settings))


def _around(settings: Settings) -> tuple[str, ...]:
    """Return what is wrong around all models; why that cannot be said, where it cannot."""
    parts = services.parts(settings)
    try:
        return () if parts is None else parts.words
    except PegelError as error:
        return (str(error),)
