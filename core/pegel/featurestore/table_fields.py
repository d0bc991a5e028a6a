"""The fields of a table that no feature store describes: its columns in their order, as far as they are inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec
from pegel.featurestore.no_baseline import NO_BASELINE
from pegel.spec.nearest import did_you_mean, with_stop
from pegel.spec.outside_text import quoted, shown
from pegel.spec.table_reference import TableRef


@dataclass(frozen=True, slots=True)
class TableFields:
    """Fields, features before predictions. `left_out`: columns that nobody asked to leave out, and that are none.

    `nameless`: how many columns have no name, or blanks for one, so that neither spec nor request could mean them.
    """

    schema: Schema
    left_out: tuple[str, ...]
    nameless: int = 0

    @classmethod
    def of(cls, ref: TableRef, columns: Mapping[str, Kind | None], time_column: str | None = None) -> TableFields:
        """Return what the columns of a table are to a model.

        `columns`: by name, in the order of the table; None for what is neither numbers nor texts. The column of times
        is no field. Names with a dot or a backtick are left out, because Spark cannot read them.

        Raises InvalidSpec where the reference names a column that is not there, a prediction that cannot be one, or
        where no feature is left.
        """
        where, named = shown(ref.address), [*ref.predictions, *ref.without, *ref.categories]
        for name in named:
            if name not in columns:
                near = did_you_mean(name, list(columns)) or f"it has {shown(', '.join(columns))}"
                raise InvalidSpec(
                    f"baseline.source: {where} has no column {quoted(name)}; {with_stop(near)} {NO_BASELINE}"
                )
        named_columns = {name: kind for name, kind in columns.items() if name.strip()}
        kinds = {name: kind for name, kind in named_columns.items() if name not in {*ref.without, time_column}}
        kinds |= {name: Kind.CATEGORICAL for name in ref.categories if kinds.get(name) is not None}
        fields = {name: kind for name, kind in kinds.items() if kind is not None and not {".", "`"} & {*name}}
        if unfit := [name for name in ref.predictions if name not in fields]:
            raise InvalidSpec(
                f"baseline.source: {where} has predictions that are neither numbers nor texts, or a dot or a backtick "
                f"in their name: {shown(', '.join(unfit))}. {NO_BASELINE}"
            )
        features = [Field(name, kind) for name, kind in fields.items() if name not in ref.predictions]
        predictions = [Field(name, fields[name], Role.PREDICTION) for name in ref.predictions]
        if not features:
            raise InvalidSpec(
                f"baseline.source: {where} has no column of numbers or texts that is a feature; it has "
                f"{shown(', '.join(columns)) or 'none at all'}. {NO_BASELINE}"
            )
        left_out = tuple(name for name in kinds if name not in fields)
        return cls(Schema((*features, *predictions)), left_out, len(columns) - len(named_columns))
