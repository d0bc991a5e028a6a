"""Which files are read: suffixes, folders, patterns, keys in paths, and files that differ."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
from profiled import kinds, refused

import pegel
from pegel.errors import LayoutMismatch, PermanentError
from pegel.judge.findings import Verdict
from pegel.notebook import table_reading
from pegel.notebook.open_files import OpenFiles

pytestmark = pytest.mark.environments("pyarrow")

ROWS = 2_000


def rows(seed: int = 0, n: int = ROWS) -> pa.Table:
    """Draw a number and a category."""
    rng = np.random.default_rng(seed)
    return pa.table({"x": rng.normal(size=n), "country": rng.choice(["DE", "FR"], n)})


@pytest.mark.parametrize("name", ["x.parquet", "x.PQ", "x.csv", "X.CSV", "x.tsv", "x.txt", "x.dat", "x"])
def test_suffixes_that_are_read(tmp_path: Path, name: str) -> None:
    """A file says by its suffix, in letters of any case, what it is; a file named directly may also be any text."""
    path = tmp_path / name
    if "p" in name.lower():
        pa.parquet.write_table(rows(), path)
    else:
        path.write_text("x,country\n" + "1,DE\n2,FR\n" * 100)

    assert {"x": "numeric", "country": "categorical"} == kinds(pegel.profile(str(path)))


@pytest.mark.parametrize("name", ["x.json", "x.xlsx", "x.feather", "x.zip", "x.json.gz"])
def test_suffixes_that_are_not(tmp_path: Path, name: str) -> None:
    """Another suffix is refused with those that are read."""
    (tmp_path / name).write_text("a,b\n1,2\n")

    assert refused(tmp_path / name).startswith("expected Parquet (.parquet, .pq) or text with a header line (.csv, ")


@pytest.mark.parametrize("form", ["folder", "pattern"])
def test_keys_in_folders_are_columns(tmp_path: Path, form: str) -> None:
    """`key=value` folders are columns of all rows below them, in a profile as in a check."""
    table = rows()
    pyarrow.dataset.write_dataset(
        table,
        tmp_path,
        format="parquet",
        partitioning=pyarrow.dataset.partitioning(pa.schema([("country", pa.string())]), flavor="hive"),
    )
    path = {"folder": tmp_path, "pattern": tmp_path / "*" / "*.parquet"}[form]
    flat = pegel.profile(table)
    baseline = pegel.profile(path)

    assert {"x": "numeric", "country": "categorical"} == kinds(baseline)
    assert flat.summary.features["country"].cells.tolist() == baseline.summary.features["country"].cells.tolist()
    assert Verdict.OK is pegel.check(path, flat).verdict
    assert Verdict.OK is pegel.check(table, baseline).verdict


def test_values_of_keys_are_like_text_in_files(tmp_path: Path) -> None:
    """What a folder says has the type that a CSV file would give it: numbers, dates, nulls, letters behind escapes."""
    for day, name in enumerate(("A%20b", "__HIVE_DEFAULT_PARTITION__")):
        part = tmp_path / f"year={2024 + day}" / f"day=2024-01-0{day + 1}" / f"name={name}" / "_SUCCESS.csv"
        part.parent.mkdir(parents=True)
        part.write_text("not a table")
        part.with_name("x.csv").write_text("x\n" + "1\n" * 50)
    with pytest.warns(UserWarning, match="not measured: day .times"):
        baseline = pegel.profile(tmp_path)

    assert {"x": "numeric", "year": "numeric", "name": "categorical"} == kinds(baseline)
    assert (50, 50) == (baseline.summary.features["name"].counted, baseline.summary.features["name"].n_null)
    assert {"year": "categorical"}.items() <= kinds(pegel.profile(tmp_path, categorical=["year", "day"])).items()


def test_folders_hold_more_than_tables(tmp_path: Path) -> None:
    """Hidden files, markers and papers are passed over; nested folders are not, nor those behind links."""
    (tmp_path / "2026" / "01").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "2026" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "2026" / "round").symlink_to(tmp_path / "2026")
    for path in ("2026/01/a.csv", "elsewhere/b.csv", "2026/.a.csv.crc", "2026/_SUCCESS", "2026/README.txt"):
        (tmp_path / path).write_text("x\n1\n2\n")

    assert 4 == pegel.profile(tmp_path / "2026").rows


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (["a.csv", "b.parquet"], "expected files of one format"),
        (["a.csv", "a.csv.gz"], "expected each table once"),
        (["a.csv", "a.tsv"], "expected each table once"),
        (["README.md"], "which has none"),
        ([], "which has none"),
    ],
)
def test_folders_that_are_no_table(tmp_path: Path, names: list[str], reason: str) -> None:
    """A folder with the same rows in two forms, or without any, is refused: no row counts twice."""
    for name in names:
        (tmp_path / name).write_text("x\n1\n")

    assert reason in refused(tmp_path)
    assert reason.replace("has none", "is not there") in refused(str(tmp_path / "[ab]*"))


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    """Addresses, devices, links to nothing, names too long and files given twice are refused in one sentence."""
    (tmp_path / "nothing.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "x.csv").write_text("x\n1\n")
    os.mkfifo(tmp_path / "pipe.csv")

    assert "given the address s3://bucket/x.parquet" in refused("s3://bucket/x.parquet")
    assert "which is neither a file nor a folder" in refused("/dev/zero")
    assert "which is neither a file nor a folder" in refused(tmp_path / "pipe.csv")
    assert "which is a link to nothing" in refused(tmp_path / "nothing.csv")
    assert "which is a link to nothing" in refused(tmp_path)
    assert "File name too long" in refused("a,b\n" * 2_000)
    assert "twice: nothing was read" in refused([tmp_path / "x.csv", str(tmp_path / "*x.csv")])


def test_a_home_may_be_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` is the user's own folder, as in every shell."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x.csv").write_text("x\n1\n2\n")

    assert 2 == pegel.profile("~/x.csv").rows


@pytest.mark.parametrize("damage", ["cut", "garbled", "empty", "text"])
def test_damaged_parquet_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    """A Parquet file that is cut off, garbled inside or something else is refused by its name, whenever that shows."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(rows(), path, compression="zstd")
    body = bytearray(path.read_bytes())
    body[200:8_000] = bytes(7_800)
    damaged = {"cut": bytes(body[:-8]), "garbled": bytes(body), "empty": b"", "text": b"x,y\n1,2\n"}
    path.write_bytes(damaged[damage])

    assert str(path) in refused(path)


def test_text_in_one_file_is_text_in_all(tmp_path: Path) -> None:
    """A column of several CSV files has the type that all of their rows allow, as if they were one file."""
    (tmp_path / "a.csv").write_text("x,note\n" + "1,007\n" * ROWS)
    (tmp_path / "b.csv").write_text("x,note\n" + "1.5,a\n" * ROWS)
    baseline = pegel.profile(tmp_path)

    assert {"x": "numeric", "note": "categorical"} == kinds(baseline)
    assert {"007", "a"} == set(baseline.to_json()["content"]["layout"]["features"][1]["categories"])


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_what_is_not_watched_may_differ_between_files(tmp_path: Path, suffix: str) -> None:
    """Columns that a baseline does not know may have any type in each file, or be there in one only."""
    baseline = pegel.profile({"x": [1, 2] * ROWS})
    for number, table in enumerate(
        (
            pa.table({"x": [1, 2] * 50, "note": ["a"] * 100}),
            pa.table({"note": [7] * 100, "more": [1] * 100, "x": [1, 2] * 50}),
        )
    ):
        path = tmp_path / f"{number}.{suffix}"
        if suffix == "csv":
            path.write_text(
                "\n".join(
                    [",".join(table.column_names), *(",".join(map(str, row.values())) for row in table.to_pylist()), ""]
                )
            )
        else:
            pa.parquet.write_table(table, path)
    report = pegel.check(tmp_path, baseline)

    assert (Verdict.OK, ("note",)) == (report.verdict, report.extra)


def test_what_is_watched_may_not(tmp_path: Path) -> None:
    """A watched column that has two types, or is missing from some files, is refused by its name and theirs."""
    baseline = pegel.profile({"x": [1, 2] * ROWS, "c": ["a", "b"] * ROWS})
    for number, table in enumerate(
        (pa.table({"x": [1], "c": ["a"]}), pa.table({"x": ["1"], "c": ["a"]}), pa.table({"x": [1]}))
    ):
        pa.parquet.write_table(table, tmp_path / f"{number}.parquet")
    paths = [tmp_path / f"{number}.parquet" for number in range(3)]

    for chosen, words in (
        (
            paths[:2],
            r"expected x to have one type in every file, given int64 in .*0\.parquet and string in .*1\.parquet",
        ),
        (paths[::2], r"given .*0\.parquet and .*2\.parquet, which differ in c: nothing was read"),
    ):
        with pytest.raises(PermanentError, match=words):
            pegel.check(chosen, baseline)
    with pytest.raises(LayoutMismatch, match="given a table without c"):
        pegel.check(paths[2], baseline)


def test_folders_of_the_system_are_no_data(tmp_path: Path) -> None:
    """Below a folder, those in which the system shows itself as files are not searched."""
    pa.parquet.write_table(rows(), tmp_path / "x.parquet")
    for name in ("proc", "sys", "dev"):
        (tmp_path / name).symlink_to(f"/{name}")

    assert ROWS == pegel.profile(tmp_path).rows


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder that the system does not open is refused in one sentence, with its name."""
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # longer in all than a path may be
        os.mkdir("f" * 250, dir_fd=folder)
        below = os.open("f" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    sentence = refused(tmp_path)

    assert sentence.startswith(f"expected a folder that can be read, given {tmp_path}/fff")
    assert sentence.endswith(": File name too long. Nothing was read.")


def test_a_file_is_opened_once_for_all_columns(tmp_path: Path) -> None:
    """Columns are read one by one from a file that stays open: it may even be gone after the first."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(pa.table({f"c{number}": [number] for number in range(50)}), path)
    with table_reading.opened(path) as table:
        first = [*table.column("c0")]
        path.unlink()
        others = [block.to_pylist() for number in range(1, 50) for block in table.column(f"c{number}")]

    assert ([0], [[number] for number in range(1, 50)]) == (first[0].to_pylist(), others)


def test_readers_are_lent_to_one_at_a_time(tmp_path: Path) -> None:
    """Two who read at once have a file opened for each; whoever comes next opens none."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(rows(), path)
    metadata = pa.parquet.read_metadata(path)
    with closing(OpenFiles()) as files:
        with files.reader(path, metadata) as one, files.reader(path, metadata) as other:
            assert one is not other
        for _ in range(10):
            with files.reader(path, metadata) as again:
                assert again in {one, other}

        assert 2 == files.opened


def test_a_reader_that_failed_is_not_lent_again(tmp_path: Path) -> None:
    """What was read no further than to an error is opened anew."""
    path = tmp_path / "x.parquet"
    pa.parquet.write_table(rows(), path)
    metadata = pa.parquet.read_metadata(path)
    with closing(OpenFiles()) as files:
        with pytest.raises(OSError, match="damaged"), files.reader(path, metadata):
            raise OSError("damaged")
        with files.reader(path, metadata) as again:
            assert ROWS == again.read().num_rows

        assert 2 == files.opened
