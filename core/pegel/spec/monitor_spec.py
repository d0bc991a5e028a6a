"""A user's whole wish for watching one model version: validated, immutable, with a fingerprint."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from pegel.errors import InvalidSpec
from pegel.spec import names
from pegel.spec.adversarial_section import AdversarialSection
from pegel.spec.archive_section import Archive
from pegel.spec.attribution_section import AttributionSection
from pegel.spec.durations import Delay, Duration
from pegel.spec.labels_section import Labels
from pegel.spec.limits import ANSWER_WITHIN
from pegel.spec.named_twice import named_twice
from pegel.spec.online_section import Online
from pegel.spec.outside_text import shown
from pegel.spec.rhythms import LONG, Rhythm
from pegel.spec.section import Section
from pegel.spec.serving_section import Serving
from pegel.spec.skew_section import SkewSection
from pegel.spec.source_reference import same_source
from pegel.spec.spec_fields import (
    Address,
    AlarmCount,
    ColumnNames,
    DailyNumber,
    Digest,
    DigestTime,
    Emails,
    FieldName,
    LongSpans,
    Name,
    PartNames,
    Place,
    Routes,
    RowsTable,
    SegmentColumns,
    ServedName,
    SeverityByKind,
    Share,
    Source,
    SpecVersion,
    Suites,
    Topic,
    Version,
    WatchedNames,
)
from pegel.spec.spec_problems import Corrected
from pegel.spec.spec_text import read_data

OutlierMethod = Literal["ecod", "hbos"]
"""How unusual a number is: by the rarer of its two tails, or by how thin the histogram is around it."""


DEPLOYMENT = "hopsworks-deployment"
"""The source of a model that Hopsworks serves."""
TABLE = "table"
"""The source of a model that a job runs: its rows and what it predicted of them stand in a table."""
_OF_TABLES = ("table", "time", "event_id", "keys")
NOT_OF_TABLES: Final = {
    "group": "no streaming driver reads it",
    "serving": "nobody serves it",
    "online": "nobody asks it, so nothing is looked up",
    "skew": "nobody asks it, so nothing is looked up",
    "windowing.slide": "its windows do not overlap",
    "watch.outliers": "its rows are read by a job, on a schedule",
    "alerts.outliers": "its rows are read by a job, on a schedule",
    "events": "there are no events",
    "attribution": "there are no events to explain",
    "adversarial": "nobody asks it",
}
"""What a spec of such a model may not state, and why."""
_OF_ENDPOINTS = ("uri", "url", "digest", "topic", "served_name", "logged_by", "format", "protocol", "ready_within")


class Model(Section):
    """Which model version is watched, and what answers for it: a folder that is served, or a server that runs already.

    Exactly one of `uri` and `url` is stated; of a deployment of Hopsworks neither, but the topic that it logs to, and
    of a model that is only scored in batches neither, but the table of its predictions.
    """

    name: Name
    """Lower case letters, digits, inner hyphens; names the endpoint `<name>-v<version>`."""
    version: Version = 1
    """Of the model; that of `baseline.source` is another one, of the training data."""
    uri: Annotated[
        Place | None, Field(description="Folder of the fitted model: `file:///...` or an object store address")
    ] = None
    source: Literal["endpoint", "hopsworks-deployment", "table"] = "endpoint"
    """Who serves it and logs: an endpoint by `uri` or `url`, or a deployment of Hopsworks with an inference logger. Of
    `table` nobody does: a job writes what it predicted to a table."""
    topic: Topic | None = None
    """Of a deployment: the topic of its inference logger, on the broker that Pegel reads."""
    table: RowsTable | None = None
    """Of a model that is only scored in batches: the table with its rows, as `baseline.source` names one. Features and
    predictions are the columns that the baseline calls so."""
    time: FieldName | None = None
    """Its column with the time of each row (UTC where it has no zone)."""
    event_id: FieldName | None = None
    """Its column with an id of each row, by which labels and people find it; None: an id is made of the row itself."""
    keys: ColumnNames = ()
    """Its columns that say what a row is about, by which labels are matched with `match: entity`."""
    digest: Digest | None = None
    """Which content of the folder is meant; None means what is there when the model is onboarded."""
    url: Annotated[Address | None, Field(description="Base address of a server that runs already")] = None
    served_name: ServedName | None = None
    """What the server at `url` calls the model in its paths; None means the endpoint's name. Of a deployment: its name
    in Hopsworks, with which the baseline is compared then."""
    logged_by: Literal["proxy", "server"] = "proxy"
    """Who logs what the server at `url` is asked: a proxy of ours that stands before it, or its own logger."""
    format: Literal["sklearn"] = "sklearn"
    """What kind of model the folder holds."""
    protocol: Literal["v1", "v2"] = "v1"
    """KServe's inference protocol of the payloads."""
    ready_within: Duration = timedelta(seconds=120)
    """How long the endpoint may take to become ready before provisioning fails with its log."""

    @property
    def place(self) -> str:
        """Return where the model is: its folder, a running server, its table, or what a deployment logs to."""
        return self.uri or self.url or self.table or f"{DEPLOYMENT}:{self.topic}"

    @property
    def is_deployment(self) -> bool:
        """Say whether Hopsworks serves it: nobody here asks, starts or stops it."""
        return self.source == DEPLOYMENT

    @property
    def is_table(self) -> bool:
        """Say whether it is only scored in batches: there is no endpoint, and no event."""
        return self.source == TABLE

    @model_validator(mode="after")
    def _tabled(self) -> Self:
        stated = [name for name in _OF_TABLES if getattr(self, name)]
        if not self.is_table:
            if stated:
                raise ValueError(f"{stated[0]} is about a model whose rows stand in a table; state `source: {TABLE}`")
            return self
        defaults = type(self).model_fields
        idle = [name for name in _OF_ENDPOINTS if getattr(self, name) != defaults[name].default]
        if idle:
            raise ValueError(f"given {' and '.join(idle)} of a model that only stands in a table; leave it out")
        if self.table is None:
            raise ValueError("state `table`, the address of the table with its rows and predictions")
        if self.time is None:
            raise ValueError("state `time`, the column of the table with the time of each row")
        named = [name for name in (self.time, self.event_id, *self.keys) if name is not None]
        if twice := named_twice(named):
            raise ValueError(f"{', '.join(map(shown, twice))}: given as more than one column; each is one")
        return self

    @model_validator(mode="after")
    def _deployed(self) -> Self:
        if not self.is_deployment:
            if self.topic is not None:
                raise ValueError(f"topic is that of a deployment of Hopsworks; state `source: {DEPLOYMENT}` with it")
            return self
        stated = [name for name in ("uri", "url", "digest") if getattr(self, name) is not None]
        if stated or self.logged_by != "proxy":
            given = " and ".join(stated or ["logged_by"])
            raise ValueError(f"given {given} of a deployment, which Hopsworks serves and logs; leave it out")
        if self.topic is None:
            raise ValueError("a deployment is watched by what it logs; state the `topic` of its inference logger")
        return self

    @model_validator(mode="after")
    def _in_one_place(self) -> Self:
        if self.is_deployment or self.is_table:
            return self
        if (self.uri is None) == (self.url is None):
            given = "neither" if self.uri is None else "both"
            raise ValueError(
                f"given {given} of uri and url; state one: `uri`, the folder of a model to serve, or `url`, the "
                f"address of a server that runs already"
            )
        if self.url is None and (self.served_name is not None or self.logged_by != "proxy"):
            raise ValueError("served_name and logged_by are about a server that runs already; state its `url`")
        if self.uri is None and self.digest is not None:
            raise ValueError("digest is about the folder of a model to serve; state its `uri`")
        return self


RefreshMode = Literal["auto", "approve", "never"]
"""Who promotes a new baseline of a model that has one."""


class BaselineSource(Section):
    """Where the training data is: a reference that the feature store understands."""

    source: Annotated[Source, Field(description="e.g. `local://delays?version=1&split=train`")]
    time_column: FieldName | None = None
    """Column with the time of each row (UTC where it has no zone). With it, the baseline is replayed window by window:
    windows that vary more than independent rows would, or with the hours of the day, are then allowed for."""
    label: FieldName | None = None
    """Column with the true outcome of each row. With it, the baseline keeps how the model did on them, and the labels
    of what is served are compared with that."""
    score: FieldName | None = None
    """Column with the score of the class `1`, from 0 to 1, of a classifier whose labels are truth values."""
    utc_offset: Annotated[float, Field(ge=-14, le=14)] = 0.0
    """Hours by which the clock that the features follow is ahead of UTC."""
    refresh: RefreshMode = "auto"
    """What becomes of a new baseline: `auto` promotes it where no check failed and asks a person otherwise,
    `approve` always asks, `never` leaves the current one."""


DAY = timedelta(days=1)
SHORTEST_STEP = timedelta(seconds=1)
"""The stream looks at its windows once a second."""
LATEST = timedelta(days=7)
"""Windows that wait longer for late rows hold up their verdict for longer than anybody waits for it."""
MAX_SLIDES = 30
"""A row changes so many windows at most. Each is put together and judged again with every batch: 30 windows of 50
fields take 0.3 s of a core, 60 take 0.6 s, 360 (an hour by 10 s) would take 6 s, longer than a batch may last."""
MAX_PANES = 1_000
"""Slides that are open at the same time, each with its own counts in memory: about 100 kB for 50 fields."""
BYTES_PER_REQUEST = 56
"""What a driver keeps in memory of a request and its answer until their window is final."""
MOST_OPEN_REQUESTS = 10_000_000
"""Requests of a model in windows that are not final: 560 MB, four times what its driver takes else. An hour at 1,000 a
second has a third of them, a week 600 million, which no machine of ours could hold."""


class Windowing(Section):
    """How time is cut. Spans are half-open, `[start, end)`, aligned to the epoch in UTC."""

    length: Duration = timedelta(seconds=60)
    """How long a span is, 1 s to 366 days."""
    slide: Duration | None = None
    """Step from one span's start to the next; None means `length`, so that each event is in exactly one span."""
    lateness: Delay = timedelta(seconds=10)
    """How long after a span's end, in event time, its rows are still counted before it closes."""

    @property
    def step(self) -> timedelta:
        """Return the slide in effect."""
        return self.slide or self.length

    @model_validator(mode="after")
    def _fits(self) -> Self:
        length, step = self.length.total_seconds(), self.step.total_seconds()
        if step > length:
            raise ValueError(
                f"slide {step:g}s > length {length:g}s: events between windows would be counted nowhere; "
                f"set slide to {length:g}s or less, or leave it out"
            )
        if self.length % self.step:
            raise ValueError(
                f"length {length:g}s is not a multiple of slide {step:g}s: a window could not be put together "
                f"from whole slides; choose a slide that divides the length"
            )
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        length, step, lateness = map(_seconds, (self.length, self.step, self.lateness))
        slides, panes = self.length // self.step, (self.length + self.lateness) // self.step
        if self.step < SHORTEST_STEP:
            raise ValueError(
                f"slide {step} < {_seconds(SHORTEST_STEP)}: the stream looks at its windows once a second; choose a "
                f"longer slide, or a longer window"
            )
        if self.lateness > LATEST:
            raise ValueError(
                f"lateness {lateness} > {_seconds(LATEST)} ({LATEST.days} days): no window would be final before that; "
                f"what comes later is counted as late"
            )
        if slides > MAX_SLIDES:
            raise ValueError(
                f"length {length} has {slides} slides of {step}, at most {MAX_SLIDES} are possible: each row changes "
                f"so many windows, and all of them are judged again with every batch; choose a slide of "
                f"{_seconds(self.length / MAX_SLIDES)} or more"
            )
        if panes > MAX_PANES:
            raise ValueError(
                f"length {length} and lateness {lateness} keep {panes} slides of {step} open, at most {MAX_PANES} are "
                f"possible: each holds counts in memory; choose a shorter lateness or a longer slide"
            )
        return self


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():.10g}s"


class Watch(Section):
    """What is judged."""

    features: WatchedNames = "all"
    """Which are judged: `all`, or a list of names."""
    predictions: bool = True
    """Whether drift of the predictions is judged, too."""
    detectors: PartNames = ()
    """Tests of numeric fields beside those that are always made; they share the same false-alarm budget."""
    statistics: PartNames = ()
    """Statistics kept of each numeric field beside those that always are, from the next baseline on."""
    outliers_per_day: DailyNumber = 100.0
    """How many outlying events a day a person wants to see at most, on average, if nothing changes."""
    outlier_method: OutlierMethod = "ecod"
    """How numbers are scored, from the next baseline on: `ecod` by their tails, `hbos` also in gaps between heaps of
    values. Categories and missing values score by how rare they are, in either."""
    outliers: Literal["standard", "realtime"] = "standard"
    """When an outlying event is told on the topic: with the batch that counts it, or in `realtime` before that, by a
    process of its own beside the group's driver."""
    rows_per_day: DailyNumber = 100_000.0
    """Expected traffic; with `outliers_per_day` it gives the outlier rate."""
    segments: SegmentColumns = ()
    """Columns that part the rows, from the next baseline on: each part is counted and judged by itself, too."""
    expectations: Suites = ()
    """What rows must be like: `derived`, the suite that follows from the baseline, and own suites."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Smallest change worth a page, in standard deviations; smaller significant changes are shown, not mailed."""
    dependence: Literal["auto", "off"] = "auto"
    """Whether it is judged how every two features go together: `auto`, where at least two of them have enough training
    rows, or `off`."""
    poisoning: bool = False
    """Whether labels against answers that were at least 90 % sure are tested by themselves, too: whoever turns labels
    around to spoil the next training does it where a model is sure. Needs labels, and scores of two classes."""
    long_spans: LongSpans = ("hour", "day", "week")
    """What windows are added up to and judged as again: a change that no window shows may show in a day. They share the
    false-alarm budget with the windows; what windows do not add up to exactly is left out."""


class EventTolerance(Section):
    """How large a part of the events may be odd before a person is told: 0 tolerates none of them, 1 tolerates all.

    Certainly more than that in what arrived between two verdicts is a finding; a few among a few are not certain.
    """

    invalid: Share = 0.01
    """Events that cannot be read; of the whole group, also those of which nobody can tell the model."""
    late: Share = 0.01
    """Events that come after their window was final, and so are in none."""
    duplicate: Share = 0.1
    """Copies of events. They are folded and cost nothing, and a restarted logger or broker sends some seconds of events
    twice; far more of them are a client whose events all have one id."""
    dropped: Share = 0.001
    """Events that the logger gave up. It does so only where it lost its broker for longer than its disk lasts."""
    ahead: Share = 0.01
    """Events dated more than 30 s ahead: a clock is wrong, and they may be in the wrong window."""
    failed_look_ups: Share = 0.01
    """Events of requests with features that the online store did not have, or not fresh, or not in time."""
    unanswered: Share = 0.01
    """Requests without an answer after 60 s, among all requests: refused, failed, or never received."""
    slow: Share = 0.05
    """Answers that took longer than `slow_after`, among all answers."""
    slow_after: Duration | None = None
    """How long an answer may take, at most 60 s: later, it is missing. None: latency is shown, and not judged."""

    @field_validator("slow_after")
    @classmethod
    def _within_a_minute(cls, limit: timedelta | None) -> timedelta | None:
        if limit is not None and limit > ANSWER_WITHIN:
            seconds = ANSWER_WITHIN.total_seconds()
            raise ValueError(f"expected at most {seconds:g} s: an answer that takes longer is missing; choose less")
        return limit


_PER = re.compile(
    r"([0-9]+(?:\.[0-9]+)?)\s+per\s+(\S{1,20})(?:\s+for\s+([0-9]{1,3}(?:\.[0-9]{1,20})?\s?%)\s+of\s+baselines)?"
)


LEAST_HELD, MOST_HELD = 0.5, 0.99
"""Fewer baselines than half is no promise; beyond 99 % the rates of baselines are guesses."""


class FalseAlarms(Section):
    """How often an alert may disturb a person although nothing has changed. `per` is a calendar-free length."""

    count: AlarmCount = 1.0
    """0.001 to 1000."""
    per: Literal["hour", "day", "week", "month"] = "week"
    """The time in which there are so many; a month has 30 days."""
    hold_for: Share = 0.0
    """0: on average over baselines. From 50 % to 99 %: for such a part of all baselines; a baseline is a sample, and
    where windows are nearly as large as it, a single one may raise several times the promise. It costs power."""

    @field_validator("hold_for")
    @classmethod
    def _most(cls, share: float) -> float:
        if share and not LEAST_HELD <= share <= MOST_HELD:
            raise ValueError(
                f"expected 0 (on average) or {LEAST_HELD:.0%} to {MOST_HELD:.0%} of baselines; choose such a share"
            )
        return share

    @model_validator(mode="before")
    @classmethod
    def _in_words(cls, value: Any) -> Any:
        """Accept what people say: `1 per week`."""
        if not isinstance(value, str):
            return value
        match = _PER.fullmatch(value.strip())
        if match is None:
            raise ValueError('expected a number "per" hour, day, week or month, as in `1 per week`')
        held = {} if match[3] is None else {"hold_for": match[3]}
        return {"count": match[1], "per": match[2]} | held

    def __str__(self) -> str:
        """Return it as people say it, which is accepted again."""
        held = f" for {100 * self.hold_for:.12g}% of baselines" if self.hold_for else ""
        return f"{self.count:.12g} per {self.per}{held}"

    @property
    def period(self) -> timedelta:
        """Return the length of `per`; a month is 30 days."""
        return {
            "hour": timedelta(hours=1),
            "day": timedelta(days=1),
            "week": timedelta(weeks=1),
            "month": timedelta(days=30),
        }[self.per]


class Alerting(Section):
    """Who is told, and how often."""

    emails: Emails = ()
    """Who is told of what no route takes: one address, or a list; ASCII, as every mail server takes them."""
    routes: Routes = ()
    """Which alerts go to whom, when; the first that fits takes an alert, unless it says `continue`."""
    severity: SeverityByKind = Field(default_factory=dict)
    """How bad alerts of a kind are, in place of what follows from kind and effect."""
    digest: DigestTime | None = None
    """When what need not wake anybody is told in one mail. Stated, alerts of severity `info` that no route takes are
    told so, too; None: digests of routes go out as the deployment says."""
    repeat_after: Duration = timedelta(hours=1)
    """No further mail about the same alert before this has passed, unless it becomes more severe."""
    mail_after: Delay = timedelta(0)
    """How long a drift, or whatever else comes and goes, lasts before anybody is mailed; what is over before is shown
    alone. One that a chart finds counts from when it began. Another model, crowds of nearly equal rows, missing answers
    and wrong ones wait for nothing."""
    outliers: Literal["show", "page"] = "show"
    """Whether a single event that is extremely far out is mailed by itself, or only shown like other outliers."""
    outlier_pages_per_week: Annotated[float, Field(ge=0.01, le=1_000)] = 1.0
    """How many such mails a week there are at most, whatever comes. An event is extreme where unchanged rows, at the
    expected traffic, score so high less often than that."""

    def __hash__(self) -> int:
        """Return a hash of what is stated; dictionaries have none of their own."""
        return hash(self.model_dump_json())


class MonitorSpec(Section):
    """A user's whole wish for watching one model version."""

    spec_version: SpecVersion = 1
    """Version of this format; any other is refused."""
    model: Model
    namespace: Name = "default"
    """Models of a namespace share topics."""
    group: Name = "default"
    """Monitors of one group share a streaming driver; an own group buys isolation for about 460 MB."""
    serving: Serving = Serving()
    online: Online = Online()
    skew: SkewSection = SkewSection()
    baseline: BaselineSource
    windowing: Windowing = Windowing()
    watch: Watch = Watch()
    events: EventTolerance = EventTolerance()
    labels: Labels = Labels()
    attribution: AttributionSection = AttributionSection()
    adversarial: AdversarialSection = AdversarialSection()
    false_alarms: FalseAlarms = FalseAlarms()
    alerts: Alerting = Alerting()
    archive: Archive = Archive()

    @model_validator(mode="after")
    def _one_transformer(self) -> Self:
        if not self.online.is_used:
            return self
        if self.model.logged_by == "server" or self.model.is_deployment:
            raise ValueError(
                "online: nothing of ours stands before a server that logs by itself; leave out the section"
            )
        if self.serving.transformer is not None:
            raise ValueError("online: looks features up by a transformer of ours; leave out serving.transformer")
        return self

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        if self.labels.is_used and self.labels.match == "entity" and not self.label_keys:
            raise ValueError(
                "labels: matched by entity, and nobody says by which keys; state `keys`, or look features up by the "
                "section `online`, whose keys they are then"
            )
        if dropped := [name for name in self.label_keys if self.archive.private.get(name) == "drop"]:
            raise ValueError(
                f"labels: matched by {', '.join(map(shown, dropped))}, which archive.private drops, so that no row is "
                "found by it; hash it instead"
            )
        if self.watch.poisoning and not self.labels.is_used:
            raise ValueError(
                "watch.poisoning: tests labels, and no labels come; state the section `labels`, or leave it out"
            )
        if self.labels.is_used and self.archive.keep < self.labels.horizon:
            raise ValueError(
                f"labels: may come until {_seconds(self.labels.horizon)} after an event, whose row is kept for "
                f"{_seconds(self.archive.keep)} by archive.keep, so that none is found by then; keep rows longer"
            )
        return self

    @model_validator(mode="after")
    def _hashed_once(self) -> Self:
        if twice := [name for name in self.online.private if self.archive.private.get(name) == "hash"]:
            raise ValueError(
                f"archive.private: {', '.join(map(shown, twice))} is hashed by online.private before it is logged, and "
                "nobody would find a hash of that; name it in one of both"
            )
        return self

    @property
    def entity_keys(self) -> tuple[str, ...]:
        """Return the parts of an entity's key that rows have: those of look-ups, or those in the model's table."""
        return self.model.keys or self.online.keys

    @property
    def label_keys(self) -> tuple[str, ...]:
        """Return the parts of an entity's key by which labels are matched; none where they are matched by event."""
        return (self.labels.keys or self.entity_keys) if self.labels.match == "entity" else ()

    @model_validator(mode="after")
    def _only_in_a_table(self) -> Self:
        """Refuse what is about events, drivers and endpoints for a model that has none of them."""
        if not self.model.is_table:
            return self
        stated = {
            "group": self.group != "default",
            "serving": self.serving != Serving(),
            "online": self.online.is_used,
            "skew": self.skew.is_used,
            "windowing.slide": self.windowing.step != self.windowing.length,
            "watch.outliers": self.watch.outliers != "standard",
            "alerts.outliers": self.alerts.outliers != "show",
            "events": self.events != EventTolerance(),
            "attribution": self.attribution.is_used,
            "adversarial": self.adversarial.is_used,
        }
        for name, why in NOT_OF_TABLES.items():
            if stated[name]:
                raise ValueError(f"{name}: the model only stands in a table: {why}; leave it out")
        if self.labels.is_used and self.labels.match == "event" and self.model.event_id is None:
            raise ValueError(
                "labels: matched by event, and nobody says which column of model.table holds ids of events; state "
                "`model.event_id`, or `model.keys` and `match: entity`"
            )
        if absent := [name for name in self.label_keys if name not in self.model.keys]:
            raise ValueError(
                f"labels: matched by {', '.join(map(shown, absent))}, which is none of model.keys; state it there, too"
            )
        return self

    @model_validator(mode="after")
    def _compared_with_something(self) -> Self:
        if self.skew.is_used and not self.online.is_used:
            raise ValueError("skew: compares what an online store served; state the section `online`")
        return self

    @model_validator(mode="after")
    def _explained(self) -> Self:
        section = self.attribution
        if section.via == "artefact" and self.model.uri is None:
            raise ValueError(
                "attribution.via: an artefact is the folder of the model, and `model.uri` names none; state "
                "via: endpoint, which asks the server, or leave the section out"
            )
        if section.via == "endpoint" and self.model.is_deployment:
            raise ValueError(
                "attribution.via: Hopsworks serves the model, and nobody here asks it; leave out the section"
            )
        if section.baseline is not None and same_source(section.baseline, self.baseline.source):
            raise ValueError(
                "attribution.baseline: these are the rows that the model was fitted on, which a model explains more "
                "strongly than any others, so that nearly every window would seem changed; name a held-out split, or "
                "leave it out: then the first 20,000 explained rows are the baseline"
            )
        return self

    @property
    def key(self) -> str:
        """Return the monitor's key, e.g. `delays/1`."""
        return names.monitor_key(self.model.name, self.model.version)

    @property
    def endpoint(self) -> str:
        """Return the name of the model's endpoint, e.g. `delays-v1`."""
        return names.endpoint(self.model.name, self.model.version)

    @property
    def inference_topic(self) -> str:
        """Return the topic that is read: its namespace's, or that of the deployment."""
        return self.model.topic or names.inference_topic(self.namespace)

    @property
    def expected_rows(self) -> int:
        """Return how many rows a window has at the expected traffic, `watch.rows_per_day`."""
        return round(self.watch.rows_per_day * (self.windowing.length / DAY))

    @property
    def rhythms(self) -> tuple[Rhythm, ...]:
        """Return in which rhythms the model is judged: its windows, and what is asked for that they add up to."""
        length = self.windowing.length
        asked = (rhythm for rhythm in LONG if rhythm in self.watch.long_spans)
        return (Rhythm.WINDOW, *(rhythm for rhythm in asked if rhythm.is_tiled_by(length)))

    @property
    def extreme_level(self) -> float:
        """Return the part of unchanged rows below which an outlying event is extreme."""
        return self.alerts.outlier_pages_per_week / (7 * self.watch.rows_per_day)

    @property
    def served_name(self) -> str:
        """Return what the model is called in the paths of its requests."""
        return self.model.served_name or self.endpoint

    @model_validator(mode="after")
    def _segments_tell_nothing_private(self) -> Self:
        told = [one.column for one in self.watch.segments if one.top is not None and one.column in self.archive.private]
        if told:
            raise ValueError(
                f"watch.segments: {', '.join(map(shown, told))} is private by archive.private, and the values of a "
                f"column of categories are the names of its segments, on pages and in mails; name another column"
            )
        return self

    @model_validator(mode="after")
    def _segments_fit_in_memory(self) -> Self:
        windowing, segments = self.windowing, sum(one.most for one in self.watch.segments)
        panes = -(-(windowing.length + windowing.lateness) // windowing.step)
        if segments and panes * (1 + segments) > MAX_PANES:
            raise ValueError(
                f"watch.segments: up to {segments} segments are counted in each of {panes} slides that length "
                f"{_seconds(windowing.length)} and lateness {_seconds(windowing.lateness)} keep open, at most "
                f"{MAX_PANES:,} counts are possible in all: each is held in memory; choose fewer segments, a longer "
                f"slide or a shorter lateness"
            )
        return self

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Self:
        windowing, rows_per_day = self.windowing, self.watch.rows_per_day
        if self.model.is_table:
            return self
        requests = rows_per_day * ((windowing.length + windowing.lateness) / DAY)
        if requests > MOST_OPEN_REQUESTS:
            raise ValueError(
                f"watch.rows_per_day {rows_per_day:,.10g} is up to {requests:,.0f} requests within length "
                f"{_seconds(windowing.length)} and lateness {_seconds(windowing.lateness)}, at most "
                f"{MOST_OPEN_REQUESTS:,} are possible: the driver keeps {BYTES_PER_REQUEST} bytes of each in memory "
                f"until its window is final; choose a shorter length or lateness, so that both together are "
                f"{int(MOST_OPEN_REQUESTS / rows_per_day * DAY.total_seconds()):,}s at most"
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON data with every default written out."""
        return self.model_dump(mode="json")

    def fingerprint(self) -> str:
        """Return the SHA-256 of the canonical JSON: equal wishes have equal fingerprints, however they were written."""
        return hashlib.sha256(_canonical(self.to_json())).hexdigest()

    @classmethod
    def parse(cls, data: Any) -> MonitorSpec:
        """Validate plain data. Raises InvalidSpec naming each field, the value given and the remedy."""
        if not isinstance(data, dict):
            raise InvalidSpec(f"a spec is a mapping of fields; given: {_kind(data)}. Nothing was changed.")
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InvalidSpec(Corrected(cls, data).lines()) from error

    @classmethod
    def from_yaml(cls, text: str) -> MonitorSpec:
        """Validate YAML (or JSON) text. Raises InvalidSpec."""
        return cls.parse(read_data(text))


def _kind(data: Any) -> str:
    """Return what data is in the words of a spec."""
    kinds = {type(None): "nothing", str: "a text", list: "a list", tuple: "a list", int: "a number", float: "a number"}
    return kinds.get(type(data), "something else")


def _canonical(data: Any) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
