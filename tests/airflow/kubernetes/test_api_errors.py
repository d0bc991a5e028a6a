"""What an API server answers, as errors of Pegel's tree."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from pegel.errors import Conflict, InvalidSpec, NotFound, PermanentError, SetupError, Unavailable
from pegel_airflow.kubernetes.api_errors import Refusal, seconds_asked

DOING = "apply InferenceService team-a/delays-v1"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def status(code: int, message: str, causes: list[dict[str, str]] | None = None) -> str:
    """Return the body of an API server's error."""
    return json.dumps(
        {"kind": "Status", "status": "Failure", "code": code, "message": message, "details": {"causes": causes or []}}
    )


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (400, InvalidSpec),
        (401, SetupError),
        (403, SetupError),
        (404, NotFound),
        (408, Unavailable),
        (409, Conflict),
        (410, Conflict),
        (413, PermanentError),
        (422, InvalidSpec),
        (429, Unavailable),
        (500, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
    ],
)
@pytest.mark.parametrize("body", [None, "", "<html>Bad Gateway</html>", b"\xff\xfe", "[1]", status(0, "why")])
def test_the_status_says_whether_to_try_again(code: int, expected: type[Exception], body: Any) -> None:
    """Whatever the body is, the error's class follows the status, and its message says what was asked for."""
    error = Refusal.read(code, body).error(DOING)
    # A path that an API server does not know has no object of ours behind it: something is not installed.
    unknown_path = code == 404 and body != status(0, "why")

    assert (SetupError if unknown_path else expected) is type(error)
    assert DOING in str(error)


def test_a_wrong_field_is_named() -> None:
    """Each cause of a refusal is a line with its field."""
    causes = [{"field": "spec.predictor.minReplicas", "message": "Invalid value: -1", "reason": "FieldValueInvalid"}]
    error = Refusal.read(422, status(422, "is invalid", causes)).error(DOING)

    assert "spec.predictor.minReplicas: Invalid value: -1" == str(error).splitlines()[1]


def test_an_unknown_field_is_never_tried_again() -> None:
    """Server-side apply answers 500 for it, which is as permanent as any wrong field."""
    message = "failed to create typed patch object: .spec.modell: field not declared in schema"

    assert isinstance(Refusal.read(500, status(500, message)).error(DOING), InvalidSpec)


def test_a_missing_permission_is_named() -> None:
    """The message holds the verb, the resource and the account, in the words of the API server."""
    said = (
        'inferenceservices.serving.kserve.io "a" is forbidden: User "system:serviceaccount:airflow:worker" cannot '
        'patch resource "inferenceservices" in API group "serving.kserve.io" in the namespace "team-a"'
    )
    error = str(Refusal.read(403, status(403, said)).error(DOING))

    assert f"a permission is missing to {DOING}: {said}" == error.partition(";")[0]


def test_a_conflict_names_the_fields_of_others() -> None:
    """Server-side apply says which manager owns which field."""
    causes = [{"field": ".spec.predictor.logger.url", "message": 'conflict with "kubectl-edit"'}]
    error = Refusal.read(409, status(409, "Apply failed with 1 conflict", causes)).error(DOING)

    assert '.spec.predictor.logger.url: conflict with "kubectl-edit"' == str(error).splitlines()[-1]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (None, None),
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"Retry-After": "-1"}, 0.0),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Sun, 29 Nov 2026 12:00:07 GMT"}, 7.0),
        ({"Retry-After": "Sun, 29 Nov 2026 11:00:00 GMT"}, 0.0),
    ],
)
def test_a_pause_is_read_in_either_form(headers: dict[str, str] | None, expected: float | None) -> None:
    """`Retry-After` holds seconds or a date; what is neither asks for nothing."""
    assert expected == seconds_asked(headers, NOW)
