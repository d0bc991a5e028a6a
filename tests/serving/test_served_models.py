"""Models as people bring them, behind KServe's own application: frames, classes, outputs, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import fitted_models
import httpx
import joblib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kserve.model_server import app
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.data.decoding import decode_batch
from pegel.errors import SetupError
from pegel_serving.fitted_model import FittedModel
from pegel_serving.metadata import METADATA_FILE, MODEL_FILE, Metadata
from pegel_serving.model_columns import frame_of
from pegel_serving.model_features import missing_text
from pegel_serving.served_model import SklearnModel
from pegel_serving.server import rest_server

pytestmark = [
    pytest.mark.slow,  # the first import of KServe and scikit-learn
    pytest.mark.filterwarnings("ignore:ORJSONResponse is deprecated"),  # how KServe 0.21 answers by protocol v1
]

TICKET: dict[str, Any] = {
    "opened": "2026-03-03T10:00:00+01:00",
    "channel": "mail",
    "language": "de",
    "paid": True,
    "words": 3,
}
EVENT = {"ce-id": "1", "ce-type": "t", "ce-source": "here", "ce-specversion": "1.0"}
BOXES = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [1.0, 10.0, 2.0, 20.0]}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of all models, each under its name."""
    root = tmp_path_factory.mktemp("models")
    fitted_models.write_tickets(root / "tickets")
    fitted_models.write_two_outputs(root / "boxes")
    fitted_models.write_trees(root / "trees")
    fitted_models.write_moody(root / "moody")
    return root


@pytest.fixture(scope="module", autouse=True)
def served(folders: Path) -> None:
    """KServe's application, of which a process has but one, serves all models."""
    models = [SklearnModel(folder.name, folder) for folder in folders.iterdir()]
    for model in models:
        model.load()
    rest_server(models, 0)


def asked(path: str, *, root: str = "", **request: Any) -> httpx.Response:
    """Post to the application, which stands below `root`, and return its answer."""

    async def post() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://models") as client:
            return await client.post(root + path, **request)

    return asyncio.run(post())


def v1(name: str, *instances: Any) -> httpx.Response:
    """Ask by protocol v1."""
    return asked(f"/v1/models/{name}:predict", json={"instances": list(instances)})


def v2(name: str, *inputs: dict[str, Any]) -> httpx.Response:
    """Ask by protocol v2, without an id."""
    return asked(f"/v2/models/{name}/infer", json={"inputs": list(inputs)})


def tensor(name: str, datatype: str, *values: Any) -> dict[str, Any]:
    """Return one tensor with one value per row."""
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": list(values)}


def ticket_tensors() -> list[dict[str, Any]]:
    """Return the ticket as tensors."""
    datatypes = {"paid": "BOOL", "words": "INT64"}
    return [tensor(name, datatypes.get(name, "BYTES"), value) for name, value in TICKET.items()]


def test_a_classifier_answers_the_class_and_the_probability_of_each(folders: Path) -> None:
    """One object by name: the class, what the model thought of it, and the probability of every class."""
    (answer,) = v1("tickets", TICKET).json()["predictions"]

    assert ["urgent", "urgent_probability", "urgent_probability_no", "urgent_probability_yes"] == list(answer)
    assert "yes" == answer["urgent"]
    assert answer["urgent_probability"] == answer["urgent_probability_yes"] == 1 - answer["urgent_probability_no"]


def test_the_monitor_reads_class_and_probability_of_both_protocols(folders: Path) -> None:
    """What is watched are the predictions of the schema; the rest of an answer is left where it is."""
    answers = [v1("tickets", TICKET), v2("tickets", *ticket_tensors())]
    schema = Metadata.read(folders / "tickets").schema
    read = decode_batch([answer.content for answer in answers], schema, Role.PREDICTION)

    assert {} == read.errors
    assert ["yes", "yes"] == read.columns.categorical[0].tolist()
    assert [answers[0].json()["predictions"][0]["urgent_probability"]] * 2 == read.columns.numeric[:, 0].tolist()


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("tickets", {"json": {"instances": [TICKET]}}),
        ("tickets", {"json": {"instances": [{**TICKET, "words": "many"}]}}),
        ("tickets", {"json": {"instances": 1}}),
        ("tickets", {"content": b"{", "headers": {"content-type": "application/json"}}),
        ("tickets", {"content": b"{}", "headers": {"content-type": "text/plain"}}),
        ("tickets", {"json": {"instances": [TICKET]}, "headers": EVENT}),
        ("moody", {"json": {"instances": [{"a": 1.0}]}}),
        ("nobody", {"json": {"instances": []}}),
        ("%74ickets", {"json": {"instances": [TICKET]}}),
        ("a/b", {"json": {"instances": []}}),
    ],
)
def test_the_short_way_answers_as_the_usual_one(name: str, request_: dict[str, Any]) -> None:
    """Below another root, where nobody looks for a short way, status, headers and body are the same."""
    path = f"/v1/models/{name}:predict"
    short, usual = asked(path, **request_), asked(path, root="/elsewhere", **request_)
    drawn = {"ce-id", "ce-time"}

    assert (short.status_code, short.content) == (usual.status_code, usual.content)
    assert [pair for pair in short.headers.items() if pair[0] not in drawn] == [
        pair for pair in usual.headers.items() if pair[0] not in drawn
    ]


def test_a_v2_request_without_an_id_has_one_drawn() -> None:
    """The protocol says that it may be left out."""
    ids = [v2("tickets", *ticket_tensors()).json()["id"] for _ in range(2)]

    assert 2 == len(set(ids))


def test_the_metadata_call_names_what_is_answered() -> None:
    """Class, its probability, and those of all classes."""

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://models") as client:
            return await client.get("/v2/models/tickets")

    outputs = asyncio.run(get()).json()["outputs"]

    assert [("urgent", "BYTES"), ("urgent_probability", "FP64")] == [(o["name"], o["datatype"]) for o in outputs][:2]
    assert 4 == len(outputs)


def test_several_outputs_are_fields_by_both_protocols() -> None:
    """Each output has its name; rows are listed as the schema says, and the model's frame has its own order."""
    rows = v1("boxes", [1.0, 10.0], [2.0, 20.0]).json()["predictions"]
    outputs = {output["name"]: output["data"] for output in v2("boxes", BOXES).json()["outputs"]}

    assert ["width", "height"] == list(outputs)
    assert [2.0, 30.0, 4.0, 60.0] == pytest.approx([value for row in rows for value in row.values()])
    assert outputs == {name: [row[name] for row in rows] for name in outputs}


def test_labels_that_are_no_text_keep_their_kind_where_the_protocol_has_it() -> None:
    """A truth value is one in JSON, and its text in a tensor of BYTES."""
    assert [True, False] == v1("trees", ["mail", 1], ["web", 1]).json()["predictions"]
    tensors = tensor("channel", "BYTES", "mail", "web"), tensor("words", "FP64", 1, 1)
    assert ["true", "false"] == v2("trees", *tensors).json()["outputs"][0]["data"]


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_number_that_json_cannot_write_is_null() -> None:
    """Neither protocol fails on an infinite prediction."""
    assert None is v1("boxes", [1.7e308, 1.0]).json()["predictions"][0]["width"]
    big = BOXES | {"data": [1.7e308, 1.0, 1.0, 1.0]}
    assert [None, 2.0] == pytest.approx(v2("boxes", big).json()["outputs"][0]["data"])


def test_a_pipeline_gets_the_frame_it_was_fitted_on(folders: Path) -> None:
    """Times, categories, texts, truth values and integers come back from JSON as they were, missing texts included."""
    frame = fitted_models.tickets()
    expected = joblib.load(folders / "tickets" / MODEL_FILE).predict(frame).tolist()
    texts = frame.assign(opened=[time.isoformat() for time in frame["opened"]], paid=frame["paid"].astype(str))
    rows = json.loads(texts.drop(columns="urgent").to_json(orient="records"))

    assert expected == [row["urgent"] for row in v1("tickets", *rows).json()["predictions"]]


@pytest.mark.parametrize("missing", [None, np.nan])
def test_a_missing_text_is_to_the_model_what_it_was_when_it_was_fitted(missing: float | None) -> None:
    """Encoders tell None from NaN; the frame has the one that they know."""
    rows = pd.DataFrame({"colour": pd.Series(["red", missing, "red", missing], dtype=object)})
    model = make_pipeline(OneHotEncoder(), DecisionTreeClassifier()).fit(rows, ["a", "b", "a", "b"])
    fields = (Field("colour", Kind.CATEGORICAL), Field("label", Kind.CATEGORICAL, Role.PREDICTION))
    fitted = FittedModel(model, Metadata("m", 1, Schema(fields)), Path())

    assert {"label": ["b", "a"]} == fitted.answer(np.array([[None], ["red"]], dtype=object))
    assert [missing] == pytest.approx([missing_text(model)], nan_ok=True)


def test_every_type_is_the_column_that_pandas_has() -> None:
    """A frame's columns have the types that the model was fitted with; what is missing is missing in its own way."""
    types: dict[str, Any] = {
        "time": "time",
        "zoned": "time Europe/Berlin",
        "code": "number",
        "size": [1, 2],
        "sure": "truth",
        "maybe": "truth",
    }
    fields = [Field(name, Kind.NUMERIC if name == "size" else Kind.CATEGORICAL) for name in types]
    rows = np.array(
        [
            ["2026-03-01T10:00:00+01:00", "2026-03-01T09:00", "7", 2.0, "true", "True"],
            [None, None, None, 3.0, "0", None],
        ],
        dtype=object,
    )
    expected = pd.DataFrame(
        {
            "time": pd.to_datetime(["2026-03-01T09:00", None]).astype("datetime64[ns]"),
            "zoned": pd.to_datetime(["2026-03-01T10:00", None]).astype("datetime64[ns]").tz_localize("Europe/Berlin"),
            "code": [7.0, np.nan],
            "size": pd.Categorical([2, None], categories=[1, 2]),
            "sure": [True, False],
            "maybe": [1.0, np.nan],
        }
    )

    pd.testing.assert_frame_equal(expected, frame_of(rows, fields, list(types.values()), missing_text=np.nan))


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"opened": "yesterday"}, "instances[0].opened: expected a time in ISO 8601"),
        ({"opened": "9999-01-01"}, "instances[0].opened: expected a time in ISO 8601"),
        ({"paid": "perhaps"}, "instances[0].paid: expected a truth value or null; given: text"),
        ({"language": "xx"}, "ValueError: Found unknown categories ['xx'] in column 0 during transform (in language)"),
        ({"channel": "fax"}, "during transform (missing: channel)"),
    ],
)
def test_what_the_model_refuses_is_told_in_its_own_words(changed: dict[str, Any], says: str) -> None:
    """The status is 400, and the feature is named where the model names but a value."""
    answer = v1("tickets", TICKET | changed)

    assert 400 == answer.status_code
    assert says in answer.json()["error"]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from(["mail", "de", "2026-03-01", "9999-12-31T23:59:59Z", "0001-01-01", "-1", "true"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=1), st.none(), max_size=1),
)


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(TICKET, VALUES)))
def test_no_value_is_the_models_failure(row: dict[str, Any]) -> None:
    """Whatever a row holds, it is answered or refused, and the answer is JSON."""
    answer = asked("/v1/models/tickets:predict", content=json.dumps({"instances": [TICKET | row]}))

    assert answer.status_code in {200, 400}
    assert {"predictions", "error"} & answer.json().keys()


def test_what_no_value_explains_is_the_models_failure() -> None:
    """The status is 500, and the sentence is the model's own, on one line."""
    answer = v1("moody", [1.0])

    assert (500, {"error": "the model failed: RuntimeError: no licence for today nor for 1 rows"}) == (
        answer.status_code,
        answer.json(),
    )


@pytest.mark.parametrize("path", ["/v1/models/boxes:predict", "/v2/models/boxes/infer"])
@pytest.mark.parametrize("given", ["application/x-www-form-urlencoded", "text/plain; charset=utf-8"])
def test_a_wrong_content_type_is_named(path: str, given: str) -> None:
    """Form data is what curl says where nobody says anything else."""
    answer = asked(path, content=b"{}", headers={"content-type": given})

    assert (415, f"content-type must be application/json; given: '{given}'") == (
        answer.status_code,
        answer.json()["error"],
    )


@pytest.mark.parametrize("given", ["application/json; charset=utf-8", "Application/JSON", "application/ld+json", None])
def test_every_spelling_of_json_is_json(given: str | None) -> None:
    """Parameters and letters do not matter, and a body of no type is JSON."""
    headers = {} if given is None else {"content-type": given}
    instances, inputs = {"instances": [[1.0, 10.0]]}, {"inputs": [BOXES]}
    answers = [
        asked("/v1/models/boxes:predict", content=json.dumps(instances), headers=headers),
        asked("/v2/models/boxes/infer", content=json.dumps(inputs), headers=headers),
    ]

    assert [200, 200] == [answer.status_code for answer in answers]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"instances": [[1.0, 2.0]]}, """expected an object with a list "inputs" of tensors"""),
        ({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP64"}]}, "given: 'inputs.0.data: Field required'"),
        ({"inputs": [BOXES | {"data": [1.0, "a", 2.0, 3.0]}]}, "the data of the tensor x must have the shape [2, 2]"),
        ({"inputs": [BOXES | {"shape": [2, 3]}]}, "the shape [2, 3] and the datatype FP64"),
    ],
)
def test_a_body_that_is_no_v2_request_is_told_what_one_is(body: dict[str, Any], says: str) -> None:
    """Shape and datatype that the data does not have are the client's error, too."""
    answer = asked("/v2/models/boxes/infer", json=body)

    assert 400 == answer.status_code
    assert says in answer.json()["error"]


# --- folders whose parts do not fit each other ------------------------------------------------------------------------


def changed(folder: Path, **content: Any) -> Path:
    """Write other content into the metadata of a folder."""
    path = folder / METADATA_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | content))
    return folder


def without(name: str) -> list[dict[str, Any]]:
    """Return the schema of the tickets without one field."""
    fields = Schema((*fitted_models.TICKET_FIELDS, fitted_models.URGENT)).to_json()
    return [field for field in fields if field["name"] != name]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"schema": without("words")}, "it lacks words"),
        (
            {"schema": [{"name": "wrods", "kind": "numeric", "role": "feature"}, *without("words")]},
            "it lacks words, and the model does not know wrods",
        ),
        ({"types": {"channel": "thyme"}}, "channel is categorical and cannot be taken as 'thyme'"),
        ({"types": {"opened": "time Mars/Olympus"}}, "Mars/Olympus"),
        ({"types": {"channel": ["web", "web"]}}, "Categorical categories must be unique"),
        ({"types": {"nobody": "time"}}, "types: nobody is no feature"),
        ({"probabilites": True}, "unknown probabilites"),
        ({"probabilities": "yes"}, "probabilities must be true or false"),
        ({"given": "column"}, "given must be frame, or column where there is one feature"),
        (
            {"schema": [*without("urgent"), {"name": "urgent", "kind": "numeric", "role": "prediction"}]},
            "says that urgent is numeric; given: a model of the classes no, yes",
        ),
        (
            {"schema": [*without(""), {"name": "urgent_probability_on", "kind": "numeric", "role": "prediction"}]},
            "a model that answers urgent, urgent_probability, urgent_probability_no, urgent_probability_yes",
        ),
    ],
)
def test_metadata_that_does_not_fit_the_model_is_one_sentence(
    folders: Path, tmp_path: Path, content: dict[str, Any], says: str
) -> None:
    """It is told when the folder is read, not by every request."""
    (tmp_path / MODEL_FILE).symlink_to(folders / "tickets" / MODEL_FILE)
    Metadata.read(folders / "tickets").write(tmp_path)
    with pytest.raises(SetupError) as refused:
        FittedModel.load(changed(tmp_path, **content))

    assert says in str(refused.value)
    assert str(refused.value).endswith("Nothing is served.")


def test_probabilities_of_a_model_without_any_are_refused(folders: Path, tmp_path: Path) -> None:
    """A regressor has no classes."""
    (tmp_path / MODEL_FILE).symlink_to(folders / "boxes" / MODEL_FILE)
    Metadata.read(folders / "boxes").write(tmp_path)

    with pytest.raises(SetupError, match="a model without predict_proba and classes_"):
        FittedModel.load(changed(tmp_path, probabilities=True))


def test_a_model_of_a_matrix_has_as_many_columns_as_the_schema(tmp_path: Path) -> None:
    """Where there are no names, the number is compared."""
    folder = fitted_models.write_moody(tmp_path / "moody")
    field = {"name": "b", "kind": "numeric", "role": "feature"}
    schema = [field, *Metadata.read(folder).schema.to_json()]

    with pytest.raises(SetupError, match="lists 2 features; given: a model fitted on 1"):
        FittedModel.load(changed(folder, schema=schema))


def test_a_file_that_cannot_be_loaded_here_says_what_it_lacks(tmp_path: Path) -> None:
    """A function of a module that is not installed is named, with the remedy."""
    folder = fitted_models.write_moody(tmp_path / "moody")
    model = joblib.dump(make_pipeline(FunctionTransformer(fitted_models.tickets)), folder / MODEL_FILE)[0]
    Path(model).write_bytes(Path(model).read_bytes().replace(b"fitted_models", b"forgot_models"))

    with pytest.raises(SetupError, match=r"No module named 'forgot_models'; install what is missing"):
        FittedModel.load(folder)


def test_a_file_of_something_else_is_no_model(tmp_path: Path) -> None:
    """What cannot predict is named by its type."""
    folder = fitted_models.write_moody(tmp_path / "moody")
    joblib.dump({"not": "a model"}, folder / MODEL_FILE)

    with pytest.raises(SetupError, match="must hold a fitted model with `predict`; given: dict"):
        FittedModel.load(folder)
