"""Views and tables of the results database, topics and metrics, as the code has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from field_words import table
from prometheus_client.metrics_core import Metric

from pegel.exporter.exported_facts import Caps
from pegel.exporter.facts_reader import FactsReader
from pegel.spec import names
from pegel.spec.clock import SystemClock
from pegel.store import tables, view_making
from pegel.store.database import connect, migrate
from pegel.store.result_views import VERSION, view_table

_NAMESPACE = "<namespace>"
_ABOUT_TOPICS = """Each namespace of models has these topics on the broker. What their records are is said where they
are made: [architecture](../architecture.md), [topics](../doors.md#topics), [labels](../labels.md)."""
_ABOUT_METRICS = """What `pegel exporter` tells Prometheus. [Prometheus and Grafana](../monitoring.md) has rules, routes
and dashboards, and says how many series there are."""


def views_page(words: Path) -> str:
    """Return the page of views and tables; `words` is the page that says what each column of a view is."""
    said = _said(words.read_text(encoding="utf-8"))
    parts = [
        "# Views and tables\n",
        f"Version {VERSION} of the views. [SQL](../sql.md) has examples, and says what holds for all of them.\n",
    ]
    for name, statement in view_making.statements("postgresql").items():
        columns = [(each.name, *said[name][each.name]) for each in view_table(name, "postgresql").c]
        parts += [f"## {name}\n", table(("column", "type", "what it is"), columns)]
        parts += ["What it asks, on PostgreSQL:\n", f"```sql\n{statement}\n```\n"]
    parts += ["## Tables\n", "They change with any version: query the views.\n"]
    rows = [
        (f"`{each.name}`", ", ".join(f"`{c.name}`" for c in each.columns)) for each in tables.metadata.sorted_tables
    ]
    parts.append(table(("table", "columns"), sorted(rows)))
    return "\n".join(parts)


def _said(page: str) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Return what a page says of each column, by view: its type, which tests compare with databases, and its text."""
    parts = re.split(r"^### (v_\w+)$", page, flags=re.MULTILINE)[1:]
    return {
        name: {
            row[1]: (row[2], row[3].replace("](", "](../"))
            for row in re.finditer(r"^\| (\w+) \| (\w+) \| (.*) \|$", text, flags=re.MULTILINE)
        }
        for name, text in zip(parts[::2], parts[1::2], strict=True)
    }


def topics_page() -> str:
    """Return the page of topics."""
    makers = (names.inference_topic, names.outliers_topic, names.dead_letters_topic, names.labels_topic)
    rows = [(f"`{make(_NAMESPACE)}`", _sentence(make)) for make in makers]
    assert {row[0].strip("`") for row in rows} == set(names.topics(_NAMESPACE))
    return f"# Topics\n\n{_ABOUT_TOPICS}\n\n" + table(("topic", "what it holds"), rows)


def _sentence(made: object) -> str:
    text = " ".join((made.__doc__ or "").split("\n\n")[0].split())
    return text.removeprefix("Return the topic ").removeprefix("Return ")


def metrics_page() -> str:
    """Return the page of the exporter's metrics, as it tells them of an empty database: without samples."""
    with TemporaryDirectory() as folder:
        engine = connect(f"sqlite:///{folder}/pegel.db")
        try:
            migrate(engine)
            families = list(FactsReader(engine, SystemClock(), Caps()).collect())
        finally:
            engine.dispose()
    return f"# Metrics of the exporter\n\n{_ABOUT_METRICS}\n\n" + table(
        ("metric", "kind", "labels", "what it is"), _metrics(families)
    )


def _metrics(families: Iterable[Metric]) -> list[tuple[str, str, str, str]]:
    return [
        (
            f"`{each.name}{'_total' if each.type == 'counter' else ''}`",
            each.type,
            # The client keeps the labels of a family without samples to itself; one without labels has one sample.
            ", ".join(f"`{label}`" for label in each._labelnames) or "-",  # type: ignore[attr-defined]  # noqa: SLF001
            each.documentation,
        )
        for each in families
    ]
