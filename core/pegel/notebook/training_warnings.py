"""What in training data will hurt later, a sentence each: told while it can still be changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from pegel.data.columns import Kind, Role, Schema
from pegel.notebook.column_facts import TableFacts
from pegel.notebook.naming import listed
from pegel.notebook.stored_columns import StoredColumn
from pegel.notebook.training_file import TrainingFile
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.outside_text import NAME_LIMIT, shown
from pegel.spec.plain_numbers import how_many


def warnings_of(file: TrainingFile) -> Iterator[str]:
    """Yield what will hurt later in training data that was written."""
    if not file.schema.of_role(Role.PREDICTION):
        yield "no prediction: what the model answers cannot be watched; name its columns (`prediction`)"
    yield from _few_values(file.schema, file.facts)
    if file.times is None and file.instants:
        yield (
            f"times in {listed(file.instants)} are kept, and none is taken for that of its row: name its column "
            "(`time`), so that what follows the clock is allowed for"
        )
    for times in file.instants.values():
        yield from times.warnings(datetime.now(UTC))
    if file.without_categories:
        yield (
            f"the categories of {listed(file.without_categories)} are too long to be kept with the table: a model is "
            "given these columns as text"
        )
    yield from map(_unreadable, filter(lambda column: column.unreadable, file.stored.values()))
    yield from _odd_columns(file.facts)


def _few_values(schema: Schema, facts: TableFacts) -> Iterator[str]:
    why = f"drift of a field is judged from {MIN_BASELINE:,} values on, because fewer say too little"
    if facts.rows < MIN_BASELINE:
        yield f"{how_many(facts.rows, 'row')}: {why}; with these, only nulls, new values and exceeded ranges are judged"
        return
    names = {field.name for field in schema.fields}
    if short := [name for name in facts.shorter_than(MIN_BASELINE) if name in names]:
        yield f"too few values in {listed(short)}: {why}"


def _unreadable(column: StoredColumn) -> str:
    held = "numbers" if column.field.kind is Kind.NUMERIC else "numbers, texts or truth values"
    return f"{shown(column.field.name, NAME_LIMIT)}: {column.unreadable:,} values are no {held}, and are kept as null"


def _odd_columns(facts: TableFacts) -> Iterator[str]:
    if facts.empty:
        yield f"no value in any row: {listed(facts.empty)}"
    if facts.constant:
        yield f"the same value wherever there is one: {listed(facts.constant)}; any other that comes later is a change"
    if facts.ids:
        yield (
            f"another value in every row, as ids have it: {listed(facts.ids)}; these always differ between then and "
            "now. Leave them out of the table, or out of `watch.features` if the model takes them"
        )
