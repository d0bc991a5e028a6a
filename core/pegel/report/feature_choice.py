"""Which features of a model's page are shown, and in which order, as its address asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from markupsafe import Markup

from pegel.report.page_query import PageQuery

MANY: Final = 12
"""Of more features than this, a person may look for some by name."""
ORDERS: Final = {"worst": "worst first", "name": "by name"}
"""What `sort` of an address may be; anything else is the first."""


class Named(Protocol):
    """What has the name of a feature."""

    @property
    def name(self) -> str:
        """Return it."""
        ...


View = TypeVar("View", bound=Named)
"""A feature, ready for a template."""


@dataclass(frozen=True, slots=True)
class FeatureChoice(Generic[View]):
    """The features that are asked for. `known`: how many there are; `text`: what their names contain."""

    shown: list[View]
    known: int
    order: str
    orders: list[tuple[str, Markup, bool]]
    """Words, link, whether that is the order shown; empty where there is nothing to sort."""
    text: str
    has_filter: bool
    everything: Markup
    """The link to all features in the same order."""
    kept: list[tuple[str, str]]
    """What the form of the filter sends along."""


def choose_features(views: Sequence[View], query: PageQuery) -> FeatureChoice[View]:
    """Return those of which each word of `q` is a part of the name, in small or capital letters.

    Args:
        views: All features, worst first.
        query: What the address asks for: `sort` is one of `ORDERS`, an empty `q` asks for every feature.
    """
    text, asked = query.asked.get("q", ""), query.asked.get("sort", "")
    order = asked if asked in ORDERS else next(iter(ORDERS))
    parts = text.lower().split()
    shown = [view for view in views if all(part in view.name.lower() for part in parts)]
    orders = [(words, query.but(sort="" if key == "worst" else key), key == order) for key, words in ORDERS.items()]
    return FeatureChoice(
        shown=sorted(shown, key=lambda view: (view.name.lower(), view.name)) if order == "name" else shown,
        known=len(views),
        order=ORDERS[order],
        orders=orders if len(views) > 1 else [],
        text=text,
        has_filter=bool(text) or len(views) > MANY,
        everything=query.but(q=""),
        kept=query.kept("q"),
    )
