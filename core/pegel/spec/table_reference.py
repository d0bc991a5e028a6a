"""How a table is named that lies in no feature store: by where it is, `parquet:s3a://bucket/rows?predictions=delay`.

::

    parquet:ADDRESS                     a file, or a folder of files
    delta:ADDRESS                       a table of Delta; `version` pins it
    iceberg:ADDRESS                     a table of Iceberg: its folder, or one of its metadata files
    iceberg://CATALOG/NAMESPACE.TABLE   one that a catalog knows; `snapshot` pins it, here and above
    jdbc://DATABASE/TABLE               a table or a view of a database that the file of databases names

An address is absolute: `/folder`, or a scheme and `://`. None of these ever holds a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode

from pegel.errors import InvalidSpec
from pegel.spec.outside_text import quoted
from pegel.spec.source_reference import is_stored_name

PARQUET, DELTA, ICEBERG, JDBC = "parquet", "delta", "iceberg", "jdbc"
KINDS: Final = (PARQUET, DELTA, ICEBERG, JDBC)
FORMS: Final = {
    PARQUET: "parquet:/folder or parquet:s3a://bucket/folder",
    DELTA: "delta:/folder or delta:s3a://bucket/folder?version=3",
    ICEBERG: "iceberg:s3a://bucket/folder or iceberg://CATALOG/NAMESPACE.TABLE?snapshot=123",
    JDBC: "jdbc://DATABASE/TABLE, DATABASE named in the file PEGEL_DATABASES_FILE with its address and password",
}
_LISTS = ("predictions", "without", "categories")
_PINS = {DELTA: "version", ICEBERG: "snapshot"}
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,127}(\.[A-Za-z_][A-Za-z0-9_$]{0,127}){0,3}")
"""A name of a table as SQL takes it without quotes: it becomes part of a query."""
_ADDRESS = re.compile(r"/[^/].*|[a-z][a-z0-9+.-]*:///?[^/].*|file:/[^/].*", re.DOTALL)
_SECRET = re.compile(r"(:|%3a).*(@|%40)", re.DOTALL | re.IGNORECASE)
"""A password before the name of a host, in what stands behind `://`: of any letters, `/`, `?` and escapes too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRef:
    """A table, and what its columns are to a model.

    `place`: its address; empty where `owner`, a catalog or a database, knows it by the name `table`.
    `pin`: version or snapshot; None means the newest. `predictions`: columns that hold what the model predicted.
    `without`: columns that are no inputs of the model, such as keys and labels. `categories`: columns of numbers that
    are codes.
    """

    kind: str
    place: str = ""
    owner: str = ""
    table: str = ""
    pin: int | None = None
    predictions: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> TableRef:
        """Read the written form. Raises InvalidSpec; nothing is said twice, and no column has two parts."""
        scheme, _, rest = text.partition(":")
        kind = scheme.lower()
        if kind not in KINDS:
            raise InvalidSpec(f"baseline.source: given {quoted(text)}: expected one of {', '.join(FORMS.values())}")
        if _SECRET.search(text.partition("://")[2]):
            raise InvalidSpec(
                f"baseline.source: given a {kind} address with a password, which everybody who sees the spec would "
                "read; write it without"
            )
        where, _, query = rest.partition("?")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError:
            raise _refused(text, kind) from None
        asked, pin = dict(pairs), _PINS.get(kind, "")
        named = [column for part in _LISTS if part in asked for column in asked[part].split(",")]
        if (
            len(asked) != len(pairs)
            or not asked.keys() <= {*_LISTS, pin}
            or "#" in text
            or not text.isprintable()
            or len(set(named)) != len(named)
            or not all(named)
            or (pin in asked and _NUMBER.fullmatch(asked[pin]) is None)
        ):
            raise _refused(text, kind)
        lists = {part: tuple(asked[part].split(",")) for part in _LISTS if part in asked}
        place, owner, table = _where(text, kind, where)
        return cls(
            kind=kind,
            place=place,
            owner=owner,
            table=table,
            pin=int(asked[pin]) if pin in asked else None,
            **lists,
        )

    @property
    def address(self) -> str:
        """Return where it is, for people and readers, without what its columns are."""
        return self.place or f"{self.kind}://{self.owner}/{self.table}"

    def __str__(self) -> str:
        said = {_PINS.get(self.kind, ""): self.pin} | {part: ",".join(getattr(self, part)) for part in _LISTS}
        query = urlencode({name: value for name, value in said.items() if value not in (None, "")}, safe=",")
        where = _escaped(self.place) or f"//{self.owner}/{self.table}"
        return f"{self.kind}:{where}{'?' if query else ''}{query}"


def _escaped(place: str) -> str:
    """Return an address with what would be read otherwise as an escape: letters of all scripts stay as they are."""
    return "".join(quote(letter, safe="") if letter in "%?#" else letter for letter in place)


def is_table(source: str) -> bool:
    """Say whether training data are named as a table by where it is.

    >>> is_table("delta:s3a://bucket/rows"), is_table("jdbc://shop/rows"), is_table("local://delays")
    (True, True, False)
    """
    return source.strip().partition(":")[0].lower() in KINDS


def _where(text: str, kind: str, where: str) -> tuple[str, str, str]:
    """Return the address, or the catalog or database and the name of a table in it. Raises InvalidSpec."""
    known_by_name = kind == JDBC or (kind == ICEBERG and where.startswith("//"))
    if not known_by_name:
        place = unquote(where)
        if kind == JDBC or _ADDRESS.fullmatch(place) is None or not place.isprintable():
            raise _refused(text, kind)
        return place, "", ""
    owner, _, table = where.removeprefix("//").partition("/")
    if not where.startswith("//") or not is_stored_name(owner) or _TABLE.fullmatch(table) is None:
        raise _refused(text, kind)
    return "", owner, table


def _refused(text: str, kind: str) -> InvalidSpec:
    # What stands behind `jdbc:` elsewhere may hold a password; it is not shown.
    given = "an address of a database" if kind == JDBC and not text.startswith("jdbc://") else quoted(text)
    pin = f"&{_PINS[kind]}=NUMBER" if kind in _PINS else ""
    return InvalidSpec(
        f"baseline.source: given {given}: expected {FORMS[kind]}, and behind `?`, each once: predictions=COLUMNS"
        f"&without=COLUMNS&categories=COLUMNS{pin}, columns separated by commas"
    )
