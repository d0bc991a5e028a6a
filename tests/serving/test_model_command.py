"""`pegel model`: a folder is tried on real rows, and its metadata is written from a table."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fitted_models
import joblib
import pandas as pd
import pytest
import sklearn
from full_disks import no_file_beyond
from model_runs import run
from sklearn.linear_model import LinearRegression

import pegel
from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import PermanentError
from pegel.featurestore import LocalFeatureStore
from pegel.notebook.named_table import file_named, registered_as
from pegel_serving.metadata import METADATA_FILE, MODEL_FILE, Metadata
from pegel_serving.model_check import check
from pegel_serving.model_init import NewMetadata, init

REGISTERED = Schema((*fitted_models.TICKET_FIELDS[1:], fitted_models.URGENT))
"""The fields of the tickets that are measured: times are none."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the pipeline on tickets, and no metadata."""
    written = fitted_models.write_tickets(tmp_path / "tickets")
    (written / METADATA_FILE).unlink()
    return written


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """The tickets as pandas writes them."""
    path = tmp_path / "train.parquet"
    fitted_models.tickets().to_parquet(path)
    return path


@pytest.fixture
def home(tmp_path: Path, table: Path) -> Path:
    """A home in which the tickets are registered."""
    store = LocalFeatureStore(tmp_path / "home" / "features")
    store.register_training_data("tickets", 1, table, REGISTERED)
    return tmp_path / "home"


def keep(fitted: Any, folder: Path) -> None:
    """Write a fitted model into a new folder, without metadata."""
    folder.mkdir()
    joblib.dump(fitted, folder / MODEL_FILE)


def test_what_init_writes_serves_every_row_of_its_table(folder: Path, table: Path) -> None:
    """Names, order, times, categories in their own order and truth values come from the table; check agrees."""
    code, said = run("init", folder, "--from", table, "--prediction", "urgent", "--probabilities")
    metadata = Metadata.read(folder)

    assert 0 == code, said
    assert fitted_models.TICKET_FIELDS == metadata.features
    assert fitted_models.TICKET_TYPES == metadata.types
    assert ["urgent", "urgent_probability"] == [field.name for field in metadata.predictions]
    assert "note: train.parquet has no column urgent_probability" in said
    assert "note: the monitor measures no times (opened): send rows as objects by name" in said

    code, said = run("check", folder, "--rows", table)

    assert 0 == code, said
    assert "asked    about 60 rows of train.parquet: 60 answered" in said
    assert "urgent is what the table holds in 60 of 60 rows" in said


def test_check_shows_a_request_that_the_model_answers(folder: Path, table: Path) -> None:
    """The first row as a client would send it, with its answer."""
    run("init", folder, "--from", table, "--prediction", "urgent")
    said = run("check", folder, "--rows", table)[1]
    request, answer = (
        json.loads(line.partition(" ")[2]) for line in said.splitlines() if line.startswith(("request", "answer"))
    )
    first = {"opened": "2026-03-01T00:00:00", "channel": "web", "language": None, "paid": "true", "words": 0.0}

    assert {"instances": [first]} == request
    assert {"predictions": ["no"]} == answer


def test_a_csv_is_as_good_as_what_it_says(folder: Path, tmp_path: Path) -> None:
    """Times and truth values are seen in a text file; that a text was a category is not."""
    path = tmp_path / "train.csv"
    fitted_models.tickets().to_csv(path, index=False)
    run("init", folder, "--from", path, "--prediction", "urgent")

    assert {"opened": "time", "paid": "truth"} == Metadata.read(folder).types
    assert 0 == run("check", folder, "--rows", path)[0]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_is_registered_tells_a_model_as_much_as_its_table(folder: Path, table: Path, tmp_path: Path) -> None:
    """Times, categories in their order and truth values are kept; every registered row is answered."""
    pegel.register(table, name="kept", prediction="urgent", home=tmp_path)
    code, said = run("init", folder, "--from", "kept", "--prediction", "urgent", "--home", tmp_path)
    assert 0 == code, said
    assert fitted_models.TICKET_TYPES == Metadata.read(folder).types

    code, said = run("check", folder, "--data", "kept", "--home", tmp_path)
    assert 0 == code, said
    assert "60 answered" in said
    assert "urgent is what the table holds in 60 of 60 rows" in said


def test_a_time_that_is_not_registered_has_to_be_sent_by_name(folder: Path, home: Path) -> None:
    """The model takes it, the monitor does not measure it: lists of both would not be the same rows."""
    code, _ = run("init", folder, "--from", "tickets", "--prediction", "urgent", "--home", home)
    features = [field.name for field in Metadata.read(folder).features]

    assert 0 == code
    assert ["channel", "language", "paid", "words", "opened"] == features

    code, said = run("check", folder, "--data", "tickets", "--home", home)

    assert 0 == code
    assert "note: the monitor measures no times (opened)" in said
    assert "60 answered" in said


def test_init_takes_the_order_in_which_rows_are_counted(tmp_path: Path) -> None:
    """The model's own order is another: it is told, and check has nothing against it."""
    boxes = fitted_models.write_two_outputs(tmp_path / "boxes")
    (boxes / METADATA_FILE).unlink()
    path = tmp_path / "boxes.csv"
    path.write_text("a,b,width,height\n1,10,2,30\n2,20,4,61\n")
    code, said = run("init", boxes, "--from", path, "--prediction", "width", "--prediction", "height")

    assert 0 == code, said
    assert "note: the model was fitted with the order b, a" in said
    assert ["a", "b"] == [field.name for field in Metadata.read(boxes).features]
    assert "height is what the table holds in 1 of 2 rows" in run("check", boxes, "--rows", path)[1]


def test_check_tells_an_order_that_would_be_counted_wrongly(folder: Path, tmp_path: Path, table: Path) -> None:
    """Lists in the model's order would be taken for other features."""
    fields = fitted_models.TICKET_FIELDS
    Metadata("tickets", 1, Schema((*fields, fitted_models.URGENT)), fitted_models.TICKET_TYPES).write(folder)
    store = LocalFeatureStore(tmp_path / "features")
    swapped = (*fields[1:3], fields[4], Field("paid", Kind.NUMERIC), Field("x9", Kind.NUMERIC, Role.PREDICTION))
    store.register_training_data("tickets", 2, table, Schema(swapped))
    problems = check(folder, registered_as("local://tickets?version=2", tmp_path / "features")).problems

    order = (
        "the registered features have the order channel, language, words, paid, the model's channel, language, paid, "
        "words: rows that are lists would be counted as something else; `pegel model init` takes the registered order"
    )
    assert [
        order,
        "paid is categorical in metadata.json, and registered as numeric",
        "the registered prediction x9 is no prediction in metadata.json",
    ] == problems


def test_a_model_that_needs_a_frame_and_does_not_say_so_is_found_out(tmp_path: Path) -> None:
    """Its own transformer keeps no names; init tries both ways on rows of the table."""
    keep(fitted_models.nameless_model(), tmp_path / "nameless")
    path = tmp_path / "rows.csv"
    path.write_text("name,length,double\na,1,2\nb,2,4\n")
    code, said = run("init", tmp_path / "nameless", "--from", path, "--prediction", "double")

    assert 0 == code, said
    assert "note: the model answers no matrix, but a frame" in said
    assert "frame" == Metadata.read(tmp_path / "nameless").given
    assert "double is what the table holds in 2 of 2 rows" in run("check", tmp_path / "nameless", "--rows", path)[1]


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My_Model v2", "my-model-v2"), ("Ünï..x", "uni-x"), ("2026", "model"), ("x" * 50, "x" * 40)],
)
def test_a_model_is_named_as_nearly_as_its_folder_as_a_spec_takes(tmp_path: Path, folder: str, name: str) -> None:
    """The name is part of paths and topics; one that a person states and no spec takes is refused."""
    keep(fitted_models.nameless_model(), tmp_path / folder)
    path = tmp_path / "rows.csv"
    path.write_text("name,length,double\na,1,2\nb,2,4\n")
    options = ("--from", path, "--prediction", "double")
    refused = run("init", tmp_path / folder, *options, "--name", "Ünï/..")
    written = run("init", tmp_path / folder, *options)[0]

    assert (1, "--name: given 'Ünï/..': must be lower case letters") == (refused[0], refused[1].partition(",")[0])
    assert (0, name) == (written, Metadata.read(tmp_path / folder).name)


def test_a_model_of_texts_is_given_its_column(tmp_path: Path) -> None:
    """A vectoriser takes neither a matrix nor a frame; a missing text is its client's error."""
    keep(fitted_models.texts_model(), tmp_path / "mails")
    path = tmp_path / "mails.csv"
    path.write_text("body,spam\nbuy now,yes\nsee you,no\n,no\nbuy,yes\n")
    code, said = run("init", tmp_path / "mails", "--from", path, "--prediction", "spam")

    assert 0 == code, said
    assert "note: the model answers no matrix, but a column" in said

    path.write_text("body,spam\nbuy now,yes\n,no\n")
    said = run("check", tmp_path / "mails", "--rows", path)[1]

    assert "spam is what the table holds in 1 of 1 rows" in said
    assert "1 of 2 rows are not answered: the model cannot predict on these values: ValueError: np.nan" in said
    assert "(missing: body)" in said


def test_registered_times_are_given_as_the_model_knows_them(tmp_path: Path) -> None:
    """What is stored is UTC, with a zone; the model subtracts a time without one, and a matrix has no label."""
    keep(fitted_models.ages_model(), tmp_path / "ages")
    path = tmp_path / "stored.parquet"
    opened = pd.to_datetime(["2026-01-02", "2026-01-04"]).tz_localize("UTC")
    pd.DataFrame({"opened": opened, "days": [1.0, 3.0], "solved": [True, False]}).to_parquet(path)
    schema = Schema((Field("days", Kind.NUMERIC, Role.PREDICTION),))
    LocalFeatureStore(tmp_path / "home" / "features").register_training_data("ages", 1, path, schema)
    home = ("--home", tmp_path / "home")
    code, said = run("init", tmp_path / "ages", "--from", "ages", "--prediction", "days", *home)

    assert 0 == code, said
    assert {"opened": "time"} == Metadata.read(tmp_path / "ages").types
    assert "days is what the table holds in 2 of 2 rows" in run("check", tmp_path / "ages", "--data", "ages", *home)[1]


def test_a_model_that_was_never_fitted_is_told(tmp_path: Path) -> None:
    """Init writes what it can, and says why no row was answered."""
    keep(LinearRegression(), tmp_path / "raw")
    path = tmp_path / "rows.csv"
    path.write_text("length,double\n1,2\n2,4\n")
    code, said = run("init", tmp_path / "raw", "--from", path, "--prediction", "double")

    assert 0 == code
    assert "note: 2 rows together are not answered: the model was saved before it was fitted" in said
    assert (
        "problem: 2 of 2 rows are not answered: the model was saved"
        in run("check", tmp_path / "raw", "--rows", path)[1]
    )


def test_codes_that_are_registered_as_categories_stay_numbers_to_the_model(tmp_path: Path) -> None:
    """The monitor counts the codes, the model was fitted on numbers."""
    boxes = fitted_models.write_two_outputs(tmp_path / "boxes")
    (boxes / METADATA_FILE).unlink()
    path = tmp_path / "boxes.parquet"
    pd.DataFrame({"a": [1, 2], "b": [10.0, 20.0], "width": [2.0, 4.0], "height": [30.0, 60.0]}).to_parquet(path)
    fields = [Field(name, Kind.NUMERIC, Role.PREDICTION) for name in ("width", "height")]
    schema = Schema((Field("a", Kind.CATEGORICAL), Field("b", Kind.NUMERIC), *fields))
    LocalFeatureStore(tmp_path / "home" / "features").register_training_data("boxes", 1, path, schema)
    arguments = ("--from", "boxes", "--prediction", "width", "--prediction", "height", "--home", tmp_path / "home")

    assert 0 == run("init", boxes, *arguments)[0]
    assert {"a": "number"} == Metadata.read(boxes).types
    assert 0 == run("check", boxes, "--data", "boxes", "--home", tmp_path / "home")[0]


def test_check_tells_what_only_one_of_both_knows(folder: Path, tmp_path: Path, table: Path) -> None:
    """A feature that is not registered, and one that no request has."""
    fields = fitted_models.TICKET_FIELDS
    Metadata("tickets", 1, Schema((*fields, fitted_models.URGENT)), fitted_models.TICKET_TYPES).write(folder)
    store = LocalFeatureStore(tmp_path / "features")
    store.register_training_data("tickets", 1, table, Schema((*fields[1:4], Field("wrods", Kind.NUMERIC))))
    problems = check(folder, registered_as("tickets", tmp_path / "features")).problems

    assert ["words is not registered", "wrods is registered and no feature of the model"] == [
        re.split("[,:]", problem)[0] for problem in problems
    ]
    assert problems[0].endswith("; did you mean `wrods`?")


def test_check_counts_the_rows_that_are_not_answered(folder: Path, table: Path, tmp_path: Path) -> None:
    """Each reason is one sentence with how many rows have it, and the others are answered."""
    run("init", folder, "--from", table, "--prediction", "urgent")
    strange = fitted_models.tickets().astype({"channel": str, "paid": object, "opened": object})
    strange.loc[5:7, "channel"] = "fax"
    strange.loc[9, "paid"] = "perhaps"
    path = tmp_path / "strange.csv"
    strange.to_csv(path, index=False)
    code, said = run("check", folder, "--rows", path)

    assert 1 == code
    assert "60 rows of strange.csv: 56 answered" in said
    assert "problem: 1 of 60 rows are not answered: paid: expected a truth value or null" in said
    assert "problem: 3 of 60 rows are not answered: the model cannot predict on these values: ValueError: Found" in said
    assert "(missing: channel)" in said


def remove(*names: str) -> Callable[[Path], None]:
    """Return what takes columns out of a table."""
    return lambda path: fitted_models.tickets().drop(columns=list(names)).to_parquet(path)


def rename(old: str, new: str) -> Callable[[Path], None]:
    """Return what calls a column of a table something else."""
    return lambda path: fitted_models.tickets().rename(columns={old: new}).to_parquet(path)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (remove("words", "language"), "does not have: language, words"),
        (rename("language", "lanugage"), "does not have: language (did you mean `lanugage`?)"),
    ],
)
def test_names_that_the_data_lacks_are_told_and_nothing_is_written(
    folder: Path, tmp_path: Path, write: Callable[[Path], None], says: str
) -> None:
    """The model's own names are what is looked for."""
    path = tmp_path / "other.parquet"
    write(path)
    code, said = run("init", folder, "--from", path, "--prediction", "urgent")

    assert 1 == code
    assert says in said
    assert [MODEL_FILE] == [file.name for file in folder.iterdir()]


def test_a_table_of_too_many_columns_for_a_matrix_is_refused(tmp_path: Path, table: Path) -> None:
    """Which of them a matrix had cannot be known."""
    moody = fitted_models.write_moody(tmp_path / "moody")
    (moody / METADATA_FILE).unlink()
    code, said = run("init", moody, "--from", table, "--prediction", "urgent")

    assert 1 == code
    assert "fitted on a matrix of 1 columns; train.parquet has 5 beside the prediction" in said


def test_a_model_that_fails_is_a_problem_and_no_trace(tmp_path: Path) -> None:
    """Its own sentence is told once for all rows."""
    moody = fitted_models.write_moody(tmp_path / "moody")
    (tmp_path / "rows.csv").write_text("a\n1\n2\n")
    code, said = run("check", moody, "--rows", tmp_path / "rows.csv")

    assert 1 == code
    assert "problem: 2 of 2 rows are not answered: the model failed: RuntimeError: no licence for today" in said


def test_a_full_disk_leaves_no_part_of_the_metadata(folder: Path, table: Path) -> None:
    """An empty file would be taken for one that is there; nothing else is left beside the model."""
    with no_file_beyond(10), pytest.raises(PermanentError, match=r"metadata\.json: .*\. Nothing was written\."):
        init(folder, file_named(table), NewMetadata(["urgent"], probabilities=False, name="tickets", version=1))

    assert [MODEL_FILE] == [file.name for file in folder.iterdir()]


def test_metadata_that_is_there_is_never_written_over(folder: Path, table: Path) -> None:
    """Somebody may have written it by hand."""
    arguments = ("init", folder, "--from", table, "--prediction", "urgent")
    run(*arguments)
    written = (folder / METADATA_FILE).read_text()
    code, said = run(*arguments, "--probabilities")

    assert 1 == code
    assert "is there already; remove it to write it anew. Nothing was written." in said
    assert written == (folder / METADATA_FILE).read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "--rows", "a.csv", "--data", "a"), "expected --rows or --data; given both"),
        (("check", "--from", "a.csv"), "expected --rows FILE or --data NAME; given --from."),
        (("check", "--rows", "a.csv", "--name", "loans", "--version", "2"), "given --name, --version. Nothing was"),
        (("init", "--from", "a.csv"), "expected --from TABLE or NAME, and --prediction NAME; given --from. Nothing"),
        (("init", "--rows", "a.csv"), "and --prediction NAME; given --rows. Nothing was done."),
        (("init",), "and --prediction NAME; given neither. Nothing was done."),
        (("check", "--rows", "nowhere.csv"), "expected a table in Parquet or CSV at nowhere.csv; nothing is there"),
        (("check", "--data", "nothing"), "expected the name of training data, given nothing; registered: "),
        (("check",), "metadata.json: `pegel model init "),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    folder: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    """Options of the other act, tables that are not there, folders without metadata: nothing is done."""
    act, *options = arguments
    code, said = run(act, folder, *options, "--home", tmp_path / "home")

    assert 1 == code
    assert says in said
    assert not (tmp_path / "home").exists()


def test_a_model_of_another_version_of_the_library_is_a_problem(folder: Path, table: Path) -> None:
    """What the library warns of when it loads is told."""
    run("init", folder, "--from", table, "--prediction", "urgent")
    path = folder / MODEL_FILE
    newer, older = sklearn.__version__.encode(), b"0" + sklearn.__version__.encode()[1:]
    path.write_bytes(path.read_bytes().replace(newer, older))
    code, said = run("check", folder, "--rows", table)

    assert 1 == code
    assert "problem: a warning on the way: Trying to unpickle estimator" in said
