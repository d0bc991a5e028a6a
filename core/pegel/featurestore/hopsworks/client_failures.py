"""What went wrong with Hopsworks, in one sentence, and whether trying again may help.

Told apart by what the client and `requests` below it raise; by names, so that neither is imported to read a sentence.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from pegel.errors import Conflict, NotFound, PegelError, SetupError, Unavailable
from pegel.featurestore.hopsworks.connection import NOTHING, HopsworksConnection
from pegel.spec.outside_text import shown

SCOPES = "project, featurestore, dataset.view, modelregistry, serving, kafka"
"""Of an API key that may do everything that is asked for here."""
_TORN = frozenset({"ChunkedEncodingError", "ContentDecodingError"})
_OF_PYTHON = frozenset({"TypeError", "AttributeError", "LookupError", "ValueError"})
"""What the client, and we, stumble with over a reply that lacks a part, or has another in its place."""
_UNTRUSTED = re.compile(r"certificate verify failed: ([^(\"']+)")


def in_words(error: BaseException, connection: HopsworksConnection, what: str = "") -> PegelError | None:
    """Return what an exception of the client means; None for one that is none of its failures.

    `what` is that which was asked for by its name, where a 404 says that it is not there.
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "PegelError" in kinds:
        return error if isinstance(error, PegelError) else None
    if "ProjectException" in kinds and error.__cause__ is not None:
        return in_words(error.__cause__, connection, f"project {connection.project}")
    if "CommitFailedError" in kinds or isinstance(error, FileExistsError):
        return Conflict(f"somebody else wrote to {what} at the same moment. None of these rows was written.")
    if "RestAPIError" in kinds:
        return _refused(error, connection, what or f"project {connection.project}")
    return _unreached(error, kinds, connection)


def _refused(error: Any, connection: HopsworksConnection, what: str) -> PegelError:
    """Return what a status of an answer means."""
    status, said, where = int(error.response.status_code), _said(error), f"Hopsworks at {connection.address}"
    if status == HTTPStatus.UNAUTHORIZED:
        return SetupError(
            f"{where} does not accept the API key in {connection.key_file}{said}: make one in its account settings "
            "and put it there. Nothing was changed."
        )
    if status == HTTPStatus.FORBIDDEN:
        return SetupError(
            f"{where} does not let the API key in {connection.key_file} do that{said}: it needs the scopes {SCOPES}, "
            f"and its owner must be a member of {connection.project}. Nothing was changed."
        )
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(f"{where} shows the owner of the API key no {what}{said}. Nothing was changed.")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        again = error.response.headers.get("Retry-After")
        return Unavailable(
            f"{where} has too much to do{f', and asks for {again} s of patience' if again else ''} (429)."
        )
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(f"{where} fails: it answers {status}{said}.")
    return SetupError(f"{where} refuses what it was asked: it answers {status}{said}. Nothing was changed.")


def _said(error: Any) -> str:
    """Return what the answer says of itself, to be put into a sentence."""
    try:
        told = error.response.json()
        words = told.get("usrMsg") or told.get("errorMsg") or ""
    except (ValueError, AttributeError):
        return ""
    return f" ({shown(str(words))})" if words else ""


def _unreached(error: BaseException, kinds: set[str], connection: HopsworksConnection) -> PegelError | None:
    """Return what it means that there is no answer, or none of Hopsworks."""
    where = connection.address
    if "SSLError" in kinds:
        untrusted = _UNTRUSTED.search(f"{error} {error.__cause__}")
        why = untrusted[1].strip() if untrusted else "the connection could not be encrypted"
        return SetupError(
            f"expected a certificate of {where} that is trusted; given one that is not: {why}. "
            f"PEGEL_HOPSWORKS_CA names the certificates to trust. {NOTHING}"
        )
    if not kinds & {"RequestException", "JSONDecodeError"}:
        return _not_understood(error, kinds, connection)
    # Its own words may hold what was sent, and with that the key.
    return _of_requests(kinds, where) or SetupError(
        f"Hopsworks at {where} cannot be asked as the settings stand ({type(error).__name__}). {NOTHING}"
    )


def _not_understood(error: BaseException, kinds: set[str], connection: HopsworksConnection) -> SetupError | None:
    """Return what an exception of Python itself means, which the client lets pass; None for one of another matter."""
    if isinstance(error, OSError) and connection.ca is not None and not connection.ca.is_file():
        return SetupError(
            f"PEGEL_HOPSWORKS_CA: expected a file of certificates at {connection.ca}; none is there. {NOTHING}"
        )
    if not kinds & _OF_PYTHON:
        return None
    # A ValueError may repeat what was sent, and with that the key.
    said = "" if "ValueError" in kinds else f": {shown(str(error))}"
    return SetupError(
        f"Hopsworks at {connection.address} answers what is not understood here ({type(error).__name__}{said}): "
        "expected the replies of Hopsworks 5.2, or what it keeps is damaged. Nothing was changed."
    )


def _of_requests(kinds: set[str], where: str) -> Unavailable | None:
    """Return which failure may be over later; None for one of what was asked."""
    if "Timeout" in kinds:
        return Unavailable(f"Hopsworks at {where} does not answer in time.")
    if kinds & _TORN:
        return Unavailable(f"what Hopsworks at {where} answers breaks off, or is damaged on its way.")
    if kinds & {"JSONDecodeError", "TooManyRedirects"}:
        return Unavailable(f"what answers at {where} answers in no way that Hopsworks does: is it a proxy's page?")
    if "ConnectionError" in kinds:
        return Unavailable(f"nobody answers at {where}: expected Hopsworks there.")
    return None
