"""Where an alert and its model stand on the pages, below the address of these."""

from __future__ import annotations

from pegel.alerts.alert import Alert


def alert_place(alert: Alert) -> str:
    """Return where an alert stands alone on the page of all, to be acknowledged there; below the pages' address."""
    return f"alerts?q={alert.id[:8]}"


def model_place(alert: Alert) -> str:
    """Return where the page of its model is, likewise."""
    return f"models/{alert.model}/{alert.version}"


def address(place: str, page_url: str) -> str:
    """Return the address of a place; `page_url`: that of the pages."""
    return f"{page_url.rstrip('/')}/{place}"
