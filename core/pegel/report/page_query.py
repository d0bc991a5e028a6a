"""What the address of a page asks for, so that a link changes one thing of it and keeps the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from pegel.report.page_time import PageTime

_OF_TIME = ("last", "from", "to")


@dataclass(frozen=True, slots=True)
class PageQuery:
    """The parameters behind the question mark of an address; empty ones are left out of links."""

    asked: Mapping[str, str] = field(default_factory=dict)

    def but(self, **changes: str) -> Markup:
        """Return the query with these parameters changed, `?` for none, ready for an attribute and never cut short."""
        return _query({**self.asked, **changes})

    def over(self, time: PageTime | None) -> Markup:
        """Return the query for another time; None: for the newest windows."""
        others = {name: value for name, value in self.asked.items() if name not in _OF_TIME}
        return _query(others | ({} if time is None else time.query))

    def kept(self, *changed: str) -> list[tuple[str, str]]:
        """Return the parameters that a form which asks for `changed` has to send along."""
        return [(name, value) for name, value in self.asked.items() if value and name not in changed]


def feature_query(name: str, asked: Mapping[str, str] | None = None) -> Markup:
    """Return the query of a feature's own page, whatever the feature is called; `asked`: what else it is to say."""
    return _query({"name": name} | {key: (asked or {}).get(key, "") for key in (*_OF_TIME, "segment")})


def _query(parameters: Mapping[str, str]) -> Markup:
    pairs = [(name, value) for name, value in parameters.items() if value]
    return escape(f"?{urlencode(pairs, quote_via=quote, errors='replace')}")
