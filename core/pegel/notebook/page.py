"""The report as HTML: one self-contained page with a picture per field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pegel.judge.decision import FeatureVerdict
from pegel.report.html import stylesheet
from pegel.report.shapes import shape
from pegel.report.svg import chart
from pegel.report.words import VERDICT_WORDS, p_value

if TYPE_CHECKING:
    from pegel.notebook.check_report import CheckReport


def render(report: CheckReport, template: str) -> str:
    """Return a report in the form of one of our templates."""
    environment = Environment(
        loader=PackageLoader("pegel.notebook"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["p_value"] = p_value

    def picture(one: FeatureVerdict) -> Markup:
        return _picture(report, one)

    css = Markup(stylesheet())  # noqa: S704  our own file
    return environment.get_template(template).render(report=report, css=css, words=VERDICT_WORDS, picture=picture)


def _picture(report: CheckReport, one: FeatureVerdict) -> Markup:
    """Return the picture of one field: the baseline as an outline, the table filled."""
    before = report.baseline.summary.features[one.feature]
    drawn = shape(before, report.summary.features[one.feature])
    title = f"{one.feature}: {one.what}"
    return Markup(chart(drawn, title=title, unit=before.layout.field.unit))  # noqa: S704  escapes what it is given
