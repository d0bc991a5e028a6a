"""The report as HTML: one self-contained page with a picture per field."""

from __future__ import annotations

from typing import Any, Protocol

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pegel.baseline.baseline import Baseline
from pegel.judge.decision import FeatureVerdict
from pegel.report.html import harmless, stylesheet
from pegel.report.shapes import shape
from pegel.report.svg import chart
from pegel.report.words import VERDICT_WORDS, p_value
from pegel.stats.summary import Summary


class Checked(Protocol):
    """A report on a table: the templates show it, pictures are drawn from its two sides."""

    @property
    def baseline(self) -> Baseline:
        """Return what the table was compared with."""
        ...

    @property
    def summary(self) -> Summary:
        """Return what was counted."""
        ...


def render(report: Checked, template: str) -> str:
    """Return a report in the form of one of our templates."""
    return rendered(report, template)


def rendered(report: Checked | None, template: str, **shown: Any) -> str:
    """Return one of our templates, filled with a report, if there is one, and what else it shows."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("pegel.notebook"), PackageLoader("pegel.report")]),
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["p_value"] = p_value

    def picture(judged: FeatureVerdict) -> Markup:
        return Markup() if report is None else _picture(report, judged)

    css = Markup(stylesheet())  # noqa: S704  our own file
    filled = {"report": report, "css": css, "words": VERDICT_WORDS, "picture": picture}
    return environment.get_template(template).render(filled | shown)


def _picture(report: Checked, judged: FeatureVerdict) -> Markup:
    """Return the picture of one field: the baseline as an outline, the table filled."""
    before = report.baseline.summary.features[judged.feature]
    drawn = shape(before, report.summary.features[judged.feature])
    title = f"{judged.feature}: {judged.what}"
    return Markup(chart(drawn, title=title, unit=before.layout.field.unit))  # noqa: S704  escapes what it is given
