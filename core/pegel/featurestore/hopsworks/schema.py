"""Which columns of a feature view are fields, and which are left out, with the reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pegel.data.columns import Field, Kind, Role, Schema
from pegel.errors import InvalidSpec
from pegel.featurestore.hopsworks.facts import Feature, FeatureRole, HopsworksView
from pegel.spec.nearest import did_you_mean, with_stop

_NUMBERS = {"tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean"}
_TEXTS = {"string", "char", "varchar"}


def schema_of(view: HopsworksView, predictions: Sequence[str] = ()) -> Schema:
    """Return the fields: the features that a model gets, in their order, then the columns named as `predictions`.

    Labels, helpers, keys and event times are no inputs of a model, and neither are watched. Features of types that are
    neither numbers nor text (times, arrays, structures) are left out: see `left_out`. Raises InvalidSpec where a
    column of predictions is not there or of such a type, or nothing is left to be watched.
    """
    named = {each.name: each for each in view.features}
    fields = [Field(each.name, kind) for each, kind in _features(view, predictions) if kind is not None]
    fields += [Field(name, _predicted(named, name, view), Role.PREDICTION) for name in predictions]
    if not fields:
        raise InvalidSpec(
            f"baseline.source: feature view {view.name} of version {view.version} has no feature that is a number or a "
            "text, so nothing could be watched. No baseline was built."
        )
    return Schema(tuple(fields))


def left_out(view: HopsworksView, predictions: Sequence[str] = ()) -> list[str]:
    """Return the features that are not watched, each with its type: `paid_at (timestamp)`."""
    return [f"{each.name} ({each.type})" for each, kind in _features(view, predictions) if kind is None]


def _features(view: HopsworksView, predictions: Sequence[str]) -> Iterator[tuple[Feature, Kind | None]]:
    for each in view.of_role(FeatureRole.FEATURE):
        if each.name not in predictions:
            yield each, _kind(each.type)


def _kind(type_name: str) -> Kind | None:
    plain = type_name.partition("(")[0]
    if plain in _NUMBERS:
        return Kind.NUMERIC
    return Kind.CATEGORICAL if plain in _TEXTS else None


def _predicted(named: dict[str, Feature], name: str, view: HopsworksView) -> Kind:
    kind = _kind(named[name].type) if name in named else None
    if kind is None:
        near = did_you_mean(name, named) or f"it has {', '.join(named)}"
        what = f"{name} of type {named[name].type}" if name in named else f"{name}, which is not there"
        raise InvalidSpec(
            f"baseline.source: expected predictions in a column of numbers or texts of feature view {view.name}, given "
            f"{what}; {with_stop(near)} No baseline was built."
        )
    return kind
