"""A baseline as a notebook shows it: what it is of, and a line for each field."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from pegel.data.columns import Field
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.stats.summary import FeatureSummary

MOST_FIELDS = 60
"""Fields that are listed."""
_HEAD = Markup("<tr><th>field</th><th>kind</th><th>role</th><th>unit</th><th>values</th></tr>")


def html_of(text: str, features: Mapping[str, FeatureSummary]) -> str:
    """Return a baseline as HTML, harmless whatever its names are: its text for people, then a table of its fields.

    A row of the table has the number of values, which is that of rows without those where there is none.
    """
    first, *lines = text.splitlines()
    rows = [_row(summary.layout.field, summary) for summary in list(features.values())[:MOST_FIELDS]]
    if more := len(features) - len(rows):
        rows.append(Markup("<tr><td colspan='5'>and {:,} more</td></tr>").format(more))
    about = Markup("<br>").join(line.strip() for line in lines)
    table = Markup("<table><thead>{}</thead><tbody>{}</tbody></table>").format(_HEAD, Markup("").join(rows))
    return str(Markup("<div><p><b>{}</b><br>{}</p>{}</div>").format(first, about, table))


def _row(field: Field, summary: FeatureSummary) -> Markup:
    values = summary.n - summary.n_null - summary.n_nan
    unit = "" if field.unit is None else shown(field.unit, NAME_LIMIT)
    cells = (shown(field.name, NAME_LIMIT), field.kind.value, str(field.role), unit, f"{values:,}")
    return Markup("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>").format(*cells)
