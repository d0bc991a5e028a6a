"""The local feature store: references and training data."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec, NotFound, PermanentError
from pegel.featurestore import LocalFeatureStore, SourceRef, TimeRange
from pegel.testing.manual_clock import START

pytestmark = pytest.mark.environments("pyarrow")

SCHEMA = Schema((Field("distance", Kind.NUMERIC, unit="mi"), Field("delay", Kind.NUMERIC, Role.PREDICTION)))


@pytest.fixture
def store(tmp_path: Path) -> LocalFeatureStore:
    """A feature store without content."""
    return LocalFeatureStore(tmp_path / "features")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file that stands for Parquet data; the store does not look inside."""
    path = tmp_path / "train.parquet"
    path.write_bytes(b"PAR1 first PAR1")
    return path


def test_what_cannot_be_copied_leaves_no_folders(store: LocalFeatureStore, tmp_path: Path) -> None:
    """Where data cannot be kept nothing is registered, and nothing stands where it would have been."""
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / "one.parquet").write_bytes(b"PAR1 one PAR1")
    os.mkfifo(folder / "pipe")
    with pytest.raises(OSError, match="named pipe"):
        store.register_training_data("delays", 1, folder, SCHEMA)

    assert [] == [*(tmp_path / "features").iterdir()]


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("local://delays", SourceRef("delays", 1, "train")),
        ("local://delays?version=3&split=test", SourceRef("delays", 3, "test")),
        ("hopsworks://fraud?version=2", SourceRef("fraud", 2, "train", "hopsworks")),
    ],
)
def test_a_reference_is_read_and_written(text: str, ref: SourceRef) -> None:
    """The written form of a reference is read, and what is written is read back equal."""
    assert ref == SourceRef.parse(text) == SourceRef.parse(str(ref))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "delays",
        "local://",
        "local://delays?version=x",
        "local://a?colour=red",
        "local://a/b",
        "local://..",
        "local://[a",
    ],
)
def test_a_wrong_reference_is_refused_with_an_example(text: str) -> None:
    """What is no reference is refused, with a right one to copy."""
    with pytest.raises(InvalidSpec, match="for example local://delays"):
        SourceRef.parse(text)


def test_registered_data_is_described_and_found(store: LocalFeatureStore, table: Path) -> None:
    """What is registered under a name is found again by its reference: schema, event times, bytes."""
    period = TimeRange(START, START + timedelta(days=31))
    ref = store.register_training_data("delays", 1, table, SCHEMA, period)

    assert "local://delays?version=1&split=train" == str(ref)
    assert (SCHEMA, period) == (store.describe(str(ref)), store.time_range(ref))
    assert table.read_bytes() == store.read_training_data(str(ref)).read_bytes()


def test_a_folder_is_registered_as_it_is(store: LocalFeatureStore, tmp_path: Path) -> None:
    """A folder of Parquet parts, as Spark writes it, is one table."""
    folder = tmp_path / "parts"
    folder.mkdir()
    (folder / "part-0.parquet").write_bytes(b"0")
    ref = store.register_training_data("delays", 1, folder, SCHEMA)

    assert ["part-0.parquet"] == [path.name for path in store.read_training_data(ref).iterdir()]


def test_new_data_under_a_name_leaves_readers_alone(store: LocalFeatureStore, table: Path) -> None:
    """Registering other data under the same name moves the reference; who reads the old data goes on reading it."""
    ref = store.register_training_data("delays", 1, table, SCHEMA)
    old = store.read_training_data(ref)
    table.write_bytes(b"PAR1 second PAR1")
    store.register_training_data("delays", 1, table, SCHEMA, replace=True)

    assert [b"PAR1 first PAR1", b"PAR1 second PAR1"] == [old.read_bytes(), store.read_training_data(ref).read_bytes()]


def test_other_data_under_a_name_is_refused_unless_it_is_to_replace(store: LocalFeatureStore, table: Path) -> None:
    """What stands there stays, and the error says in what the new content differs and how it may be replaced."""
    ref = store.register_training_data("delays", 1, table, SCHEMA)
    table.write_bytes(b"PAR1 second PAR1")

    with pytest.raises(PermanentError, match=r"it differs in rows\. Nothing was changed\. .*--replace"):
        store.register_training_data("delays", 1, table, SCHEMA)
    assert b"PAR1 first PAR1" == store.read_training_data(ref).read_bytes()


@pytest.mark.parametrize(("given", "guess"), [("delay", "did you mean `local://delays"), ("x", "register it first")])
def test_a_reference_that_is_not_known_is_answered_with_the_nearest(
    store: LocalFeatureStore, table: Path, given: str, guess: str
) -> None:
    """A mistyped name is told beside what was probably meant; one that is like no other is to be registered."""
    store.register_training_data("delays", 1, table, SCHEMA)

    with pytest.raises(NotFound, match=guess):
        store.describe(f"local://{given}?version=1&split=train")


def test_the_same_data_again_is_kept_once(store: LocalFeatureStore, table: Path) -> None:
    """Registering equal content again adds no copy."""
    paths = {store.read_training_data(store.register_training_data("delays", 1, table, SCHEMA)) for _ in range(2)}

    assert 1 == len(paths) == len(list(paths.pop().parent.glob("*.parquet")))


def test_what_is_not_there_is_named(store: LocalFeatureStore, tmp_path: Path) -> None:
    """Unknown references and files are named in the error."""
    with pytest.raises(NotFound, match="no training data local://fraud"):
        store.describe("local://fraud")
    with pytest.raises(NotFound, match=r"nothing\.parquet; nothing is there"):
        store.register_training_data("delays", 1, tmp_path / "nothing.parquet", SCHEMA)


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "", ".hidden", "a b"])
def test_a_name_does_not_lead_out_of_the_store(store: LocalFeatureStore, table: Path, name: str) -> None:
    """A name that would be a path is refused."""
    with pytest.raises(InvalidSpec, match="letters, digits"):
        store.register_training_data(name, 1, table, SCHEMA)


def test_what_is_registered_is_listed_in_order(store: LocalFeatureStore, table: Path, tmp_path: Path) -> None:
    """References come by name, version as a number, and split; what else lies in the folder is none."""
    wanted = [SourceRef("a", 2, "train"), SourceRef("a", 10, "test"), SourceRef("a", 10, "train"), SourceRef("b")]
    for ref in reversed(wanted):
        store.register_training_data(ref.name, ref.version, table, SCHEMA, split=ref.split)
    (tmp_path / "features" / "training" / "a" / "10" / ".new-1.json").write_text("{}")
    (tmp_path / "features" / "training" / "a" / "latest").mkdir()
    (tmp_path / "features" / "training" / "a" / "latest" / "train.json").write_text("{}")

    assert wanted == store.references()
    assert [] == LocalFeatureStore(tmp_path / "elsewhere").references()


def test_differences_from_what_is_registered(store: LocalFeatureStore, table: Path, tmp_path: Path) -> None:
    """Other rows, fields or times are named; equal content differs in nothing, and lost rows in rows."""
    period = TimeRange(START, START + timedelta(days=31))
    ref = store.register_training_data("delays", 1, table, SCHEMA, period)
    other = tmp_path / "other.parquet"
    other.write_bytes(b"PAR1 other PAR1")

    assert [] == store.differences(ref, table, SCHEMA, period)
    assert ["rows"] == store.differences(ref, other, SCHEMA, period)
    assert ["fields", "times"] == store.differences(ref, table, Schema(SCHEMA.fields[:1]))
    store.read_training_data(ref).unlink()
    assert ["rows"] == store.differences(ref, table, SCHEMA, period)
    with pytest.raises(NotFound, match="no training data local://fraud"):
        store.differences(SourceRef("fraud"), table, SCHEMA)


def test_what_is_removed_is_gone_and_nothing_else(store: LocalFeatureStore, table: Path, tmp_path: Path) -> None:
    """Removing takes a split with the rows that no other split has, and with the last one the folders."""
    train = store.register_training_data("delays", 1, table, SCHEMA)
    test = store.register_training_data("delays", 1, table, SCHEMA, split="test")
    table.write_bytes(b"PAR1 second PAR1")
    store.register_training_data("delays", 1, table, SCHEMA, replace=True)
    store.remove(train)

    assert ([test], b"PAR1 first PAR1") == (store.references(), store.read_training_data(test).read_bytes())
    assert 1 == len([*(tmp_path / "features").rglob("*.parquet")])
    with pytest.raises(NotFound, match="split=train"):
        store.remove(train)
    store.remove(test)
    assert [] == [*(tmp_path / "features").iterdir()]


@pytest.mark.parametrize("damaged", ["{", "{}", "[]", "7"])
def test_a_damaged_registration_is_told_and_can_be_removed(
    store: LocalFeatureStore, table: Path, tmp_path: Path, damaged: str
) -> None:
    """What cannot be read is one sentence; it can be removed, and rows that it may need stay until it is."""
    ref = store.register_training_data("delays", 1, table, SCHEMA)
    test = store.register_training_data("delays", 1, table, SCHEMA, split="test")
    (tmp_path / "features" / "training" / "delays" / "1" / "train.json").write_text(damaged)

    with pytest.raises(PermanentError, match=r"given something else\. Nothing was read\. Remove it"):
        store.describe(ref)
    store.remove(test)
    assert 1 == len([*(tmp_path / "features").rglob("*.parquet")])
    store.remove(ref)
    assert [] == store.references()
