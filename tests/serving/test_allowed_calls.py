"""What passes the proxy is a short list; everything else that a path can be made to look like does not."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pegel_serving.allowed_calls import AllowedCall, CallRefused, allowed_call

MODEL = "delays-v1"
EXPLANATION = b"/v1/models/delays-v1:explain"
INFERENCES = [
    "/v1/models/delays-v1:predict",
    "/v2/models/delays-v1/infer",
    "/v2/models/delays-v1/versions/7/infer",
]
QUESTIONS = [
    "/",
    "/v1/models",
    "/v1/models/delays-v1",
    "/v2",
    "/v2/health/live",
    "/v2/health/ready",
    "/v2/models",
    "/v2/models/delays-v1",
    "/v2/models/delays-v1/ready",
    "/v2/models/delays-v1/versions/7",
    "/v2/models/delays-v1/versions/7/ready",
]


@pytest.mark.parametrize(
    ("method", "path", "is_inference"),
    [*(("POST", path, True) for path in INFERENCES), *(("GET", path, False) for path in QUESTIONS)],
)
def test_inference_readiness_and_metadata_pass(method: str, path: str, is_inference: bool) -> None:
    """Both protocols; only what predicts is logged."""
    assert AllowedCall(path, is_inference) == allowed_call(method, path.encode(), MODEL)


@given(st.sampled_from(INFERENCES), st.sets(st.integers(0, 60)))
def test_what_is_forwarded_is_what_was_judged(path: str, places: set[int]) -> None:
    """Whichever letters a client writes encoded, the server sees the plain path."""
    written = "".join(f"%{ord(letter):02x}" if at in places else letter for at, letter in enumerate(path))

    assert AllowedCall(path, is_inference=True) == allowed_call("POST", written.encode(), MODEL)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "BREW"])
@pytest.mark.parametrize("path", [INFERENCES[0], QUESTIONS[2]])
def test_a_path_takes_its_one_method(method: str, path: str) -> None:
    """Any other is answered 405."""
    with pytest.raises(CallRefused) as refusal:
        allowed_call(method, path.encode(), MODEL)

    assert 405 == refusal.value.status


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    [
        "/v2/repository/models/delays-v1/unload",
        "/v2/repository/models/delays-v1/load",
        "/v2/repository/index",
        "/v2/models/../repository/models/delays-v1/unload",
        "/v2/models/%2e%2e/repository/models/delays-v1/unload",
        "/v2/models/..%2frepository%2fmodels%2fdelays-v1%2funload",
        "/v2/models/%252e%252e/repository/models/delays-v1/unload",
        "/v2/./repository/models/delays-v1/unload",
        "//v2/repository/models/delays-v1/unload",
        "/v2//repository/models/delays-v1/unload",
        "/v2\\repository\\models\\delays-v1\\unload",
        "/v2/repository;/models/delays-v1/unload",
        "/V2/repository/models/delays-v1/unload",
        "/V2/models/delays-v1/infer",
        "/v2/models/delays-v1/infer/",
        "/v2/models/delays-v1/infer%00",
        "/v2/models/delays-v1/infer%0a",
        "/v2/models/delays-v1%3funload/infer",
        "/v2/models/delays-v1/explain",
        "/v1/models/delays-v1:predict:predict",
        "/v1/models/:predict",
        "/v1/models/" + "m" * 254 + ":predict",
        "/v2/models/delays-v1/generate",
        "/metrics",
        "/docs",
        "/openapi.json",
        "/openai/v1/completions",
        "/inference.GRPCInferenceService/ModelInfer",
        "/inference.GRPCInferenceService/RepositoryModelUnload",
        "/livez",
        "*",
        "",
    ],
)
def test_nothing_else_passes(method: str, path: str) -> None:
    """However it is written: dots, slashes, capitals, encodings, other protocols, the server's own pages."""
    with pytest.raises(CallRefused) as refusal:
        allowed_call(method, path.encode(), MODEL)

    assert 404 == refusal.value.status


@pytest.mark.parametrize("path", [*INFERENCES, *(path for path in QUESTIONS if "delays-v1" in path)])
@pytest.mark.parametrize("other", ["delays-v2", "delays-v10", "delays-v", "Delays-v1", "delays-v1.0", "x"])
def test_no_other_model_is_asked_through_this_endpoint(path: str, other: str) -> None:
    """The model server would answer 404, and the request would be a row of the model that is served here."""
    with pytest.raises(CallRefused, match="serves the model delays-v1") as refusal:
        allowed_call("POST" if path in INFERENCES else "GET", path.replace("delays-v1", other).encode(), MODEL)

    assert 404 == refusal.value.status


@given(st.text(alphabet="/v12modelsrpityunac.:%25eEfF-\\;?", max_size=40))
def test_no_path_reaches_the_repository(tail: str) -> None:
    """Whatever is made of the letters of an unload, what passes has not `repository` in it and no dots for a folder."""
    for path in (f"/v2/{tail}", f"/v2/models/{tail}/infer", quote(tail)):
        try:
            passed = allowed_call("POST", path.encode(), MODEL).path
        except CallRefused:
            continue

        assert "/../" not in passed
        assert not passed.startswith("/v2/repository")


def test_explanations_pass_where_they_are_open_and_are_no_predictions() -> None:
    """A model's own explanations may be asked for, by POST alone; no answer of them is taken for a prediction."""
    passed = allowed_call("POST", EXPLANATION, MODEL, explains=True)

    assert AllowedCall(EXPLANATION.decode(), is_inference=False, is_explanation=True) == passed
    for method, path in (("GET", EXPLANATION), ("POST", b"/v1/models/other-v1:explain")):
        with pytest.raises(CallRefused):
            allowed_call(method, path, MODEL, explains=True)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [EXPLANATION, EXPLANATION.replace(b":", b"%3a"), b"/v1/models/delays-v1%3Aexpl%61in"])
def test_explanations_are_closed_unless_somebody_opens_them(method: str, path: bytes) -> None:
    """However it is written, and the answer says what would open them."""
    with pytest.raises(CallRefused, match=r"attribution\.on_request") as refusal:
        allowed_call(method, path, MODEL)

    assert 404 == refusal.value.status
