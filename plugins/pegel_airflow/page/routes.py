"""What the page's routes read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from pegel.errors import NotFound, PegelError
from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings
from pegel_airflow import services
from pegel_airflow.page.asked_time import AskedTime
from pegel_airflow.page.asked_values import AskedValues

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

View = TypeVar("View")


def watched(
    settings: Settings, now: datetime, asked: AskedValues, *, text: str, state: str, owner: str, sort: str
) -> Overview:
    """Return the watched model versions that are asked for, and how Pegel itself is."""
    from pegel.report.overview import LEVELS, SORTS, Asked, overview

    known = Asked(
        text=text,
        state=asked.one_of("state", state, LEVELS, instead="models in every state"),
        owner=owner,
        sort=asked.one_of("sort", sort, SORTS, instead="the most urgent first", default="urgency"),
    )
    view = overview(_sources(settings), known, now)
    if not owner or owner in view.owners:
        return view
    asked.refuse(f"owner: expected an owner of a watched model; given {quoted(owner)}.", "the models of all owners")
    return overview(_sources(settings), replace(known, owner=""), now)


def levels() -> Mapping[str, str]:
    """Return what each level of a state is called."""
    from pegel.report.overview import LEVELS

    return LEVELS


def alerts(
    settings: Settings,
    now: datetime,
    asked: AskedValues,
    *,
    text: str,
    kind: str,
    severity: str,
    standing: str,
    past: str,
) -> AlertsView:
    """Return the alerts of all models that are asked for, and the silences."""
    from pegel.report.alerts_page import KINDS, SEVERITIES, STANDINGS, AlertsAsked, alerts_view

    known = AlertsAsked(
        text=text,
        kind=asked.one_of("kind", kind, KINDS, instead="alerts of every kind"),
        severity=asked.one_of("severity", severity, SEVERITIES, instead="alerts of every severity"),
        standing=asked.one_of("standing", standing, STANDINGS, instead="alerts however they stand"),
        past=asked.one_of("past", past, ("true", "false"), instead="open alerts") == "true",
    )
    return alerts_view(_sources(settings), known, now)


def health(settings: Settings, now: datetime) -> FleetHealth:
    """Return how Pegel itself is."""
    from pegel.report.fleet_health import read_fleet_health

    return read_fleet_health(_sources(settings), services.stores(settings).registry.list(), now)


def model(
    settings: Settings,
    model: str,
    version: int,
    now: datetime,
    asked: AskedValues,
    *,
    time: AskedTime,
    segment: str = "",
    text: str = "",
    sort: str = "",
) -> ModelView:
    """Return one watched model version in full, of all rows or of one segment, of a time. Raises NotFound.

    `text`: a part of the names of features shown; `sort`: their order.
    """
    from pegel.report.feature_choice import ORDERS
    from pegel.report.model_page import model_view
    from pegel.report.page_query import PageQuery

    shown, parameters = time.time(now, asked)
    parameters |= {"sort": asked.one_of("sort", sort, ORDERS, instead="the worst first"), "q": text}

    def read(segment: str) -> ModelView:
        query = PageQuery(parameters | {"segment": segment})
        return model_view(_sources(settings), model, version, now, segment=segment, time=shown, query=query)

    return _of_segment(read, segment, asked, lambda view: [one.name for one in view.segments])


def finding(settings: Settings, model: str, version: int, finding: str, now: datetime) -> ExplainedFinding:
    """Return one finding of a model version, recomputed. Raises NotFound."""
    from pegel.report.explained_finding import explained_finding

    return explained_finding(_sources(settings), model, version, finding, now)


def baselines(settings: Settings, model: str, version: int, now: datetime) -> PastBaselines:
    """Return which baselines a model version has had. Raises NotFound."""
    from pegel.report.past_baselines import past_baselines

    return past_baselines(_sources(settings), model, version, now)


def compared_baselines(
    settings: Settings, model: str, version: int, asked: AskedValues, *, before: str, after: str
) -> BaselineDiff | None:
    """Return two baselines of a model version side by side; None where they are not two that it has.

    Raises LayoutMismatch where one of them cannot be read.
    """
    from pegel.report.baseline_diff import baseline_diff

    try:
        return baseline_diff(_sources(settings), model, version, before, after)
    except NotFound as error:
        given = " and ".join(quoted(one) if one else "none" for one in (before, after))
        asked.refuse(f"before and after: expected the ids of two kept baselines; given {given}: {error}", "the list")
        return None


def is_anything_watched(settings: Settings) -> bool:
    """Say whether any model is in the registry, readable or not."""
    return not services.stores(settings).registry.is_empty()


def feature(  # noqa: PLR0917  as above
    settings: Settings,
    model: str,
    version: int,
    name: str,
    now: datetime,
    asked: AskedValues,
    *,
    time: AskedTime,
    segment: str = "",
) -> FeaturePage:
    """Return one feature of a model version, of all rows or of one segment, of a time. Raises NotFound."""
    from pegel.report.feature_page import feature_page
    from pegel.report.page_query import PageQuery

    shown, parameters = time.time(now, asked)

    def read(segment: str) -> FeaturePage:
        query = PageQuery({"name": name} | parameters | {"segment": segment})
        return feature_page(_sources(settings), model, version, name, now, segment=segment, time=shown, query=query)

    return _of_segment(read, segment, asked, lambda view: view.known_segments)


def _of_segment(
    read: Callable[[str], View], segment: str, asked: AskedValues, known: Callable[[View], list[str]]
) -> View:
    """Return what is read of a segment; of all rows where nothing is known of such a one."""
    view = read(segment)
    names = known(view)
    if not segment or segment in names:
        return view
    such = f" such as {', '.join(map(quoted, names[:3]))}" if names else "; it has none"
    asked.refuse(f"segment: expected one that the model has rows of{such}; given {quoted(segment)}.", "all rows")
    return read("")


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
