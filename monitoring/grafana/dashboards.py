"""Write the dashboards: `python -m monitoring.grafana.dashboards`; one folder a source, one file a dashboard.

PostgreSQL is asked by Grafana's own source, SQLite by the plugin `frser-sqlite-datasource`, Prometheus about the
metrics of the exporter and the rules of `monitoring/prometheus`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from monitoring.grafana.panels import FLEET, ONE_FEATURE, ONE_MODEL, PIPELINE, Panel
from monitoring.grafana.sql_words import POSTGRESQL, SQLITE, SqlWords

HERE = Path(__file__).parent
PROMETHEUS = "prometheus"
SOURCES = {POSTGRESQL: "postgres", SQLITE: "frser-sqlite-datasource", PROMETHEUS: "prometheus"}
"""Grafana's name of each source."""
DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...], tuple[str, ...]]] = {
    "fleet": ("Pegel: all models", FLEET, ()),
    "model": ("Pegel: one model", ONE_MODEL, ("model", "version")),
    "feature": ("Pegel: one feature", ONE_FEATURE, ("model", "version", "feature")),
    "pipeline": ("Pegel: pipeline", PIPELINE, ()),
}
"""Title, panels, and what is chosen at the top."""
_OF_NEWEST = (
    "select distinct f.feature from v_model m join v_feature_window f on f.model = m.model and "
    "f.version = m.version and f.span_end = m.last_span_end where m.model = ${model:sqlstring} and "
    "m.version = ${version} order by 1"
)
CHOICES = {
    "model": ("select distinct model from v_model order by 1", "label_values(pegel_model_info, model)"),
    "version": (
        "select version from v_model where model = ${model:sqlstring} order by 1 desc",
        'label_values(pegel_model_info{model="$model"}, version)',
    ),
    "feature": (
        _OF_NEWEST,
        'label_values(pegel_feature_drift_score{model="$model", version="$version"}, feature)',
    ),
}
HEIGHT, WIDTH = 8, 24


def dashboard(name: str, source: str) -> dict[str, Any]:
    """Return one dashboard as Grafana imports it."""
    title, panels, choices = DASHBOARDS[name]
    own = {"type": SOURCES[source], "uid": "${source}"}
    return {
        "uid": f"pegel-{name}-{source}",
        "title": title,
        "tags": ["pegel", source],
        "timezone": "utc",
        "schemaVersion": 39,
        "time": {"from": "now-24h", "to": "now"},
        "refresh": "1m",
        "templating": {
            "list": [
                {"name": "source", "type": "datasource", "label": "Source", "query": SOURCES[source]},
                *(_choice(choice, source, own) for choice in choices),
            ]
        },
        "panels": _placed([_panel(panel, source, own) for panel in panels if _question(panel, source) is not None]),
    }


def _choice(name: str, source: str, own: dict[str, str]) -> dict[str, Any]:
    sql, prometheus = CHOICES[name]
    query: Any = {"query": prometheus, "refId": name} if source == PROMETHEUS else sql
    return {"name": name, "type": "query", "label": name.capitalize(), "datasource": own, "query": query, "refresh": 2}


def _question(panel: Panel, source: str) -> str | None:
    if source == PROMETHEUS:
        return panel.prometheus
    return None if panel.sql is None else panel.sql(SqlWords(source))


def _panel(panel: Panel, source: str, own: dict[str, str]) -> dict[str, Any]:
    return {
        "title": panel.title,
        "type": panel.kind,
        "datasource": own,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": own} | _target(panel, source)],
        "gridPos": {"h": HEIGHT if panel.kind != "stat" else HEIGHT // 2, "w": panel.width},
    }


def _target(panel: Panel, source: str) -> dict[str, Any]:
    question, over_time = _question(panel, source), panel.kind == "timeseries"
    if source == PROMETHEUS:
        shape = {"range": over_time, "instant": not over_time, "format": "time_series" if over_time else "table"}
        return {"expr": question, "legendFormat": panel.legend} | shape
    if source == POSTGRESQL:
        return {"rawSql": question, "rawQuery": True, "format": "time_series" if over_time else "table"}
    told = {"queryText": question, "rawQueryText": question}
    return told | {"queryType": "time series" if over_time else "table", "timeColumns": ["time"] if over_time else []}


def _placed(panels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return panels with numbers and places, from left to right and from top to bottom."""
    x = y = height = 0
    for number, panel in enumerate(panels, start=1):
        place = panel["gridPos"]
        if x + place["w"] > WIDTH:
            x, y, height = 0, y + height, 0
        place |= {"x": x, "y": y}
        panel["id"] = number
        x, height = x + place["w"], max(height, place["h"])
    return panels


def files() -> dict[Path, str]:
    """Return the text of each file."""
    return {
        HERE / source / f"{name}.json": json.dumps(dashboard(name, source), indent=1) + "\n"
        for source in SOURCES
        for name in DASHBOARDS
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
