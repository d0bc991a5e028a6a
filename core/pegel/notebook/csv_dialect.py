"""How a text file is written: its encoding, its separator, the names in its first line, its decimal sign so far.

Nothing is guessed in silence: what the beginning of a file leaves open is refused in one sentence.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pyarrow as pa

from pegel.errors import PermanentError
from pegel.notebook import decimal_sign
from pegel.notebook.naming import listed, place
from pegel.spec.outside_text import shown

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "a zip file or a workbook",
}
"""How the content of files begins that are no text yet."""
FOREIGN = {"::": "::", ":": ":", "~": "~", "^": "^", "\x01": "\\x01", " ": "a blank"}
"""What some systems separate columns by, beside `SEPARATORS`; for people."""
RECORDS = 200
"""Lines that are looked at."""
CELLS = 100_000
"""Cells that are looked at, if a table is so wide that it has them in fewer lines; two lines always are."""
_EXCEL = re.compile(r'"?sep=([^"\r\n])"?(\r\n|\r|\n)', re.IGNORECASE)
"""The line in which Excel names the separator, above the header."""
_EMPTY = re.compile(r"[\r\n]+")
_NO_NAME = re.compile(r"[+-]?\d*[.,]\d+([eE][+-]?\d+)?|-\d+")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is written, as far as its first lines tell.

    `signs_in`: columns that told the sign before fractions, none where no number has any yet. `skipped`: lines above
    the names: empty, or one that states the separator. `bare`: there are no rows.
    """

    encoding: str
    separator: str
    decimal: str
    signs_in: frozenset[str]
    names: tuple[str, ...]
    skipped: int = 0
    bare: bool = False


def recognise(path: Path, head: bytes, *, whole: bool, may_be_number: Callable[[str], bool]) -> Dialect:
    """Return how a file is written.

    Args:
        path: For what is said of it.
        head: Its first bytes, decompressed.
        whole: Whether these are all of it.
        may_be_number: Whether a column of this name would be read as numbers if it looked like them.

    Raises:
        PermanentError: If the file is empty, is not in Unicode, has no header, or can be read in more than one way.
    """
    encoding, text = _decoded(path, head, whole=whole)
    if not text.strip():
        raise PermanentError(f"expected a line of column names and rows below it, given {place(path)}, which is empty.")
    stated, skipped, text = _above(text)
    separator, records = _separated(path, text, (stated,) if stated else SEPARATORS, whole=whole)
    if len(records[0]) == 1 and stated is None:
        _check_one_column(path, text, records)
    names = tuple(records[0])
    _check_header(path, names)
    signs = _signs(records, may_be_number)
    decimal = decimal_sign.settle(path, separator, signs)
    return Dialect(
        encoding, separator, decimal, frozenset(signs.values()), names, skipped, bare=whole and len(records) == 1
    )


def refuse_encoding(path: Path, detail: str, other: str = "Latin-1: iconv -f latin1") -> PermanentError:
    """Return the error that says that a file is not in Unicode, and how to change that if it is in the other one."""
    return PermanentError(
        f"expected text in UTF-8, or in UTF-16 with its mark, given {place(path)}, {detail}: nothing was read. "
        f"If it is in {other} -t utf8."
    )


def _decoded(path: Path, head: bytes, *, whole: bool) -> tuple[str, str]:
    if head.startswith(b"PAR1"):
        raise PermanentError(f"expected text, given {place(path)}, which is Parquet by its content: name it *.parquet.")
    if kind := next((kind for start, kind in COMPRESSED.items() if head.startswith(start)), None):
        raise PermanentError(
            f"expected text, given {place(path)}, which is {kind} by its content: nothing was read. Name it by what it "
            "is (*.csv.gz, *.csv.bz2, *.csv.zst), or save it as text."
        )
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in head:
        ends = {1: "UTF-16-LE: iconv -f utf-16le", 0: "UTF-16-BE: iconv -f utf-16be"}
        where = {place % 2 for place, byte in enumerate(head[:1_000]) if byte == 0}
        raise refuse_encoding(path, "which holds zero bytes", ends[where.pop()] if len(where) == 1 else ends[1])
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=whole)
    except UnicodeDecodeError as error:
        raise refuse_encoding(path, f"which is something else from byte {error.start} on") from error
    return encoding, text.removeprefix("\ufeff")


def _above(text: str) -> tuple[str | None, int, str]:
    """Return the separator that a line above the names states, how many lines stand above them, and the rest."""
    empty = _EMPTY.match(text)
    skipped = len(empty[0].splitlines()) if empty else 0
    text = text[empty.end() :] if empty else text
    if line := _EXCEL.match(text):
        return line[1], skipped + 1, text[line.end() :]
    return None, skipped, text


def _check_one_column(path: Path, text: str, records: list[list[str]]) -> None:
    """Refuse what is most likely several columns, cut by something that is not looked for."""
    lines = [record[0] for record in records if len(record) == 1]
    for sign, words in FOREIGN.items():
        counts = {line.count(sign) for line in lines}
        if len(lines) == 1 or len(counts) != 1 or counts == {0} or text.startswith('"'):
            continue
        cells = [cell for line in lines[1:] for cell in line.split(sign)]
        if sign == " " and not decimal_sign.is_number(cells):
            continue  # names of people, times
        raise PermanentError(
            f"expected columns separated by {', '.join(SEPARATORS.values())}, given {place(path)}, whose lines may be "
            f"cut at {words}: nothing was read. Write it with one of these, or quote the name if it is one column."
        )


def _separated(path: Path, text: str, separators: Iterable[str], *, whole: bool) -> tuple[str, list[list[str]]]:
    """Return the separator that cuts all lines into equally many cells, and these.

    Where none does, the first line alone decides: the reader then names the line that differs.
    """
    cut = {separator: _records(text, separator, whole=whole) for separator in separators}
    several = {separator: records for separator, records in cut.items() if records and len(records[0]) > 1}
    even = {separator: records for separator, records in several.items() if len(set(map(len, records))) == 1}
    # A quote that is left over stood in the middle of a cell: the cut goes through quoted text.
    whole_quotes = {
        separator: records for separator, records in even.items() if not any(map(_is_torn, chain(*records)))
    }
    fitting = whole_quotes or even or several or dict([next(iter(cut.items()))])
    if len(fitting) > 1:
        ways = " or ".join(
            f"{SEPARATORS[separator]} ({len(records[0])} columns)" for separator, records in fitting.items()
        )
        raise PermanentError(
            f"expected one separator, given {place(path)}, whose columns may be cut at {ways}: nothing was "
            f"read. Put names "
            "and values that hold a separator into quotes."
        )
    separator, records = next(iter(fitting.items()))
    if not records:
        raise PermanentError(
            f"expected a line of column names, given {place(path)}, whose first lines do not end within what is "
            "read at once: a quote may be open, or a row is too long."
        )
    return separator, records


def _is_torn(cell: str) -> bool:
    return cell.count('"') % 2 == 1


def _records(text: str, separator: str, *, whole: bool) -> list[list[str]]:
    """Return the first lines, cut; the last one of a text that goes on is left out."""
    records: list[list[str]] = []
    cells = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    for record in _readable(reader):
        if not record:
            continue
        records.append(record)
        cells += len(record)
        if len(records) == RECORDS or (cells > CELLS and len(records) > 2):  # noqa: PLR2004  the header and one line that is whole
            return records
    return records if whole else records[:-1]


def _readable(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield records until one cannot be read: Arrow says what is wrong with that one."""
    while True:
        try:
            yield next(reader)
        except (StopIteration, csv.Error):
            return


def _check_header(path: Path, names: tuple[str, ...]) -> None:
    if numbers := [name for name in names if _NO_NAME.fullmatch(name.strip())]:
        raise PermanentError(
            f"expected column names in the first line, given {place(path)}, whose first line holds the number "
            f"{shown(numbers[0])}: nothing was read. Add a line of names."
        )
    if twice := sorted(name for name, count in Counter(filter(None, names)).items() if count > 1):
        raise PermanentError(
            f"expected one column per name, given {place(path)} with several named {listed(twice)}: nothing "
            f"was read. If "
            "its first line is a row, add a line of names."
        )


def _signs(records: list[list[str]], may_be_number: Callable[[str], bool]) -> dict[str, str]:
    """Return for each sign before fractions the first column that has it."""
    rows = [record for record in records[1:] if len(record) == len(records[0])]
    columns: dict[str, str] = {}
    for name, *cells in zip(records[0], *rows, strict=True):
        if may_be_number(name):
            for sign in decimal_sign.signs(decimal_sign.forms([pa.array(cells, pa.string())])):
                columns.setdefault(sign, name)
    return columns
