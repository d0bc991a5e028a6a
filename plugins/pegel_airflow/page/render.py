"""The page's templates: a frame of our own around the sections that reports on paper have as well."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent


def render(template: str, **values: object) -> str:
    """Fill a template of this package. What comes from data is escaped; a name without a value is an error."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    from jinja2 import ChoiceLoader, PackageLoader

    from pegel.report.html import environment, stylesheet

    own = environment().overlay(
        loader=ChoiceLoader([PackageLoader("pegel_airflow.page"), PackageLoader("pegel.report")])
    )
    frame = (FOLDER / "page.css").read_text(encoding="utf-8")
    own.globals["css"] = Markup(stylesheet() + frame)  # noqa: S704 - both are files of ours
    return own
