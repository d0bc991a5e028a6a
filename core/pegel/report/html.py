"""One model as one self-contained HTML file: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from pegel.detect.effect import percent, percent_of
from pegel.report import words
from pegel.report.alert_lines import event_line, standing
from pegel.report.change_words import since
from pegel.report.happened_words import happened, worst_feature
from pegel.report.made_of_event import made_of_row
from pegel.report.page_query import feature_query
from pegel.report.progress import ago
from pegel.report.refresh_words import short
from pegel.report.silence_words import silenced
from pegel.report.timeline import told
from pegel.report.views import ModelView
from pegel.spec.output_file import refuse_unwritable, write_whole
from pegel.spec.outside_text import LONGEST_SENTENCE, shown
from pegel.spec.plain_numbers import plain

_FOLDER = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Return the templates of this package: escaping everything, failing on what is not there."""
    templates = Environment(
        loader=PackageLoader("pegel.report"),
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "percent": percent,
        "percent_of": percent_of,
        "p_value": words.p_value,
        "effect": words.effect,
        "explained": words.explained_by_segments,
        "ago": ago,
        "moment": words.moment,
        "span": lambda span, now: words.period(span.start, span.end, now),
        "since": since,
        "happened": happened,
        "clearest": lambda alert: worst_feature(alert).finding,
        "code": in_code,
        "silenced": silenced,
        "short": short,
        "standing": standing,
        "event": event_line,
        "told": told,
        "number": words.number,
        "made": made_of_row,
        "few_digits": lambda value: plain(value, 6) if isinstance(value, float) else value,
        "svg": Markup,
        "feature_query": feature_query,
    }
    return templates


def in_code(text: str) -> Markup:
    """Return a sentence with what stands between backticks as code.

    >>> in_code("`baseline.time_column` is <none>")
    Markup('<code>baseline.time_column</code> is &lt;none&gt;')
    """
    parts = [escape(shown(part, LONGEST_SENTENCE)) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(shown(text, LONGEST_SENTENCE))
    coded = (Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))
    return Markup().join(coded)


def harmless(value: object) -> object:
    """Return what a template puts out as it may be shown: all but our own markup is one line of bounded length."""
    return shown(value, LONGEST_SENTENCE) if isinstance(value, str) and not isinstance(value, Markup) else value


def stylesheet() -> str:
    """Return the CSS that the pictures and tables of this package need, light and dark."""
    return (_FOLDER / "pegel.css").read_text(encoding="utf-8")


def render(view: ModelView) -> str:
    """Return the report of one model."""
    template = environment().get_template("report.html.j2")
    return template.render(view=view, links=False, css=Markup(stylesheet()))  # noqa: S704  our own file


def write(view: ModelView, path: Path) -> Path:
    """Write the report of one model to `path` and return it. Raises PermanentError where that is not possible."""
    refuse_unwritable(path)
    page = render(view)
    write_whole(path, page)
    return path
