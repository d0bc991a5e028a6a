"""What Airflow asks an installed package: the types of connections that it knows."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the connection type `hopsworks`, with the fields of its form."""
    text = {"type": ["string", "null"]}
    return {
        "package-name": "pegel-airflow",
        "name": "Pegel",
        "description": "Monitoring of served models",
        "connection-types": [
            {
                "connection-type": "hopsworks",
                "hook-class-name": "pegel_airflow.hopsworks_hook.HopsworksHook",
                "hook-name": "Hopsworks",
                "conn-fields": {
                    "project": {
                        "label": "Project",
                        "description": "That results are written to; a source of training data names its own",
                        "schema": text,
                    },
                    "ca": {
                        "label": "Certificates to trust (PEM)",
                        "description": "Empty: those that the machine trusts. Its certificate is always looked at",
                        "schema": {**text, "format": "multiline"},
                    },
                },
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "login", "extra"],
                    "relabeling": {"password": "API key"},
                    "placeholders": {"host": "hopsworks.example.org", "port": "443"},
                },
            }
        ],
    }
