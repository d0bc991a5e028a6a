"""The types of a spec's fields: what each accepts, and the sentence with which it refuses the rest."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from pegel.errors import InvalidSpec
from pegel.spec import names
from pegel.spec.alert_routes import Route, alert_routes, severities_by_kind
from pegel.spec.email_addresses import EMAIL, LONGEST_EMAIL, is_email
from pegel.spec.hopsworks_reference import HopsworksRef, is_hopsworks
from pegel.spec.named_twice import named_twice
from pegel.spec.outside_text import quoted, shown
from pegel.spec.rhythms import LONG
from pegel.spec.segment_columns import SegmentColumn, segment_columns
from pegel.spec.server_addresses import names_a_server
from pegel.spec.source_reference import SourceRef
from pegel.spec.suites import suites
from pegel.spec.table_reference import FORMS, TableRef, is_table
from pegel.spec.weekly_times import WeeklyInstant

LONGEST_NAME = 40
"""Of a model, a namespace or a group: with prefix and suffix they are topics and Kubernetes resources."""
LONGEST_TEXT = 2_000
"""Of references, addresses and names of fields."""
FEWEST_ALARMS, MOST_ALARMS = 0.001, 1000.0
"""Fewer than one in a thousand months is below what the tests can tell; so many in an hour are one every four seconds,
more than there are windows to alarm in."""
_PERCENT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*%")
MOST_ROWS = 1e12
"""Rows or outliers a day: ten million a second."""


def safe_name(value: str) -> str:
    """Return a name of a model, a namespace or a group. Raises ValueError with what a name may be."""
    _within(value, LONGEST_NAME)
    if not names.is_safe(value):
        raise ValueError("must be lower case letters, digits and inner hyphens, because it names topics and endpoints")
    return value


def _within(text: str, most: int) -> str:
    if not text:
        raise ValueError("is empty; write a value, or leave the field out")
    if len(text) > most:
        raise ValueError(f"has {len(text):,} characters, at most {most:,} are possible")
    return text


def _counted(value: Any) -> Any:
    """Read a number that was written as text, as all scalars of a spec's file are."""
    return int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,20}", value) else value


def whole_number(value: Any) -> Any:
    """Read a whole number written as digits; other text, which Python would read as one, too, is refused."""
    number = _counted(value)
    if isinstance(number, str):
        raise ValueError("expected a whole number, in at most 20 digits and nothing else")  # noqa: TRY004  pydantic's way
    return number


def _listed(value: Any) -> Any:
    """Take one text where a list is expected for a list of one."""
    return (value,) if isinstance(value, str) else value


def _mailable(address: str) -> str:
    if not is_email(address):
        raise ValueError("expected one address such as oncall@example.org; several are a list: [a@b.org, c@d.org]")
    return address


def _weekly(text: Any) -> Any:
    """Return when a digest is sent, in its one way of writing it. Raises ValueError with what was expected."""
    return str(WeeklyInstant.parse(text)) if isinstance(text, str) else text


def _mailed_once(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Fold what is one address: domains are the same in upper and lower case. The first way of writing it stays."""
    folded: dict[tuple[str, str], str] = {}
    for address in addresses:
        person, _, domain = address.rpartition("@")
        folded.setdefault((person, domain.lower()), address)
    return tuple(folded.values())


def _visible(text: str) -> str:
    _within(text, LONGEST_TEXT)
    if not text.isprintable():
        raise ValueError("has a character that cannot be seen; write it without")
    return text


def _registered(text: str) -> str:
    """Refuse what the local feature store or Hopsworks could never hold, and what names no table."""
    if is_table(text):
        try:
            TableRef.parse(text)
        except InvalidSpec as error:
            raise ValueError(str(error).partition("baseline.source: ")[2]) from None
    if is_hopsworks(text):
        try:
            HopsworksRef.parse(text)
        except InvalidSpec as error:
            raise ValueError(f"expected {str(error).partition(': expected ')[2]}") from None
    if text.strip()[:6].lower() == "local:":
        try:
            SourceRef.parse(text)
        except InvalidSpec:
            raise ValueError(
                "expected local://NAME?version=1&split=train: name and split of letters, digits, `_`, `-` and `.`"
            ) from None
    return text


def _tabled(text: str) -> str:
    """Refuse what names no table that grows, or says what its columns are, which the baseline does."""
    if not is_table(text):
        raise ValueError(f"expected the address of a table: {', '.join(FORMS.values())}")
    try:
        table = TableRef.parse(text)
    except InvalidSpec as error:
        raise ValueError(str(error).partition("baseline.source: ")[2]) from None
    if table.pin is not None or table.predictions or table.without or table.categories:
        raise ValueError(
            "expected the address of the table alone, as in delta:/folder: its columns are called as those of the "
            "baseline, and what is pinned has no new rows"
        )
    return text


def _placed(text: str) -> str:
    """Refuse an address that names no place. Which schemes there are, the serving backend knows."""
    try:
        urlsplit(text)
    except ValueError as error:
        raise ValueError(f"is no address ({shown(str(error))}); write the model's folder") from None
    scheme, colon, rest = text.partition(":")
    if not colon or re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*", scheme) is None:
        return text
    if not rest.strip("/") or not (scheme == "file" or rest.startswith("//")):
        raise ValueError("names no place; write the folder, as in file:///models/delays or s3://bucket/models/delays")
    return text


def _called(text: str) -> str:
    """Refuse what is no base address of a server, and what would be a secret in every place that shows a spec."""
    if not names_a_server(text):
        raise ValueError("expected the base address of a server, as in http://models.example.org:8080")
    parts = urlsplit(text)
    if "@" in parts.netloc:
        raise ValueError("has a name or a password, which everybody who sees the spec would read; write it without")
    if "?" in text or "#" in text or re.search("/v[12](/|$)", parts.path):
        raise ValueError("expected the base address alone: what stands before /v1/models/... or /v2/models/...")
    if {".", ".."} & set(re.split("[/;]", unquote(parts.path))) or "//" in parts.path.rstrip("/"):
        raise ValueError("has an empty step, `.` or `..` in its path, which servers read differently; write it without")
    return text.rstrip("/")


def _logged_to(text: str) -> str:
    """Refuse a topic of ours: those of a namespace are its own."""
    if text.startswith(names.TOPIC_PREFIX):
        raise ValueError("is a topic of Pegel's own, which hold what endpoints log; state that of the deployment")
    if text in {".", ".."}:
        raise ValueError("is no name of a topic")
    return text


def _storable(text: str) -> str:
    _within(text, LONGEST_TEXT)
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("has a NUL or half a pair of characters, which no database keeps")
    return text


def _watched(value: Any) -> Any:
    """Return `all`, or the names given, each once: a list of texts, or one text for a list of one."""
    names_ = _listed(value)
    if value == "all":
        return value
    if not isinstance(names_, list | tuple):
        raise ValueError("expected `all` or a list of names")  # noqa: TRY004  pydantic's way
    for name in names_:
        if not isinstance(name, str):
            raise ValueError(f"expected names of columns; {quoted(name)} is none")  # noqa: TRY004  pydantic's way
        _storable(name)
    return _once(tuple(names_))


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    if twice := named_twice(values):
        raise ValueError(f"{', '.join(map(shown, twice))} is named more than once; name it once")
    return values


def _shortest_first(rhythms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(rhythm.value for rhythm in LONG if rhythm in rhythms)


def _countable(count: float) -> float:
    if not FEWEST_ALARMS <= count <= MOST_ALARMS:
        raise ValueError(
            f"expected {FEWEST_ALARMS:g} to {MOST_ALARMS:g}: with less no change would ever be told, with more every "
            f"window would be an alarm; choose another number or another `per`"
        )
    return count


def _part(value: Any) -> Any:
    """Read a number of per cent that was written as text: `1%` is 0.01."""
    written = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    return float(written[1]) / 100 if written else value


def _text(most: int, **schema: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": most} | schema)


Name = Annotated[str, AfterValidator(safe_name), _text(LONGEST_NAME, pattern=names.SAFE_NAME)]
Version = Annotated[int, Field(ge=1, le=names.LARGEST_VERSION), BeforeValidator(whole_number)]
SpecVersion = Annotated[Literal[1], BeforeValidator(_counted)]
Reference = Annotated[str, AfterValidator(_visible), _text(LONGEST_TEXT)]
"""An address of data or of a model."""
Source = Annotated[Reference, AfterValidator(_registered)]
"""Where training data is registered."""
RowsTable = Annotated[Reference, AfterValidator(_tabled)]
"""Where a job writes rows and what it predicted of them."""
Place = Annotated[Reference, AfterValidator(_placed)]
"""Where a model lies."""
Address = Annotated[Reference, AfterValidator(_called)]
"""Base address of a server that runs already."""
ServedName = Annotated[str, Field(pattern=f"^{names.SERVED_NAME}$")]
"""What a server calls a model in its paths."""
Topic = Annotated[str, Field(pattern=f"^{names.TOPIC}$"), AfterValidator(_logged_to)]
"""A topic of the broker that others write to."""
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
"""SHA-256 of content, in hexadecimal digits."""
FieldName = Annotated[str, AfterValidator(_storable), _text(LONGEST_TEXT)]
"""The name of a column as the data have it, line breaks and all."""
ColumnNames = Annotated[tuple[FieldName, ...], AfterValidator(_once), BeforeValidator(_listed)]
"""Names of columns, each once."""
WatchedNames = Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(_watched)]
PartNames = Annotated[tuple[Reference, ...], AfterValidator(_once), BeforeValidator(_listed)]
"""Names of detectors or statistics."""
LongSpans = Annotated[
    tuple[Literal["hour", "day", "week"], ...],
    AfterValidator(_shortest_first),
    BeforeValidator(_listed),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(LONG)}}),
]
"""Which rhythms windows are added up to."""
Suites = Annotated[
    tuple[Any, ...],
    BeforeValidator(suites),
    WithJsonSchema({"type": "array", "items": {"type": ["string", "object"]}}),
]
"""Suites of expectations, see `pegel.spec.suites`."""
SegmentColumns = Annotated[
    tuple[SegmentColumn, ...],
    BeforeValidator(segment_columns),
    WithJsonSchema({"type": "array", "items": {"type": ["string", "object"]}}),
]
"""Columns that part the rows, see `pegel.spec.segment_columns`."""
Email = Annotated[str, AfterValidator(_mailable), _text(LONGEST_EMAIL, pattern=EMAIL)]
Emails = Annotated[tuple[Email, ...], AfterValidator(_mailed_once), BeforeValidator(_listed)]
"""Who is told; an address that is named twice is told once."""
Routes = Annotated[
    tuple[Route, ...],
    BeforeValidator(alert_routes),
    PlainSerializer(lambda routes: [route.to_json() for route in routes]),
    WithJsonSchema({"type": "array", "items": {"type": "object"}}),
]
"""Who is told of which alerts, see `pegel.spec.alert_routes`."""
SeverityByKind = Annotated[dict[str, str], BeforeValidator(severities_by_kind), WithJsonSchema({"type": "object"})]
"""How bad alerts of a kind are."""
DigestTime = Annotated[str, BeforeValidator(_weekly), WithJsonSchema({"type": "string"})]
"""When digests are sent, such as `daily 08:00 Europe/Berlin`."""
AlarmCount = Annotated[
    float,
    AfterValidator(_countable),
    WithJsonSchema({"type": "number", "minimum": FEWEST_ALARMS, "maximum": MOST_ALARMS}),
]
DailyNumber = Annotated[float, Field(gt=0, le=MOST_ROWS)]
Share = Annotated[
    float,
    Field(ge=0, le=1),
    BeforeValidator(_part),
    WithJsonSchema({"type": ["number", "string"], "minimum": 0, "maximum": 1}),
]
"""A part of a whole, from 0 to 1 (both inclusive). Written as a number (`0.01`) or in per cent (`1%`)."""
