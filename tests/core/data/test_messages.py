"""Logged events: headers, bodies, and everything that can be wrong with them."""

from __future__ import annotations

import gzip
import json
import math
import re
from cProfile import Profile
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pegel.data.columns import Columns, Field, Kind, Missing, Role, Schema
from pegel.data.decoding import count_rows, decode_batch
from pegel.data.events import EventAttributes, EventType, identities, parse_attributes
from pegel.data.joint_parsing import tensor_rows
from pegel.data.payloads import INVALID_KINDS, MAX_BODY_BYTES, MAX_TENSOR_DEPTH, MAX_VALUES, rows_of
from pegel.data.wire import REQUEST_TYPE
from pegel.errors import InvalidPayload

SCHEMA = Schema(
    (
        Field("x", Kind.NUMERIC),
        Field("c", Kind.CATEGORICAL),
        Field("y", Kind.NUMERIC),
        Field("p", Kind.NUMERIC, Role.PREDICTION),
    )
)
HEADERS = {"ce_id": b"e1", "ce_type": REQUEST_TYPE.encode(), "ce_inferenceservicename": b"delays-v1"}


def request(*rows: Any) -> bytes:
    """Return a v1 request."""
    return json.dumps({"instances": rows}).encode()


def rows_in(body: bytes, schema: Schema = SCHEMA, role: Role = Role.FEATURE) -> Columns:
    """Decode one body, or raise why it is unreadable."""
    decoded = decode_batch([body], schema, role)
    if decoded.errors:
        raise decoded.errors[0]
    return decoded.columns


def tensor(data: bytes, *, name: bytes = b'"x"') -> bytes:
    """Return a v2 request with one tensor of three values, its data and name as they stand in JSON."""
    return b'{"inputs": [{"name": %b, "shape": [3], "datatype": "FP64", "data": %b}]}' % (name, data)


def test_headers_name_the_event() -> None:
    """Type and endpoint are read; the namespace may be absent, and then the predictor has logged."""
    assert EventAttributes(EventType.REQUEST, "delays-v1", "", "predictor", is_probe=False) == parse_attributes(HEADERS)


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"ce_type": None}, "missing_header"),
        ({"ce_inferenceservicename": None}, "missing_header"),
        ({"ce_type": b"io.kserve.inference.response"}, "unknown_type"),
    ],
)
def test_an_incomplete_event_says_what_is_missing(changes: dict[str, bytes | None], kind: str) -> None:
    """An event that cannot be placed raises its kind."""
    with pytest.raises(InvalidPayload) as caught:
        parse_attributes(HEADERS | changes)

    assert kind == caught.value.kind


def test_a_drop_notice_may_speak_for_nobody() -> None:
    """The logger's notices need no endpoint."""
    event = parse_attributes({"ce_type": b"org.pegel.logger.dropped"})

    assert (EventType.DROPPED, "") == (event.type, event.endpoint)


@given(st.binary())
def test_request_and_response_share_all_but_one_bit(event_id: bytes) -> None:
    """Identities of the two halves of a prediction differ, and agree when shifted."""
    halves = (EventType.REQUEST, EventType.RESPONSE)
    ((asked,), (answered,)) = (identities([event_id], half).tolist() for half in halves)

    assert asked != answered
    assert asked >> 1 == answered >> 1


def test_a_probe_is_what_its_proxy_marks_and_not_what_a_client_calls_itself() -> None:
    """Ids come from outside: no id makes an event invisible."""
    called, marked = (
        parse_attributes(HEADERS | added).is_probe for added in ({"ce_id": b"pegel-probe-1"}, {"ce_probe": b"true"})
    )

    assert (False, True) == (called, marked)


def test_components_of_one_prediction_are_no_copies() -> None:
    """A transformer and a predictor log under one id; where no component is named, the predictor is meant."""
    components = (
        parse_attributes(HEADERS | added).component
        for added in ({"ce_component": b"predictor"}, {}, {"ce_component": b"transformer"})
    )
    named, unnamed, other = (identities([b"e1"], EventType.REQUEST, each).tolist()[0] for each in components)

    assert named == unnamed
    assert named >> 1 != other >> 1


@pytest.mark.parametrize(
    "body",
    [
        request([1.5, "a", 2], [3, "b", 4.5]),
        request({"x": 1.5, "c": "a", "y": 2}, {"y": 4.5, "x": 3, "c": "b", "extra": 0}),
        request({"x": [1.5], "c": ["a"], "y": [2]}, {"y": [4.5], "x": [3], "c": ["b"]}),
        gzip.compress(request([1.5, "a", 2], [3, "b", 4.5])),
        json.dumps(
            {
                "inputs": [
                    {"name": "y", "shape": [2], "datatype": "FP64", "data": [2, 4.5]},
                    {"name": "c", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["b"]]},
                    {"name": "x", "shape": [2], "datatype": "FP64", "data": [1.5, 3]},
                ]
            }
        ).encode(),
        json.dumps(
            {"inputs": [{"name": "input-0", "shape": [2, 3], "datatype": "FP64", "data": [1.5, "a", 2, 3, "b", 4.5]}]}
        ).encode(),
    ],
    ids=["lists", "objects", "objects of lists", "gzip", "a tensor per field", "one tensor"],
)
def test_every_shape_of_a_request_gives_the_same_columns(body: bytes) -> None:
    """Lists, objects, tensors and gzip are only ways to write the same rows."""
    columns = rows_in(body)

    assert [[1.5, 2.0], [3.0, 4.5]] == columns.numeric.tolist()
    assert [["a", "b"]] == [list(column) for column in columns.categorical]
    assert columns.missing is None


@pytest.mark.parametrize(
    "body",
    [
        b'{"predictions": [1.0, 2.0]}',
        b'{"predictions": [[1.0], [2.0]]}',
        b'{"predictions": [{"p": 1.0}, {"p": 2.0}]}',
        b'{"outputs": [{"name": "p", "shape": [2], "datatype": "FP64", "data": [1.0, 2.0]}]}',
        b'{"outputs": [{"name": "output-0", "shape": [2, 1], "datatype": "FP64", "data": [1.0, 2.0]}]}',
    ],
)
def test_every_shape_of_a_response_gives_the_same_columns(body: bytes) -> None:
    """Bare values, lists, objects and tensors of predictions are the same rows."""
    columns = rows_in(body, role=Role.PREDICTION)

    assert [[1.0], [2.0]] == columns.numeric.tolist()


@pytest.mark.parametrize(
    ("value", "number", "code"),
    [
        ("null", math.nan, Missing.NULL),
        ('"12"', 12.0, Missing.PRESENT),
        ('"1,200"', math.nan, Missing.UNPARSEABLE),
        ('""', math.nan, Missing.NULL),
        ("{}", math.nan, Missing.UNPARSEABLE),
        ("[1, 2]", math.nan, Missing.UNPARSEABLE),
        ("NaN", math.nan, Missing.PRESENT),
        ("Infinity", math.inf, Missing.PRESENT),
        ("1e400", math.inf, Missing.PRESENT),
        ("-1e400", -math.inf, Missing.PRESENT),
        ("true", 1.0, Missing.PRESENT),
        ("18446744073709551617", 18446744073709551616.0, Missing.PRESENT),
        ("9" * 5000, math.inf, Missing.PRESENT),
    ],
)
def test_a_strange_number_is_counted_by_what_it_is(value: str, number: float, code: Missing) -> None:
    """What is wrong with one value never makes the body unreadable, and never turns into zero."""
    columns = rows_in(f'{{"instances": [[1, "a", 2], [{value}, "a", 2]]}}'.encode())
    codes = np.zeros((2, 2)) if columns.missing is None else columns.missing

    assert np.array_equal([[1.0, 2.0], [number, 2.0]], columns.numeric, equal_nan=True)
    assert code == codes[1, 0]
    assert 0 == codes[0].sum() + codes[1, 1]


def test_a_category_is_text_or_null() -> None:
    """Numbers and truth values are categories as the text they are written as, objects and lists are unparseable."""
    given: list[Any] = ["a", None, 7, 7.0, True, ["b"], ["b", "c"], {}]
    columns = rows_in(request(*([1, value, 2] for value in given)))
    marks = columns.unparseable[0]

    assert ["a", None, "7", "7", "true", "b", None, None] == list(columns.categorical[0])
    assert marks is not None
    assert [False] * 6 + [True] * 2 == marks.tolist()


@pytest.mark.parametrize(
    "body",
    [
        request({"x": 1.0, "more": 3}, {"c": "a"}, {}),
        b"""{"inputs": [{"name": "x", "shape": [3], "datatype": "FP64", "data": [1.0, null, null]},
                        {"name": "c", "shape": [3, 1], "datatype": "BYTES", "data": [null, "a", null]},
                        {"name": "more", "shape": [1], "datatype": "FP64", "data": [3]}]}""",
    ],
    ids=["objects", "tensors"],
)
def test_a_field_missing_from_a_request_is_null(body: bytes) -> None:
    """What is not there is a null of its field, whether one row lacks it or all do; the request stays readable."""
    columns = rows_in(body)

    assert columns.missing is not None
    assert [[0, 1], [1, 1], [1, 1]] == columns.missing.tolist()
    assert [None, "a", None] == list(columns.categorical[0])


LABEL = Schema((Field("label", Kind.CATEGORICAL, Role.PREDICTION),))
THREE = Schema(tuple(Field(name, Kind.NUMERIC, Role.PREDICTION) for name in "abc"))


@pytest.mark.parametrize("values", ["[1, 0]", "[1.0, 0.0]", '["1", "0"]', "[[1], [0]]", '[{"label": 1}, {"label": 0}]'])
def test_class_labels_may_be_numbers(values: str) -> None:
    """A label is the same category as a number, as a float and as text."""
    columns = rows_in(f'{{"predictions": {values}}}'.encode(), LABEL, Role.PREDICTION)

    assert (["1", "0"], (None,)) == (list(columns.categorical[0]), columns.unparseable)


def answer(shape: str, data: str) -> bytes:
    """Return a v2 response with one tensor under a name that is no field."""
    return f'{{"outputs": [{{"name": "output-0", "shape": {shape}, "datatype": "INT64", "data": {data}}}]}}'.encode()


@pytest.mark.parametrize(
    ("shape", "data", "rows"),
    [
        ("[2]", "[1, 0]", 2),
        ("[2, 1]", "[1, 0]", 2),
        ("[2, 1]", "[[1], [0]]", 2),
        ("[0]", "[]", 0),
        ("[2]", "[true, 0]", 2),
    ],
)
def test_the_first_number_of_a_shape_counts_rows(shape: str, data: str, rows: int) -> None:
    """A tensor of shape [n] for one field is n rows, whatever it is called."""
    assert rows == rows_in(answer(shape, data), LABEL, Role.PREDICTION).n


@pytest.mark.parametrize(
    ("shape", "data"), [("[1, 3]", "[1, 2, 3]"), ("[1, 3]", "[[1, 2, 3]]"), ("[1, 3, 1]", "[1, 2, 3]")]
)
def test_a_row_of_several_fields_has_a_shape_that_says_so(shape: str, data: str) -> None:
    """Three values are one row of three fields where the shape has one row."""
    assert [[1.0, 2.0, 3.0]] == rows_in(answer(shape, data), THREE, Role.PREDICTION).numeric.tolist()


@pytest.mark.parametrize(
    ("shape", "data", "schema", "kind"),
    [
        ("[3]", "[1, 2, 3]", THREE, "wrong_fields"),
        ("[3, 1]", "[1, 2, 3]", THREE, "wrong_fields"),
        ("[1, 2]", "[1, 2]", LABEL, "wrong_fields"),
        ("[2]", "[1, 2, 3]", LABEL, "wrong_shape"),
        ("[2, 2]", "[[1, 2], [3]]", LABEL, "wrong_shape"),
        ("[2, 1]", "[[1], 2]", LABEL, "wrong_shape"),
        ("[-1]", "[1, 2]", LABEL, "wrong_shape"),
        ('["2"]', "[1, 2]", LABEL, "wrong_shape"),
        ("[1000000000000, 0]", "[]", LABEL, "wrong_shape"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(shape: str, data: str, schema: Schema, kind: str) -> None:
    """Rows are never guessed: other numbers of fields, ragged data and shapes that are not filled are refused."""
    with pytest.raises(InvalidPayload) as caught:
        rows_in(answer(shape, data), schema, Role.PREDICTION)

    assert kind == caught.value.kind


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty_body"),
        (b"not json", "not_json"),
        (b'{"instances": [[1, "a", 2]', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"instances": [[1, "\\ud800", 2]]}', "not_json"),
        (b'{"instances": [[1, "\xff", 2]]}', "not_json"),
        (b"\x1f\x8bnot gzip", "bad_gzip"),
        (gzip.compress(request([1, "a", 2]))[:-12], "bad_gzip"),
        (gzip.compress(b" " * (MAX_BODY_BYTES + 1)), "too_large"),
        (b" " * (MAX_BODY_BYTES + 1), "too_large"),
        (b'{"instances": [' + b"{}," * MAX_VALUES + b"{}]}", "too_large"),
        (tensor(b"[" * 900 + b"1" + b"]" * 900), "wrong_shape"),
        (tensor(b"[" * 900 + b"[1]" + b",2" * 200_000 + b"]" * 900), "wrong_shape"),
        (tensor(b"[1, [2, 3]]"), "wrong_shape"),
        (tensor(b"[[1], 2]"), "wrong_shape"),
        (tensor(b"[1, 2, 3]", name=b"[" * 900 + b"]" * 900), "wrong_fields"),
        (b"[[1, 2, 3]]", "wrong_shape"),
        (b'{"instances": 7}', "wrong_shape"),
        (b'{"predictions": [1]}', "wrong_shape"),
        (b'{"instances": [1, 2]}', "wrong_shape"),
        (b'{"instances": [[1, "a", 2], {"x": 1}]}', "wrong_shape"),
        (b'{"inputs": [{"name": "x", "shape": [2], "datatype": "FP64"}, {"data": 1, "shape": []}]}', "wrong_shape"),
        (b'{"inputs": [{"name": "x", "shape": [1], "data": [1]}, 7]}', "wrong_shape"),
        (b'{"instances": [[1, "a"]]}', "wrong_fields"),
        (b'{"instances": [{"X": 1, "C": "a"}, {}]}', "wrong_fields"),
        (b'{"inputs": [{"name": "z", "shape": [2], "data": [1, 2]}]}', "wrong_fields"),
        (b'{"inputs": [{"name": "x", "shape": [1, 2], "data": [1, 2]}]}', "wrong_fields"),
        (
            b'{"inputs": [{"name": "x", "shape": [1], "data": [1]}, {"name": "x", "shape": [1], "data": [2]}]}',
            "wrong_fields",
        ),
        (
            b'{"inputs": [{"name": "x", "shape": [1], "data": [1]}, {"name": "y", "shape": [2], "data": [1, 2]}]}',
            "wrong_fields",
        ),
        (b'{"inputs": [{"name": "a", "shape": [1, 2], "data": [1, 2]}]}', "wrong_fields"),
    ],
)
def test_an_unreadable_body_has_a_kind(body: bytes, kind: str) -> None:
    """Each way to be unreadable has one name, and the name is a known one."""
    with pytest.raises(InvalidPayload) as caught:
        rows_in(body)

    assert kind == caught.value.kind
    assert caught.value.kind in INVALID_KINDS


@pytest.mark.parametrize(
    ("body", "meant"),
    [
        (b'{"inputs": [{"name": "lenght", "shape": [2], "data": [1, 2]}]}', "; did you mean `length`?"),
        (b'{"inputs": [{"name": "zzz", "shape": [2], "data": [1, 2]}]}', ""),
        (b'{"inputs": [{"name": 7, "shape": [2], "data": [1, 2]}]}', ""),
        (b'{"instances": [{"lenght": 1}]}', "; did you mean `length`?"),
    ],
)
def test_a_name_that_is_nearly_a_fields_is_answered_with_it(body: bytes, meant: str) -> None:
    """What is kept aside with its reason says which field was probably meant, in both protocols."""
    with pytest.raises(InvalidPayload) as caught:
        rows_in(body, Schema((Field("length", Kind.NUMERIC), Field("width", Kind.NUMERIC))))

    assert ("wrong_fields", meant) == (caught.value.kind, re.sub(r"^.*?(?=; did|$)", "", str(caught.value)))


def test_what_a_wrong_name_means_is_looked_for_where_the_reason_is_read() -> None:
    """Of many wrong events one reason is kept: decoding the others compares no names."""
    schema = Schema(tuple(Field(f"length_{number}", Kind.NUMERIC) for number in range(200)))
    bodies = [b'{"instances": [{"lenght_%d": 1}]}' % number for number in range(20)]
    profile = Profile()
    decoded = profile.runcall(decode_batch, bodies, schema, Role.FEATURE)
    compared = [entry.callcount for entry in profile.getstats() if "difflib" in str(entry.code)]

    assert [] == compared
    assert "did you mean `length_7`?" == str(decoded.errors[7]).rpartition("; ")[2]


@pytest.mark.parametrize("depth", [1, 2, MAX_TENSOR_DEPTH])
def test_a_tensor_may_be_nested_as_deep_as_stated(depth: int) -> None:
    """The values of a tensor come in order, however many dimensions it is written in."""
    body = tensor(b"[" * depth + b"1, 2, 3" + b"]" * depth)
    columns = rows_in(body, Schema((Field("x", Kind.NUMERIC),)))

    assert [[1.0], [2.0], [3.0]] == columns.numeric.tolist()


def test_one_bad_body_does_not_harm_its_batch() -> None:
    """A batch reports unreadable bodies by position and keeps the rows of the others in order."""
    bodies = [request([1, "a", 2], [3, "b", 4]), b"?", request([5, "c", 6])]
    decoded = decode_batch(bodies, SCHEMA, Role.FEATURE)

    assert [1.0, 3.0, 5.0] == decoded.columns.numeric[:, 0].tolist()
    assert [2, 0, 1] == decoded.rows.tolist()
    assert {1: "not_json"} == {at: error.kind for at, error in decoded.errors.items()}
    assert [0, 0, 2] == decoded.body_of_row.tolist()
    assert [0, 1, 0] == decoded.index_in_body.tolist()


values = st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.text(max_size=3))


@given(st.lists(st.lists(st.tuples(values, values, values), max_size=3), max_size=5))
def test_a_batch_is_the_sum_of_its_bodies(requests: list[list[tuple[Any, ...]]]) -> None:
    """Decoding together gives the rows that decoding one by one gives, whatever the values."""
    bodies = [json.dumps({"instances": rows}).encode() for rows in requests]
    together = decode_batch(bodies, SCHEMA, Role.FEATURE)
    singles = [rows_in(body) for body in bodies]
    matrix = np.concatenate([np.empty((0, 2)), *(one.numeric for one in singles)])
    texts = [text for one in singles for text in one.categorical[0]]

    assert not together.errors
    assert np.array_equal(matrix, together.columns.numeric, equal_nan=True)
    assert texts == list(together.columns.categorical[0])


@given(st.binary(max_size=200))
def test_no_body_raises_anything_else(body: bytes) -> None:
    """Whatever the bytes, a body gives rows or an error of a known kind, the same by itself and in a batch."""
    decoded = decode_batch([body], SCHEMA, Role.FEATURE)
    try:
        alone: int | str = rows_in(body).n
    except InvalidPayload as error:
        alone = error.kind

    assert alone == (decoded.errors[0].kind if decoded.errors else decoded.columns.n)
    assert {error.kind for error in decoded.errors.values()} <= set(INVALID_KINDS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xcy"), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(["instances", "inputs"]),
        json_values
        | st.lists(
            st.dictionaries(st.sampled_from(["name", "shape", "data", "datatype"]), json_values, max_size=4), max_size=3
        ),
    )
)
def test_no_document_raises_anything_else(document: Any) -> None:
    """Whatever the JSON, a body gives rows or an InvalidPayload."""
    body = json.dumps(document).encode()
    decoded = decode_batch([body], SCHEMA, Role.FEATURE)

    assert decoded.columns.n == decoded.rows.sum()


sizes = st.sampled_from([1, 2, True, 1.0, 0, -1, "1", None])
odd_tensors = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["x", "c", "y", "other", 1, None]),
        "shape": st.lists(sizes, min_size=1, max_size=2) | sizes,
        "data": st.lists(values | st.just([1.0]), min_size=1, max_size=2) | st.just("ab") | st.just({"0": 1}),
    },
    optional={"datatype": st.just("FP64")},
)


@given(st.lists(odd_tensors | json_values, max_size=4), st.sampled_from([("x",), ("x", "c"), ("x", "c", "y")]))
@example([{"name": name, "shape": [2, 1], "data": [1, 2]} for name in "xcy"], ("x", "c", "y"))
def test_tensors_that_are_read_together_have_the_rows_that_each_has(tensors: list[Any], names: tuple[str, ...]) -> None:
    """What the quick way makes of a body of tensors is what the general way makes of it; the rest it leaves alone."""
    document = {"inputs": tensors}
    quick = tensor_rows([document], Role.FEATURE, names)
    if quick is not None:
        rows, (count,) = quick

        assert [tuple(row) for row in rows_of(document, Role.FEATURE, names)] == rows
        assert len(rows) == count


def test_plain_tensors_are_read_the_quick_way() -> None:
    """Bodies of one tensor per field, in any order and beside others, are what the quick way is for."""
    x, c = {"name": "x", "shape": [2], "data": [1, 2]}, {"name": "c", "shape": [2, 1], "data": ["a", None]}
    other = {"name": "other", "shape": [2], "data": [[0], [0]]}
    bodies = [{"inputs": [x, c]}, {"inputs": [other, c, x], "id": "1"}]

    assert ([(1, "a"), (2, None)] * 2, [2, 2]) == tensor_rows(bodies, Role.FEATURE, ("x", "c"))


WIDE = Schema(
    (
        Field("label", Kind.CATEGORICAL, Role.PREDICTION),
        Field("classes_0", Kind.NUMERIC, Role.PREDICTION),
        Field("classes_1", Kind.NUMERIC, Role.PREDICTION),
    )
)
LABELS = {"name": "label", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]}
CLASSES = {"name": "classes", "shape": [2, 3], "datatype": "FP64", "data": [0.7, 0.2, 0.1, 0.3, 0.6, 0.1]}
BY_NAME: list[dict[str, Any]] = [{"label": "a", "classes": [0.7, 0.2, 0.1]}, {"label": "b", "classes": [0.3, 0.6, 0.1]}]


@pytest.mark.parametrize(
    "document",
    [
        {"predictions": BY_NAME},
        {
            "predictions": [
                {"label": "a", "classes": {"0": 0.7, "1": 0.2}},
                {"label": "b", "classes": {"0": 0.3, "1": 0.6}},
            ]
        },
        {
            "predictions": [
                {"label": "a", "classes_0": 0.7, "classes_1": 0.2},
                {"label": "b", "classes_0": 0.3, "classes_1": 0.6},
            ]
        },
        {"outputs": [LABELS, CLASSES]},
        {"outputs": [CLASSES, LABELS | {"shape": [2, 1]}]},
        {"outputs": [CLASSES | {"data": [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1]]}, LABELS]},
    ],
    ids=["lists", "objects", "fields", "tensors", "in another order", "nested data"],
)
def test_values_of_a_wide_output_are_fields(document: Any) -> None:
    """However probabilities of classes are written, beside the label, each is a field of its row."""
    columns = rows_in(json.dumps(document).encode(), WIDE, Role.PREDICTION)

    assert [[0.7, 0.2], [0.3, 0.6]] == columns.numeric.tolist()
    assert ["a", "b"] == columns.categorical[0].tolist()


@pytest.mark.parametrize(
    ("outputs", "numbers"),
    [
        ([{"label": "a", "classes": [0.7]}], [[0.7, None]]),
        ([{"label": "a", "classes": None}, BY_NAME[1]], [[None, None], [0.3, 0.6]]),
        ([{"label": "a"}, BY_NAME[1]], [[None, None], [0.3, 0.6]]),
        ([{"label": "a", "classes": 0.7}], [[None, None]]),
        ([{"label": "a", "classes": [0.7, 0.2], "classes_1": 9.0}], [[0.7, 9.0]]),
        ([{"classes": {"00": 1.0, "1": 0.2}}], [[None, 0.2]]),
    ],
    ids=["shorter", "null", "absent", "no list", "a field of that name", "another key"],
)
def test_what_a_wide_output_lacks_is_null(outputs: list[Any], numbers: list[list[float | None]]) -> None:
    """A value that a row lacks is null in it, and a field that is there by its own name is that."""
    columns = rows_in(json.dumps({"predictions": outputs}).encode(), WIDE, Role.PREDICTION)

    assert numbers == [[None if np.isnan(value) else value for value in row] for row in columns.numeric.tolist()]


def test_wide_tensors_of_another_number_of_rows_are_refused() -> None:
    """Two labels and three rows of probabilities belong to nobody."""
    three = CLASSES | {"shape": [3, 2]}

    with pytest.raises(InvalidPayload, match="as many rows") as caught:
        rows_in(json.dumps({"outputs": [LABELS, three]}).encode(), WIDE, Role.PREDICTION)

    assert "wrong_fields" == caught.value.kind


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (request([1, 2], [3, 4]), 2),
        (request({"any": 1}), 1),
        (b'{"inputs": [{"name": "x", "shape": [3], "data": [1, 2, 3]}]}', 3),
        (b'{"instances": [1, 2, 3]}', 3),
    ],
)
def test_rows_are_counted_without_a_schema(body: bytes, rows: int) -> None:
    """Before there is a baseline the fields are unknown, yet rows count."""
    assert rows == count_rows(body, Role.FEATURE)
