"""The real KServe model server: both protocols, what a bad request is told, how it starts and ends."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from cProfile import Profile
from pathlib import Path
from typing import Any

import httpx
import joblib
import numpy as np
import processes
import pytest
from kserve import InferInput, InferRequest
from kserve.errors import InvalidInput

from pegel.data.columns import Field, Kind
from pegel_serving.request_rows import from_v1

# a process that starts beside other tests on two cores may take a while
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROWS = [["red", 1.0, 2.0], ["blue", 3.0, 4.0]]
PRICES = [18.0, 18.0]
FORM = {"content-type": "application/x-www-form-urlencoded"}


def v1(server: processes.Service, body: Any) -> httpx.Response:
    """Ask by protocol v1."""
    return httpx.post(f"{server.url}/v1/models/paint-v1:predict", json=body, trust_env=False)


def v2(server: processes.Service, inputs: list[dict[str, Any]]) -> httpx.Response:
    """Ask by protocol v2 with JSON tensors."""
    body = {"id": "7", "inputs": inputs}
    return httpx.post(f"{server.url}/v2/models/paint-v1/infer", json=body, trust_env=False)


def tensors() -> list[dict[str, Any]]:
    """Return the two rows as named tensors."""
    return [
        {"name": "colour", "shape": [2], "datatype": "BYTES", "data": ["red", "blue"]},
        {"name": "size", "shape": [2], "datatype": "FP64", "data": [1.0, 3.0]},
        {"name": "weight", "shape": [2], "datatype": "FP64", "data": [2.0, 4.0]},
    ]


def test_lists_and_objects_are_the_same_instance(server: processes.Service) -> None:
    """A v1 instance is a list in schema order or an object by name."""
    names = ("colour", "size", "weight")
    by_name = v1(server, {"instances": [dict(zip(names, row, strict=True)) for row in ROWS]})

    assert PRICES == pytest.approx(v1(server, {"instances": ROWS}).json()["predictions"])
    assert PRICES == pytest.approx(by_name.json()["predictions"])


def test_the_model_sees_what_the_monitor_counts(server: processes.Service) -> None:
    """Text of a number, truth values and missing features are the same to the model as to the monitor."""
    written = [["red", "1.0", 2], [["blue"], [3.0], " 4 "], [True, True, False], {"size": 1, "weight": 2}]
    plain = [["red", 1.0, 2.0], ["blue", 3.0, 4.0], ["true", 1.0, 0.0], [None, 1.0, 2.0]]
    predictions = [v1(server, {"instances": rows}).json()["predictions"] for rows in (written, plain)]
    named = v2(server, tensors()[1:]).json()["outputs"][0]["data"]

    assert predictions[0] == predictions[1]
    assert predictions[0][3:] == named[:1]


def test_no_instances_give_no_predictions(server: processes.Service) -> None:
    """An empty batch is a batch."""
    assert {"predictions": []} == v1(server, {"instances": []}).json()


def test_protocol_v2_takes_named_tensors(server: processes.Service) -> None:
    """One tensor per feature in, one per prediction out, with the request's id."""
    answer = v2(server, tensors()).json()

    assert ("7", "price", "FP64", [2]) == (
        answer["id"],
        answer["outputs"][0]["name"],
        answer["outputs"][0]["datatype"],
        answer["outputs"][0]["shape"],
    )
    assert PRICES == pytest.approx(answer["outputs"][0]["data"])


def test_protocol_v2_takes_binary_tensors(server: processes.Service) -> None:
    """Raw bytes behind a JSON head mean the same."""
    inputs = [
        InferInput("colour", [2], "BYTES"),
        InferInput("size", [2], "FP64"),
        InferInput("weight", [2], "FP64"),
    ]
    values = (np.array([b"red", b"blue"], dtype=object), np.array([1.0, 3.0]), np.array([2.0, 4.0]))
    for tensor, value in zip(inputs, values, strict=True):
        tensor.set_data_from_numpy(value, binary_data=True)
    body, size = InferRequest("paint-v1", inputs).to_rest()
    answer = httpx.post(
        f"{server.url}/v2/models/paint-v1/infer",
        content=body,
        headers={"content-type": "application/octet-stream", "inference-header-content-length": str(size)},
        trust_env=False,
    )

    assert PRICES == pytest.approx(answer.json()["outputs"][0]["data"])


TENSOR = {"name": "colour", "shape": [1], "datatype": "BYTES"}


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        ({"inputs": [TENSOR | {"parameters": {"binary_data_size": 6}}]}, b"\xff\xff\xff\x7fab"),
        ({"inputs": [TENSOR | {"parameters": {"binary_data_size": "6"}}]}, b"\x02\0\0\0ab"),
        ({"inputs": [TENSOR | {"parameters": {"binary_data_size": 7}, "datatype": "FP64"}]}, b"no float"),
        ({"inputs": [TENSOR | {"parameters": 5}]}, b""),
        ({"inputs": [TENSOR | {"name": ["colour"], "data": ["red"]}]}, b""),
        ({"inputs": [TENSOR | {"shape": None, "data": ["red"]}]}, b""),
        ({"inputs": [TENSOR | {"shape": [-1], "data": ["red"]}]}, b""),
        ({"inputs": [{}]}, b""),
        ({"inputs": ["red"]}, b""),
        ({}, b""),
        ([], b""),
    ],
)
def test_damaged_binary_tensors_are_a_bad_request(server: processes.Service, head: Any, rest: bytes) -> None:
    """Whoever sent them is told what was expected; they are no fault of the server, and say nothing of its insides."""
    json_head = json.dumps(head).encode()
    answer = httpx.post(
        f"{server.url}/v2/models/paint-v1/infer",
        content=json_head + rest,
        headers={"content-type": "application/octet-stream", "inference-header-content-length": str(len(json_head))},
        trust_env=False,
    )

    assert 400 == answer.status_code
    assert "expected a JSON head" in answer.json()["error"]


def test_metadata_names_every_tensor(server: processes.Service) -> None:
    """The schema can be read from the running model."""
    metadata = httpx.get(f"{server.url}/v2/models/paint-v1", trust_env=False).json()

    assert [("colour", "BYTES"), ("size", "FP64"), ("weight", "FP64")] == [
        (tensor["name"], tensor["datatype"]) for tensor in metadata["inputs"]
    ]
    assert [("price", "FP64")] == [(tensor["name"], tensor["datatype"]) for tensor in metadata["outputs"]]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"rows": []}, "instances"),
        ({"instances": [["red", 1.0]]}, "expected 3 values (colour, size, weight); given: 2 values"),
        ({"instances": [["red", 1.0, 2.0], "red"]}, "instances[1]"),
        ({"instances": [["red", "heavy", 2.0]]}, "instances[0].size: expected a number or null; given: text"),
        ({"instances": [["red", "1,5", 2.0]]}, "instances[0].size: expected a number or null; given: text"),
        ({"instances": [[{}, 1.0, 2.0]]}, "instances[0].colour: expected text or null; given: an object"),
        ({"instances": [{"colour": "red", "weihgt": 2.0}]}, "unknown features weihgt; did you mean `weight`?"),
        ({"instances": [["red", None, 2.0]]}, "cannot predict on these values"),
    ],
)
def test_a_bad_v1_request_is_told_what_was_expected(server: processes.Service, body: Any, says: str) -> None:
    """The status is 400, and the sentence names row and feature, never the value."""
    answer = v1(server, body)

    assert 400 == answer.status_code
    assert says in answer.json()["error"]
    assert "heavy" not in answer.text


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([*tensors()[:2], tensors()[2] | {"name": "mass"}], "expected the tensors colour, size, weight; given: colour"),
        ([*tensors()[:2], tensors()[2] | {"name": "weihgt"}], "given: colour, size, weihgt; did you mean `weight`?"),
        ([*tensors(), tensors()[0]], "expected each tensor once; given twice: colour"),
        ([tensors()[2] | {"name": "weihgt"}], "given: [2]; did you mean `weight`?"),
        ([{"name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1.0, 2.0]}], "shape [rows, 3]; given: [1, 2]"),
        ([*tensors()[:2], {"name": "weight", "shape": [1], "datatype": "FP64", "data": [2.0]}], "one value per row"),
    ],
)
def test_a_bad_v2_request_is_told_what_was_expected(
    server: processes.Service, inputs: list[dict[str, Any]], says: str
) -> None:
    """The same holds for tensors."""
    answer = v2(server, inputs)

    assert 400 == answer.status_code
    assert says in answer.json()["error"]


def test_a_refused_request_costs_one_comparison_of_names_however_many_are_wrong() -> None:
    """Anybody may send wrong names all day: the first one is compared with the features, and once."""
    fields = [Field(f"reading_{at}", Kind.NUMERIC) for at in range(50)]
    instance = {f"raeding_{at}": 1.0 for at in range(20)}

    def refused() -> tuple[str, int]:
        profile = Profile()
        with pytest.raises(InvalidInput) as caught:
            profile.runcall(from_v1, {"instances": [instance]}, fields)
        calls = [entry.callcount for entry in profile.getstats() if "get_close_matches" in str(entry.code)]
        return str(caught.value), sum(calls)

    (first, compared), (second, again) = refused(), refused()

    assert (1, 0) == (compared, again)
    assert (True, first) == ("did you mean `reading_0`?" in first, second)


def test_broken_json_is_the_clients_error(server: processes.Service) -> None:
    """Not a number is not JSON either."""
    url = f"{server.url}/v1/models/paint-v1:predict"
    answer = httpx.post(url, content=b'{"instances": [[NaN]]}', trust_env=False)

    assert 400 == answer.status_code


def test_logs_are_json_without_payloads_or_traces(server: processes.Service) -> None:
    """One event a line; what a client did wrong leaves no trace of the values it sent."""
    v1(server, {"instances": [["secret-colour", "secret-size", 2.0]]})
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]

    assert {"model-server"} == {line["service"] for line in lines}
    assert "secret" not in server.log.read_text()
    assert not any("Traceback" in line.get("exception", "") for line in lines)


def lines_of(server: processes.Service) -> list[dict[str, Any]]:
    """Return what the server has logged."""
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def test_what_is_refused_is_in_the_log(server: processes.Service) -> None:
    """The sentence of the answer is that of the log, whether model, features or form of the body are why."""
    answers = [
        v1(server, {"instances": [["red", None, 2.0]]}),
        v1(server, {"instances": [["red", "heavy", 2.0]]}),
        v2(server, [{"name": "size"}]),
        httpx.post(f"{server.url}/v1/models/paint-v1:predict", content=b"a=b", headers=FORM, trust_env=False),
    ]
    sentences = [answer.json()["error"] for answer in answers]

    assert [400, 400, 400, 415] == [answer.status_code for answer in answers]
    assert set(sentences) <= {line.get("why") for line in lines_of(server)}
    assert sentences[0].endswith("(missing: size)")


def test_no_request_has_a_line_of_its_own(server: processes.Service) -> None:
    """What is answered is not logged, and a refusal that comes again is counted: no log is flooded by its traffic."""
    before = len(lines_of(server))
    for _ in range(16):
        v1(server, {"instances": ROWS})
        v1(server, {"instances": [["red"]]})
    lines = lines_of(server)[before:]

    assert {"request refused"} == {line["event"] for line in lines}
    assert {"instances[0]: expected 3 values (colour, size, weight); given: 1 value"} == {line["why"] for line in lines}
    # half of them can be of the next minute
    assert len(lines) <= 8
    assert 8 <= max(line["times"] for line in lines)


def test_a_failure_of_the_model_is_one_line(
    services: Callable[..., processes.Service], model_folder: Path, tmp_path: Path
) -> None:
    """What a client is answered with 500 is in the log once, with where it came from; what comes again is counted."""
    folder = shutil.copytree(model_folder, tmp_path / "model")
    model = joblib.load(folder / "model.joblib")
    del model[-1].intercept_
    joblib.dump(model, folder / "model.joblib")
    options = ("--model-dir", str(folder), "--name", "paint-v1")
    server = services("pegel_serving.server", *options, log=tmp_path / "log")
    before = len(lines_of(server))
    first = v1(server, {"instances": ROWS})
    after_one = lines_of(server)[before:]
    answers = [v2(server, tensors()), *(v1(server, {"instances": ROWS}) for _ in range(14))]
    lines = lines_of(server)[before:]

    assert {500} == {answer.status_code for answer in (first, *answers)}
    assert [("the model failed", first.json()["error"], 1)] == [
        (line["event"], line["why"], line["times"]) for line in after_one
    ]
    assert all("AttributeError" in line["exception"] for line in lines)
    # half of them can be of the next minute
    assert len(lines) <= 8


def test_it_ends_with_code_0_on_sigterm(
    services: Callable[..., processes.Service], model_folder: Path, tmp_path: Path
) -> None:
    """A wanted end is no failure."""
    options = ("--model-dir", str(model_folder), "--name", "paint-v1")

    assert 0 == services("pegel_serving.server", *options, log=tmp_path / "log").end()


def test_a_folder_without_a_model_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 1 and what is missing; nothing listens."""
    command = [sys.executable, "-m", "pegel_serving.server", "--model-dir", str(tmp_path), "--name", "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=40)

    assert 1 == done.returncode
    assert "metadata.json: `pegel model init " in done.stderr
    assert "Traceback" not in done.stderr
