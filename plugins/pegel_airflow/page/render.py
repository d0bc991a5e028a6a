"""The page's templates as answers: a frame of our own around the sections that reports on paper have as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from markupsafe import Markup

if TYPE_CHECKING:
    from jinja2 import Environment

FOLDER = Path(__file__).parent


HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Nothing from elsewhere is loaded, and nobody else may frame the page. `unsafe-inline` is for styles only."""


UNUSABLE = 400


def wants_json(request: Request) -> bool:
    """Say whether a program asks, which reads JSON and no pages."""
    accepted = request.headers.get("accept", "")
    return "json" in accepted and "text/html" not in accepted


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    now: datetime | None = None,
    unusable: Sequence[str] = (),
    **values: object,
) -> Response:
    """Answer with a template of this package. What comes from data is escaped; a name without a value is an error.

    Args:
        request: What was asked.
        template: The template's name.
        status: The status of the answer.
        now: What the page calls the present; None means the clock's.
        unusable: What of the address is of no use, in sentences, which stand above all else; the status is 400 then.
        values: What the template needs.
    """
    if unusable:
        status = UNUSABLE
        if wants_json(request):
            return JSONResponse({"detail": " ".join(unusable)}, status)
    values = {"here": "", "unusable": unusable} | values
    values |= {"root": request.scope.get("root_path", ""), "now": now or datetime.now(UTC)}
    text = _environment().get_template(template).render(**values)
    return HTMLResponse(text, status_code=status, headers=HEADERS)


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
