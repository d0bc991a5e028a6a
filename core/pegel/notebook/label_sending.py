"""Labels of a table, sent to the inference logger: each row is a label, in requests that fit through its door."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import orjson
import pyarrow as pa

from pegel.data.conversions import STRANGE, category_of, plain
from pegel.data.instants import from_us
from pegel.data.server_answers import ServerAnswer, exchange, json_of, may_pass, words_of
from pegel.errors import InvalidPayload, InvalidSpec, PermanentError, Unavailable
from pegel.labels.label_json import read_label
from pegel.notebook import table_reading
from pegel.notebook.naming import listed
from pegel.notebook.time_column import TimeColumn
from pegel.spec.named_twice import named_twice
from pegel.spec.nearest import did_you_mean
from pegel.spec.outside_text import shown
from pegel.spec.plain_numbers import how_many

REQUEST_BYTES = 400_000
"""Of one request: less than half of what the logger takes."""
TRIES = 4
PAUSE = timedelta(seconds=2)
"""Before another try where the logger has no room, twice as long each time."""
WITHIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelColumnNames:
    """Which columns of a table say what. Either `event_id`, with `row` or without, or `keys` and `time`."""

    label: str
    event_id: str | None = None
    row: str | None = None
    keys: Sequence[str] = ()
    time: str | None = None
    known_at: str | None = None

    def __post_init__(self) -> None:
        """Raises InvalidSpec unless labels are by event or by entity, and not by both."""
        by_event, by_entity = self.event_id is not None, bool(self.keys) and self.time is not None
        if by_event == by_entity or (self.row is not None and not by_event) or (bool(self.keys) != bool(self.time)):
            raise InvalidSpec(
                "expected the column of event ids, with that of rows or without, or the columns of a key and that of a "
                "time. Nothing was sent."
            )
        # A table may say with one column when something was and when that was known.
        named = [name for name in (self.label, self.event_id, self.row, *self.keys, self.time) if name is not None]
        named += [] if self.known_at is None or self.known_at == self.time else [self.known_at]
        if twice := named_twice(named):
            raise InvalidSpec(f"{listed(twice)}: given as more than one column; each is one. Nothing was sent.")

    @property
    def all(self) -> list[str]:
        """Return them, each once."""
        names = (self.label, self.event_id, self.row, *self.keys, self.time, self.known_at)
        return list(dict.fromkeys(name for name in names if name is not None))


@dataclass(slots=True)
class SentLabels:
    """What became of the rows of a table. `empty`: rows without a label or a key, which are none."""

    rows: int = 0
    taken: int = 0
    empty: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    first: str = ""
    """Why the first one was refused."""

    def refuse(self, kind: str, why: str) -> None:
        """Count a row that is no label."""
        self.refused[kind] += 1
        self.first = self.first or why

    def __str__(self) -> str:
        """Return it for people."""
        told = f"{how_many(self.rows, 'row')}: {self.taken:,} labels taken"
        if self.empty:
            told += f"; {self.empty:,} without a label or what it is about"
        if self.refused:
            kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.refused.items()))
            told += f"; refused: {kinds}, the first: {self.first}"
        return told


def send(table: Any, address: str, columns: LabelColumnNames, *, model: str, version: int = 1) -> SentLabels:
    """Send each row of a table as a label of a model version. `address`: of the logger's labels, `http://.../labels`.

    Sent again, labels count as copies. Raises PermanentError where a column is not there or the logger refuses the
    request, Unavailable where it does not answer, or has no room after several tries; the message says what it took.
    """
    texts = [name for name in (columns.event_id, *columns.keys) if name is not None]
    with table_reading.opened(table, text=texts, watched=columns.all) as opened:
        if absent := opened.absent(columns.all):
            given = listed(opened.names)
            guess = did_you_mean(absent, opened.names, lead=" ")
            wanted = f"expected the columns {listed(absent)}, given a table of {given}"
            raise PermanentError(f"{wanted}. Nothing was sent.{guess}")
        sent = SentLabels()
        for some in _requests(_labels(opened, columns, model, version, sent)):
            _post(address, some, sent)
        return sent


def _labels(
    table: table_reading.Table, columns: LabelColumnNames, model: str, version: int, sent: SentLabels
) -> Iterator[dict[str, Any]]:
    times = {name: TimeColumn(name, table.schema.field(name).type) for name in (columns.time, columns.known_at) if name}
    for batch in table.batches(columns.all):
        sent.rows += batch.num_rows
        read = {name: _read(batch, name, times.get(name)) for name in columns.all}
        for at in range(batch.num_rows):
            row = {name: values[at] for name, values in read.items()}
            label = _label(row, columns)
            if label is None:
                sent.empty += 1
                continue
            whole = {"model": model, "version": version, **label}
            try:
                # What JSON cannot say, or a body cannot hold, would take its neighbours with it.
                read_label(whole)
            except InvalidPayload as error:
                sent.refuse(error.kind, str(error))
            else:
                yield whole


def _read(batch: pa.RecordBatch, name: str, times: TimeColumn | None) -> list[Any]:
    column = batch.column(name)
    if times is None:
        return [plain(value) for value in column.to_pylist()]
    instants = times.stored(column).cast(pa.int64()).to_pylist()
    return [None if at is None else from_us(at).isoformat() for at in instants]


def _label(row: dict[str, Any], columns: LabelColumnNames) -> dict[str, Any] | None:
    """Return what a row says as a label is sent; None without a label or what it is about."""
    about = [columns.event_id, columns.row] if columns.event_id else [*columns.keys, columns.time]
    needed = [name for name in (columns.label, *about) if name is not None]
    if any(row[name] is None or row[name] != row[name] for name in needed):
        return None
    label: dict[str, Any] = {"label": row[columns.label]}
    if columns.known_at is not None and row[columns.known_at] is not None:
        label["at"] = row[columns.known_at]
    if columns.event_id is None:
        return label | {"entity": {name: row[name] for name in columns.keys}, "time": row[columns.time or ""]}
    place = row[columns.row] if columns.row is not None else 0
    whole = int(place) if isinstance(place, float) and place.is_integer() else place
    # A number is one text, whatever its type in the table; what is no text and no number is no id.
    return label | {"event_id": category_of(row[columns.event_id])[0] or STRANGE, "row": whole}


def _requests(labels: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    size = 0
    for label in labels:
        bytes_ = len(orjson.dumps(label, default=str))
        if some and size + bytes_ > REQUEST_BYTES:
            yield some
            some, size = [], 0
        some.append(label)
        size += bytes_
    if some:
        yield some


def _post(address: str, labels: list[dict[str, Any]], sent: SentLabels) -> None:
    pause = PAUSE.total_seconds()
    for again in range(TRIES):
        answer = exchange("POST", address, json=labels, within=WITHIN)
        told = json_of(answer.body) if isinstance(answer, ServerAnswer) else None
        if isinstance(answer, ServerAnswer) and isinstance(told, dict) and "taken" in told:
            if answer.status != HTTPStatus.SERVICE_UNAVAILABLE:
                sent.taken += told["taken"]
                _note(told, sent)
                if told["taken"] + told["refused"] < len(labels):
                    raise PermanentError(
                        f"expected the inference logger at {shown(address)} to take labels; it answered "
                        f"{answer.status}: {shown(str(told.get('sentence') or 'no reason'))}. So far: {sent}"
                    )
                return
        elif not isinstance(answer, ServerAnswer):
            raise Unavailable(f"expected the inference logger at {shown(address)}: {answer.words}. So far: {sent}")
        if not may_pass(answer.status):
            raise PermanentError(
                f"expected the inference logger at {shown(address)} to take labels; it answered {answer.status}: "
                f"{words_of(answer.body)}. So far: {sent}"
            )
        if again + 1 < TRIES:
            time.sleep(pause)
            pause *= 2
    raise Unavailable(f"the inference logger at {shown(address)} has no room. So far: {sent}")


def _note(told: dict[str, Any], sent: SentLabels) -> None:
    why = told.get("why") or []
    for each in why:
        sent.refuse(each["kind"], each["why"])
    if unnamed := told["refused"] - len(why):
        sent.refused["others"] += unnamed
