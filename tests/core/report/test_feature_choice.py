"""Which features a model's page shows, of a real database: in which order, and which of many."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pegel.report.feature_choice import FeatureChoice, choose_features
from pegel.report.features import feature_views
from pegel.report.model_page import model_view
from pegel.report.page_query import PageQuery
from pegel.report.reading import Sources
from pegel.report.views import FeatureView
from pegel.testing.manual_clock import START
from pegel.testing.samples import MINUTE, sample_baseline

pytestmark = pytest.mark.environments("sqlalchemy")
NOW = START + 24 * MINUTE + timedelta(seconds=20)


def chosen(sources: Sources, **asked: str) -> FeatureChoice[FeatureView] | None:
    """Return what the page of the model that drifts shows of its features."""
    return model_view(sources, "delays", 1, NOW, query=PageQuery(asked)).chosen


def names(choice: FeatureChoice[FeatureView] | None) -> list[str]:
    """Return the names of the features shown."""
    return [] if choice is None else [view.name for view in choice.shown]


def test_the_worst_come_first_unless_names_are_asked_for(sources: Sources) -> None:
    """The one that drifts leads, by name none does; an order that is none is the first."""
    worst, by_name = chosen(sources), chosen(sources, sort="name")

    assert "departure_delay" == names(worst)[0]
    assert sorted(names(worst)) == names(by_name) != names(worst)
    assert names(worst) == names(chosen(sources, sort="<b>"))


def test_links_keep_what_else_is_asked_for(sources: Sources) -> None:
    """The order changes alone; so does the filter, whose form sends the rest along."""
    choice = chosen(sources, sort="name", q="DEP", last="1d")

    assert choice is not None
    assert ["?q=DEP&amp;last=1d", "?sort=name&amp;q=DEP&amp;last=1d"] == [link for _, link, _ in choice.orders]
    assert ("?sort=name&amp;last=1d", [("sort", "name"), ("last", "1d")]) == (choice.everything, choice.kept)
    assert ["departure_delay"] == names(choice)


def test_a_filter_that_nothing_meets_shows_nothing(sources: Sources) -> None:
    """How many features there are is known all the same, and the filter can be taken away."""
    choice = chosen(sources, q="delay nothing")

    assert choice is not None
    assert ([], True) == (choice.shown, choice.has_filter)
    assert choice.known == len(names(chosen(sources)))


@pytest.mark.parametrize(("fields", "has_filter"), [(12, False), (13, True)])
def test_many_features_have_a_filter(fields: int, has_filter: bool) -> None:
    """Twelve can be looked over."""
    views = feature_views(sample_baseline(fields=fields), [])

    assert has_filter is choose_features(views, PageQuery()).has_filter
