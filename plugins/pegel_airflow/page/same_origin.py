"""Whether a request that changes something was sent by this page: a login's cookie travels with every request there is.

Airflow's cookie is kept from other sites by the browser (SameSite=Lax), but not from what else answers on the same host
under another port. So whoever relies on it has to come from the page's own origin, as the browser says itself. A bearer
token is sent by nobody by accident: with one, the origin does not matter.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from pegel.spec.outside_text import quoted
from pegel.spec.settings import Settings

READING = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods with which nothing is changed here."""


class ForeignRequest(HTTPException):
    """A request that did not come from this page; its detail is a sentence for who reads it."""


def refuse_foreign(request: Request) -> None:
    """Raise ForeignRequest (403) for a request that changes something, relies on a cookie and comes from elsewhere."""
    if request.method in READING or request.headers.get("authorization", "").lower().startswith("bearer "):
        return
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    same = site == "same-origin" if origin is None else _is_own(origin, request)
    if not same or site not in {None, "same-origin"}:
        raise ForeignRequest(
            403,
            f"expected a request that this page sent itself; given origin {quoted(origin)}, Sec-Fetch-Site "
            f"{quoted(site)}: nothing was changed. Programs send a bearer token instead of a cookie.",
        )


def _is_own(origin: str, request: Request) -> bool:
    """Say whether an origin is where this page is: as the settings say, should they say so, or as it was addressed.

    The scheme is compared where the settings tell it: behind what ends TLS, a request does not know its own.
    """
    settings, (scheme, place) = Settings(), _scheme_and_place(origin)
    if scheme not in {"http", "https"} or not place:
        return False
    if "page_url" in settings.model_fields_set:
        public_scheme, public_place = _scheme_and_place(settings.page_url)
        if place == public_place:
            return scheme == public_scheme
    return place == _scheme_and_place(f"//{request.headers.get('host', '')}")[1]


def _scheme_and_place(address: str) -> tuple[str, str]:
    """Return an address's scheme and its host and port, the scheme's own port left out; empty texts where none is."""
    try:
        parts = urlsplit(address.lower())
        port = parts.port
    except ValueError:
        return "", ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, f"{parts.hostname or ''}{'' if port in {None, usual} else f':{port}'}"
