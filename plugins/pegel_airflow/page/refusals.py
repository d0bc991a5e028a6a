"""What was refused, in words: as a page with the way back, as JSON for a program that asks for JSON."""

from __future__ import annotations

from typing import Any, Final

from airflow.api_fastapi.app import get_auth_manager
from fastapi import FastAPI, Request
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException

from pegel.errors import InvalidSpec, NotFound, PegelError, Unavailable
from pegel.spec.outside_text import quoted
from pegel_airflow.page.render import HEADERS, page, wants_json
from pegel_airflow.page.same_origin import READING, ForeignRequest

SEE_OTHER = 303
UNKNOWN, FORBIDDEN, ABSENT, WRONG_METHOD, INVALID, FAILED, AWAY = 401, 403, 404, 405, 422, 500, 503
WORDS: Final = {
    UNKNOWN: "You are not logged in, or not any longer. Log in, and press again.",
    FORBIDDEN: "Your role in Airflow does not allow this.",
    ABSENT: "There is no such page.",
    WRONG_METHOD: "There is no such page, or it is not asked for in this way.",
}
"""What is said of statuses whose own words say less."""
_EXPECTED: Final = {
    "missing": "a value",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number, and no such large one",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number from {ge} on",
    "less_than_equal": "a number up to {le}",
    "string_too_short": "at least {min_length} letters",
    "string_too_long": "at most {max_length} letters",
    "string_pattern_mismatch": "some words",
}
"""What was expected of an address or a form, by what pydantic calls the fault, with what it says of the limit."""


def explain_refusals(app: FastAPI) -> None:
    """Let `app` answer in words whenever it refuses."""
    app.add_exception_handler(PegelError, _failure)
    app.add_exception_handler(HTTPException, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)


def _failure(request: Request, error: Exception) -> Response:
    """Say an expected failure in its words: 404 for what is not there, 422 for refused input, 503 for what is away."""
    statuses = ((NotFound, ABSENT), (InvalidSpec, INVALID), (Unavailable, AWAY))
    status = next((number for kind, number in statuses if isinstance(error, kind)), FAILED)
    if wants_json(request):
        return JSONResponse({"detail": str(error)}, status)
    return _in_words(request, status, str(error))


async def _refusal(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if wants_json(request):
        return await http_exception_handler(request, error)
    if error.status_code == UNKNOWN and request.method in READING and _is_browser(request):
        return RedirectResponse(get_auth_manager().get_url_login(next_url=_asked(request)), SEE_OTHER, headers=HEADERS)
    # Airflow refuses with one or two words, this page with a sentence.
    own = str(error.detail)
    said = own if isinstance(error, ForeignRequest) else WORDS.get(error.status_code, own)
    answer = _in_words(request, error.status_code, said)
    answer.headers.update(error.headers or {})
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    if wants_json(request):
        return await request_validation_exception_handler(request, error)
    return _in_words(request, INVALID, " ".join(map(_fault, error.errors())))


def _fault(fault: dict[str, Any]) -> str:
    """Return a sentence: what was expected where, and what was given."""
    known = _EXPECTED.get(fault["type"])
    expected = fault["msg"] if known is None else f"expected {known.format(**fault.get('ctx', {}))}"
    given = "none" if fault["type"] == "missing" else quoted(fault["input"])
    return f"{fault['loc'][-1]}: {expected}; given {given}."


def _is_browser(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _asked(request: Request) -> str:
    """Return the address that was asked for as this server's own: its path and its query."""
    return f"{request.url.path}?{request.url.query}" if request.url.query else request.url.path


def _in_words(request: Request, status: int, message: str) -> Response:
    asked = request.method not in READING
    # A verb has no page of its own: it is the last part of its model's address.
    back = request.url.path.rsplit("/", 1)[0] if asked and status not in {ABSENT, WRONG_METHOD} else ""
    login = get_auth_manager().get_url_login(next_url=back or request.url.path) if status == UNKNOWN else None
    title = ("It is not certain that this was done" if status == AWAY else "Nothing was changed") if asked else ""
    return page(request, "error.html", status=status, message=message, title=title, back=back, login=login)
