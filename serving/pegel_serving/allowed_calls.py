"""Which calls pass the proxy: inference, readiness and metadata of KServe's protocols, and nothing else.

A model server also unloads models, shows its metrics and describes itself to whoever asks. Clients have no business
there, so what is not listed is not forwarded. A call that names another model than the one served is not, either: it
would be logged under this endpoint's name. Explanations pass only where the spec opens them. A path is decoded once and
must match whole; what is forwarded is the decoded path, so the server sees exactly what was judged.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from pegel.spec import names

_NAME = names.SERVED_NAME
_VERSIONED = rf"/v2/models/(?P<v2>{_NAME})(/versions/{_NAME})?"
_INFERENCE = re.compile(rf"/v1/models/(?P<v1>{_NAME}):predict|{_VERSIONED}/infer")
_EXPLANATION = re.compile(rf"/v1/models/(?P<v1>{_NAME}):explain(?P<v2>)")
_QUESTION = re.compile(rf"/|/v1/models(/(?P<v1>{_NAME}))?|/v2|/v2/health/(live|ready)|/v2/models|{_VERSIONED}(/ready)?")

NOT_FOUND, METHOD_NOT_ALLOWED = 404, 405


@dataclass(frozen=True, slots=True)
class AllowedCall:
    """A call that is forwarded, to `path`. An inference is logged; a question, or rows to be explained, are not."""

    path: str
    is_inference: bool
    is_explanation: bool = False


class CallRefused(Exception):
    """A call that is not forwarded, with the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        """Remember what the client is told."""
        super().__init__(message)
        self.status = status


def allowed_call(method: str, raw_path: bytes, model: str, *, explains: bool = False) -> AllowedCall:
    """Return the call of `model` that a method and a path as it came, without query, ask for. Raises CallRefused.

    `explains`: whether rows may be explained.

    >>> allowed_call("POST", b"/v1/models/delays-v1%3Apredict", "delays-v1")
    AllowedCall(path='/v1/models/delays-v1:predict', is_inference=True)
    """
    path = unquote_to_bytes(raw_path).decode("latin-1")
    for pattern, allowed in ((_INFERENCE, "POST"), (_EXPLANATION, "POST"), (_QUESTION, "GET")):
        match = pattern.fullmatch(path)
        if match is None:
            continue
        if (match["v1"] or match["v2"] or model) != model:
            raise CallRefused(NOT_FOUND, f"this endpoint serves the model {model}, no other")
        if pattern is _EXPLANATION and not explains:
            raise CallRefused(
                NOT_FOUND, "nothing is explained here on request: the spec's attribution.on_request is off"
            )
        if method != allowed:
            raise CallRefused(METHOD_NOT_ALLOWED, f"this path takes {allowed} only")
        return AllowedCall(path, is_inference=pattern is _INFERENCE, is_explanation=pattern is _EXPLANATION)
    raise CallRefused(NOT_FOUND, "this endpoint takes inference, readiness and metadata calls of protocols v1 and v2")
