"""Where the true outcomes of predictions come from, and how each finds the prediction that it is about."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pegel.errors import InvalidSpec
from pegel.spec.durations import Delay, Duration
from pegel.spec.hopsworks_reference import is_hopsworks
from pegel.spec.label_table import LABEL_FORMS, parse_label_table
from pegel.spec.outside_text import shown
from pegel.spec.section import Section
from pegel.spec.spec_fields import FieldName, PartNames, Reference
from pegel.spec.table_reference import is_table

TOPIC: Final = "topic"
"""The source of labels that are sent: by HTTP to the logger, or to the namespace's topic of labels."""
MOST_KEYS = 8
"""Parts of an entity's key, as of a look-up."""
DAY = timedelta(days=1)
_OF_TABLES = ("field", "event_id", "row", "known_at")
_OF_ENTITIES = ("keys", "tolerance")


def _source(text: str) -> str:
    if text == TOPIC:
        return text
    if not is_table(text) and not is_hopsworks(text):
        raise ValueError(f"expected `topic`, or a table: {', '.join(LABEL_FORMS)}")
    try:
        parse_label_table(text)
    except InvalidSpec as error:
        raise ValueError(str(error).removeprefix("labels.source: ")) from None
    return text


LabelSource = Annotated[Reference, AfterValidator(_source)]


ConceptChart = Literal["adwin", "page_hinkley", "kswin", "hddm_a", "hddm_w", "ddm", "fhddm"]
"""Those of `pegel.detect.river_chart`."""


class Labels(Section):
    """What really was, once it is known, beside what was predicted.

    Without a `source` no labels are looked for, and nothing else may be stated.
    """

    source: LabelSource | None = None
    """`topic`: labels are sent to the logger or to the topic. Else a table with a row for each label."""
    match: Literal["event", "entity"] = "event"
    """How a label finds its prediction: by the id of its event and the number of its row, or by what the prediction was
    about and when."""
    prediction: FieldName | None = None
    """The predicted field that is compared with the label; None: that of the baseline's labels, or the only one."""
    field: FieldName | None = None
    """Of a table: its column with the label."""
    event_id: FieldName | None = None
    """Of a table matched by event: its column with the event's id; None: `event_id`."""
    row: FieldName | None = None
    """Of a table matched by event: its column with the number of the row in its request; None: every label is that of
    row 0."""
    keys: Annotated[PartNames, Field(max_length=MOST_KEYS)] = ()
    """Matched by entity: what its key consists of; none: the keys of the section `online`."""
    time: FieldName | None = None
    """Of a table matched by entity: its column with the time that the label is about (UTC where it has no zone)."""
    tolerance: Delay = timedelta(0)
    """Matched by entity: how far the event's time may be from the label's; the nearest label is that of the event."""
    known_at: FieldName | None = None
    """Of a table: its column with the time from which on the label was known; None: when it was first read."""
    horizon: Duration = timedelta(days=7)
    """How long after the event a label may come. What comes later is counted, and changes no figure."""
    charts: tuple[ConceptChart, ...] = ()
    """Detectors of `river` that follow labelled events beside our own chart, and are in no false-alarm budget."""

    @property
    def is_used(self) -> bool:
        """Say whether there are labels."""
        return self.source is not None

    @property
    def by_topic(self) -> bool:
        """Say whether labels are sent, rather than read from a table."""
        return self.source == TOPIC

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        stated = [name for name in (*_OF_TABLES, *_OF_ENTITIES, "time", "prediction", "charts") if getattr(self, name)]
        if self.source is None and stated:
            raise ValueError(f"{stated[0]} is about labels that come from somewhere; state their `source`")
        if self.by_topic and (columns := [name for name in (*_OF_TABLES, "time") if getattr(self, name)]):
            raise ValueError(
                f"{columns[0]} names a column of a table, and labels that are sent say it themselves; leave it out"
            )
        if self.match == "event" and (idle := [name for name in (*_OF_ENTITIES, "time") if getattr(self, name)]):
            raise ValueError(f"{idle[0]} is about labels that are matched by entity; set `match: entity`")
        if self.match == "entity" and (idle := [name for name in ("event_id", "row") if getattr(self, name)]):
            raise ValueError(f"{idle[0]} is about labels that are matched by event; leave it out")
        return self

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.source is None or self.by_topic:
            return self
        if self.field is None:
            raise ValueError("state `field`, the column of the table that holds the label")
        if self.match == "entity" and self.time is None:
            raise ValueError("state `time`, the column of the table with the time that a label is about")
        columns = [self.field, self.event_id, self.row, self.time, self.known_at, *self.keys]
        times = Counter(name for name in columns if name is not None)
        # A table may say with one column when something was and when that was known.
        repeated = {name for name, count in times.items() if count > 1}
        if twice := sorted(repeated - ({self.time} & {self.known_at})):
            raise ValueError(f"{', '.join(map(shown, twice))}: given as more than one column; each is one")
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.tolerance > self.horizon:
            raise ValueError(
                f"tolerance {self.tolerance.total_seconds():g}s > horizon {self.horizon.total_seconds():g}s: labels "
                f"would be matched with events for which they come too late; choose a shorter tolerance"
            )
        return self
