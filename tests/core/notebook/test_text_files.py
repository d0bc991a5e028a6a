"""Text files as people have them: read as they are meant, or refused in one sentence."""

from __future__ import annotations

import bz2
import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from profiled import kinds, refused

import pegel
from pegel.errors import PermanentError
from pegel.judge.findings import Verdict
from pegel.notebook import column_spool
from pegel.notebook.csv_dialect import recognise
from pegel.notebook.file_search import DataFile
from pegel.notebook.wanted_columns import Wanted

pytestmark = pytest.mark.environments("pyarrow")

ROWS = 200


def written(path: Path, text: str | bytes) -> Path:
    """Write a file, line ends as they are."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.filterwarnings("ignore:without a value")
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path: Path, separator: str, end: str) -> None:
    """Commas, semicolons, tabs and pipes separate columns, with the line ends of every system."""
    lines = [
        separator.join(["price", "city", "note"]),
        *(f"{i % 9}.5{separator}c{i % 3}{separator}" for i in range(ROWS)),
    ]
    baseline = pegel.profile(written(tmp_path / "x.csv", end.join([*lines, ""])), categorical=["note"])

    assert {"price": "numeric", "city": "categorical", "note": "categorical"} == kinds(baseline)
    assert (ROWS, 0.5, 8.5) == (
        baseline.rows,
        baseline.summary.features["price"].min,
        baseline.summary.features["price"].max,
    )


def test_two_separators_are_refused(tmp_path: Path) -> None:
    """Where lines can be cut in two ways, nobody guesses; inside quotes the other sign is a letter."""
    open_ = written(tmp_path / "open.csv", "a,b;c\n" + "1,2;3\n" * ROWS)
    quoted = written(tmp_path / "quoted.csv", 'a,"b;c"\n' + '1,"2;3"\n' * ROWS)

    assert "comma (2 columns) or semicolon (2 columns)" in refused(open_)
    assert ["a", "b;c"] == list(kinds(pegel.profile(quoted)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_with_a_mark_are_read(tmp_path: Path, encoding: str) -> None:
    """Unicode is read in every form that a file says of itself."""
    text = "Größe,Stadt\n" + "".join(f"{i},Köln\n" for i in range(ROWS))
    baseline = pegel.profile(written(tmp_path / "x.csv", text.encode(encoding)))

    assert {"Größe": "numeric", "Stadt": "categorical"} == kinds(baseline)


@pytest.mark.parametrize(
    "body",
    [
        "price,city\n1,Köln\n".encode("latin-1") * ROWS,
        b"price,city\n" + b"1,x\n" * 2_000_000 + "1,Köln\n".encode("latin-1"),
        "price,city\n1,Köln\n".encode("utf-16-le"),
        "price,city\n1,Köln\n".encode("utf-16")[:-1],
    ],
    ids=["latin-1", "latin-1 far below", "no mark", "half a letter"],
)
def test_other_encodings_are_refused_by_name(tmp_path: Path, body: bytes) -> None:
    """What is not Unicode is refused with the way out, wherever it shows: no column is left out for it."""
    said = refused(written(tmp_path / "x.csv", body))

    assert said.startswith(f"expected text in UTF-8, or in UTF-16 with its mark, given {tmp_path / 'x.csv'}")
    assert said.endswith(" -t utf8.")


def test_line_ends_inside_quotes(tmp_path: Path) -> None:
    """A quoted value may hold line ends, quotes and separators, also where a block of the file ends within it."""
    lines = "t\n" + ('"' + "x" * 900 + '\n""b"",;\r\n"\n') * 6_000

    assert 6_000 == pegel.profile(written(tmp_path / "x.csv", lines)).rows


@pytest.mark.parametrize(
    "text",
    ['a,b\n1,"x\n' + "1,x\n" * 9, 'a,b\n"1,x\n' + "1,x\n" * 9, 'a\n"1\n2\n3\n', 'a,b\n1,x\n2,"y', 'a,b\n1,2\n3,"4\n'],
)
def test_an_open_quote_is_refused(tmp_path: Path, text: str) -> None:
    """A quote that is never closed swallows no rows: the file is refused."""
    said = refused(written(tmp_path / "x.csv", text))

    assert said.endswith("Nothing was read.")


@pytest.mark.parametrize("text", ['a,b\n1,"x\n"\n', 'a,b\n1,"x\n"', 'a,b\n1,"x"\n2,5" pipe\n'])
def test_closed_quotes_are_read(tmp_path: Path, text: str) -> None:
    """Quotes that are closed, and those within unquoted text, are read."""
    assert text.count("\n1,") + text.count("\n2,") == pegel.profile(written(tmp_path / "x.csv", text)).rows


def test_decimal_commas(tmp_path: Path) -> None:
    """A comma before fractions is read where it separates nothing, also if it first comes far below."""
    early = written(tmp_path / "early.csv", "x;c\n" + "1,5;a\n-2,5;b\n" * ROWS)
    late = written(tmp_path / "late.csv", "x;c\n" + "1;a\n" * 300 + "1,5;b\n")

    assert (-2.5, 1.5) == (
        pegel.profile(early).summary.features["x"].min,
        pegel.profile(early).summary.features["x"].max,
    )
    assert 1.5 == pegel.profile(late).summary.features["x"].max


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('x,c\n"1,5",a\n"2,5",b\n', "with commas inside the numbers of the column x"),
        ('x,c\n"1,234.5",a\n"12",b\n', "with commas inside the numbers of the column x"),
        ("x;c\n1.234,5;a\n12,5;b\n", "with commas inside the numbers of the column x"),
        ("x;y\n1,5;1.5\n2,5;2.5\n", "with a comma in the column x and a point in the column y"),
        ("x;c\n1,123;a\n12;b\n", "in the column x that may stand between thousands"),
        ("x;c\n" + "1;a\n" * 300 + "1,123;a\n", "in the column x that may stand between thousands"),
        ("x;y\n" + "1;1.5\n" * 300 + "1,5;1.5\n", "with a comma in the column x and a point in the column y"),
        ("x;y\n" + "1;1,5\n" * 300 + "1.5;1,5\n", "with a comma in the column y and a point in the column x"),
        ("x;c\n1,5;a\n1.5;b\n", "with a comma in the column x and a point in the column x"),
    ],
)
def test_numbers_written_in_two_ways_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Numbers with other signs than one before fractions never become categories in silence: the column is named."""
    assert reason in refused(written(tmp_path / "x.csv", text))


@pytest.mark.parametrize("proof", ["1,5;2", "0,123;2", "1234;2", "5;1,5"])
def test_one_number_tells_what_commas_are(tmp_path: Path, proof: str) -> None:
    """One fraction that cannot be thousands tells that all commas of a file stand before fractions."""
    path = written(tmp_path / "x.csv", f"x;y\n1,123;2\n{proof}\n")

    assert pegel.profile(path).summary.features["x"].min in {1.123, 0.123}


def test_an_empty_line_of_one_column_is_null(tmp_path: Path) -> None:
    """Of one column, an empty line is a row without a value; the end of the last line, and lines above, are none."""
    path = written(tmp_path / "x.csv", "\n\nx\n0.1\n\n0.3\n")
    baseline = pegel.profile(path)

    assert (3, 1) == (baseline.rows, baseline.summary.features["x"].n_null)


@pytest.mark.parametrize("line", ["sep=;\n", '"sep=;"\r\n'])
def test_a_stated_separator_is_taken(tmp_path: Path, line: str) -> None:
    """The line in which spreadsheets name the separator is no header."""
    assert {"a,b": "numeric", "c": "numeric"} == kinds(
        pegel.profile(written(tmp_path / "x.csv", line + "a,b;c\n1;2\n"))
    )


def test_one_column_with_blanks_is_one(tmp_path: Path) -> None:
    """A name of two words above other words is one column."""
    path = written(tmp_path / "x.csv", "first name\nAnna Maria\nJean Paul\n")

    assert {"first name": "categorical"} == kinds(pegel.profile(path))


def test_text_with_commas_stays_text(tmp_path: Path) -> None:
    """What is asked for as a category, and what is not watched, may look like anything."""
    path = written(tmp_path / "x.csv", 'x,code\n1,"1,5"\n2,"2,5"\n' * 1)
    codes = pegel.profile(path, categorical=["code"]).summary.features["code"]

    assert 2 == codes.counted
    assert 2 == pegel.check(path, pegel.profile({"x": [1, 2]})).rows


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "which is empty"),
        ("\n\n", "which is empty"),
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", "whose first line holds the number 5.1"),
        ("5,5,0\n1,2,3\n", "with several named 5"),
        ("a,a\n1,2\n", "with several named a"),
        ("a,b\n1,2,3\n", "row 2 should have 2 values, one per name, and has 3: 1,2,3;"),
        ("a\0b\n1\n", "which holds zero bytes"),
        ("a,b\n1," + "x" * 9_000_000, "a row is too long"),
        ("a,b\n" + "1,x\n" * 300 + "1," + "x" * 9_000_000, "a row is longer than 4 MiB"),
        ("# made today\na,b\n1,2\n", "remove comments and titles above it"),
        ("a\0,\0b\0\n\0", "iconv -f utf-16le"),
        ("PK\3\4", "a workbook by its content"),
        *((f"a{sign}b\n1{sign}2\n", "whose lines may be cut at") for sign in (":", "::", "~", "^", "\1", " ")),
        ("PAR1 of another name", "which is Parquet by its content"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Files without a header, without rows of one width, or without any text are refused with the reason."""
    assert reason in refused(written(tmp_path / "x.csv", text))


def test_no_column_has_a_name(tmp_path: Path) -> None:
    """Where nothing can be measured, the sentence says what stands there instead."""
    path = written(tmp_path / "x.csv", ",,\n" + "1,2,3\n" * 200)

    assert refused(path).endswith("0 such columns (not measured: columns without a name): no baseline was made.")


@pytest.mark.parametrize("text", ["a,b", "a,b\n"])
def test_a_header_alone(tmp_path: Path, text: str) -> None:
    """A header without rows teaches nothing, and a check of it says that there is no data."""
    path = written(tmp_path / "x.csv", text)
    with pytest.raises(PermanentError, match="given 0 rows"):
        pegel.profile(path)

    assert Verdict.NO_DATA is pegel.check(path, pegel.profile({"a": [1, 2], "b": ["x", "y"]})).verdict


@pytest.mark.parametrize(("suffix", "compress"), [(".csv.gz", gzip.compress), (".tsv.bz2", bz2.compress)])
def test_compressed_files(tmp_path: Path, suffix: str, compress: object) -> None:
    """Compressed text is read like plain text; cut off or damaged, it is refused in one sentence."""
    assert callable(compress)
    body = compress(b"a\n" + b"1\n2\n" * 9_000)
    whole = written(tmp_path / f"whole{suffix}", body)

    assert 18_000 == pegel.profile(whole).rows
    assert "Nothing was read." in refused(written(tmp_path / f"cut{suffix}", body[:-10]))
    assert "Nothing was read." in refused(written(tmp_path / f"other{suffix}", b"no " + body))


def test_what_expands_without_end_is_refused(tmp_path: Path) -> None:
    """A small file that expands to a thousandfold stops at a bound instead of filling the disk."""
    file = DataFile(written(tmp_path / "x.csv.gz", gzip.compress(b"a\n" + b"1\n" * 10_000_000)))
    with pytest.raises(PermanentError, match="as no table does"):
        column_spool.spool(file, tmp_path / "x.parquet", Wanted(), lambda _: None, expanded_bytes=1 << 20)


@pytest.mark.filterwarnings("ignore:not measured")
@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_what_labels_rows_is_left_out(tmp_path: Path, name: str) -> None:
    """An index, which CSV has below an empty name, is no feature, and no column that a check wonders about."""
    path = written(tmp_path / "x.csv", f"{name},x\n" + "".join(f"{i},1.5\n" for i in range(ROWS)))
    baseline = pegel.profile(path)

    assert {"x": "numeric"} == kinds(baseline)
    assert () == pegel.check(path, baseline).extra


def test_columns_without_a_name_are_told(tmp_path: Path) -> None:
    """A column without a name is left out with a warning: it may be more than an index."""
    path = written(tmp_path / "x.csv", "x,,Unnamed: 3\n" + "1,a,b\n" * ROWS)
    with pytest.warns(UserWarning, match=r"not measured: columns without a name; Unnamed: 3 .has no name."):
        baseline = pegel.profile(path)

    assert {"x": "numeric"} == kinds(baseline)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.lists(st.lists(cells, min_size=2, max_size=3), min_size=1, max_size=5), st.binary(max_size=40))
@settings(max_examples=60)
def test_any_beginning_is_understood_or_refused(lines: list[list[str]], noise: bytes) -> None:
    """Whatever a file begins with, its dialect is recognised or the file is refused: nothing else happens."""
    for head in (noise, "\n".join(",".join(line) for line in lines).encode()):
        names: tuple[str, ...] = ()
        with suppress(PermanentError):
            names = recognise(Path("x.csv"), head, whole=True, may_be_number=lambda _: True).names

        assert len(names) == len({name for name in names if name}) + names.count("")
