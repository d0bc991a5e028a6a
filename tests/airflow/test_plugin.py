"""The plugin, as each Airflow process loads it."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_plugin_registers_without_errors() -> None:
    """Airflow lists the plugin with its page, and no import error."""
    from airflow import plugins_manager

    plugins, errors = plugins_manager._get_plugins()
    found = [plugin for plugin in plugins if plugin.name == "pegel"]

    assert (errors, [app["url_prefix"] for plugin in found for app in plugin.fastapi_apps]) == ({}, ["/pegel"])


def test_only_the_registration_file_is_executed() -> None:
    """No file of the package became a top-level module named by its stem, as Airflow would make of it if it could."""
    from airflow import plugins_manager

    plugins_manager._get_plugins()
    stems = {path.stem for path in (ROOT / "plugins" / "pegel_airflow").rglob("*.py")} - {"__init__"}
    ours = {
        stem
        for stem in stems & set(sys.modules)
        if str(ROOT / "plugins") in (getattr(sys.modules[stem], "__file__", "") or "")
    }

    assert ours == set()


def test_the_page_stands_in_the_navigation() -> None:
    """The page has an entry in Airflow's navigation and is shown inside its frame."""
    from airflow import plugins_manager

    views = [view for plugin in plugins_manager._get_plugins()[0] for view in plugin.external_views]

    assert [(view["href"], view["destination"], view["url_route"]) for view in views if view["name"] == "Pegel"] == [
        ("/pegel/", "nav", "pegel")
    ]
