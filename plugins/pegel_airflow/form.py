"""MonitorSpec's JSON schema as an Airflow form, and the form's answers as a MonitorSpec.

A parameter is named by the path of its field (`windowing.length`), so a spec becomes parameters by flattening it and
nothing else: `params_of(spec)`. Airflow checks each answer against the field's JSON schema before a run exists; rules
that join several fields are checked by the workflow's first task with the spec's own sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow.sdk import Param

from pegel.spec import names
from pegel.spec.minimums import MIN_BASELINE
from pegel.spec.monitor_spec import MonitorSpec
from pegel_airflow import form_choices
from pegel_airflow.form_choices import FormChoices, suggested

ADVANCED: Final = "advanced"
"""Name of the parameter whose JSON object is laid over all other answers."""

CHANGES_OF: Final = "changes_of"
"""No question: what changes a spec says which one by its fingerprint, an empty text where there was none."""
DRY_RUN: Final = "dry_run"
"""Name of the parameter that asks for the plan alone; no field of a spec."""

_DIALECT: Final = {"$schema": "http://json-schema.org/draft-07/schema#"}
"""Airflow checks each schema itself whenever a parameter is read, dozens of times per task: against this draft that
takes a third of the time that the newest one takes, which is spread over eight files."""

OPEN: Final = "Run Parameters"
"""The section that Airflow's form opens by itself, by its own name: what nobody gets by without, and the dry run."""

FEATURES: Final = "watch.features"
"""The one field whose default a form cannot say as it is."""


OBJECTS: Final = frozenset({"online.features", "online.defaults", "archive.private", "alerts.severity"})
"""The fields whose values are objects, and asked as such."""


@dataclass(frozen=True, slots=True)
class Question:
    """How one field of the spec is asked: the form's section, the title with its unit, the help, extra schema."""

    section: str
    title: str
    help: str
    schema: Mapping[str, Any] | None = None


_NAME = {"pattern": names.SAFE_NAME}
_SECONDS = "`90`, `90s`, `15m` or `1h`."
_DURATION = {
    "pattern": r"^([0-9.]+ *(ms|[smhd])?|P.+)$",
    "examples": ["10s", "1m", "5m", "15m", "1h", "6h", "1d", "7d"],
}
_SHARE = "0.01, or text: `1%`; 1 tells of none."
_SHARES = {"pattern": r"^[0-9.]+ *%?$", "examples": ["0.1%", "1%", "5%", "10%"]}

QUESTIONS: Final[Mapping[str, Question]] = {
    "model.name": Question(OPEN, "Name", "Lower case letters, digits, inner hyphens; names topics, endpoint.", _NAME),
    "model.version": Question(OPEN, "Version (number)", "Each version is watched on its own."),
    "model.uri": Question(
        OPEN,
        "Location (address)",
        "Folder of the fitted model: `file:///...` or object store. Empty where something else serves it: see below.",
    ),
    "model.source": Question(
        "Model",
        "Served by",
        "An endpoint: the location above, or a server that runs. Or Hopsworks: the topic is stated, and neither. Or "
        "nobody: a job writes predictions to a `table`.",
    ),
    "model.topic": Question(
        "Model: a deployment of Hopsworks",
        "Topic of the deployment",
        "To which the inference logger of a Hopsworks deployment writes.",
    ),
    "model.table": Question(
        "Model: rows in a table",
        "Table of predictions (address)",
        "Instead of an endpoint: where a job writes rows and predictions, `delta:s3a://bucket/scores`. It is read each "
        "hour.",
    ),
    "model.time": Question("Model: rows in a table", "Column of times (name)", "The time of each row."),
    "model.event_id": Question(
        "Model: rows in a table", "Column of ids (name)", "Labels find rows by it. Empty: none."
    ),
    "model.keys": Question("Model: rows in a table", "Keys (names)", "What a row is about. One name a line."),
    "model.digest": Question(
        "Model", "Content (SHA-256)", "Of the folder. Empty: what is there now. What is replaced later is not served."
    ),
    "model.url": Question(
        "Model: a server that runs",
        "Running server (address)",
        "Instead of a location: base address of a server that runs already. It is watched and never touched.",
    ),
    "model.served_name": Question(
        "Model: a server that runs",
        "Name at the server",
        "What the running server calls the model. Empty: `<name>-v<version>`.",
    ),
    "model.logged_by": Question(
        "Model: a server that runs",
        "Logged by",
        "Of a running server: a proxy of ours that stands before it, or the server's own logger.",
    ),
    "model.format": Question("Model", "Format", "How the model was saved.", {"enum": ["sklearn"]}),
    "model.protocol": Question("Model", "Protocol", "Inference protocol that clients speak."),
    "model.ready_within": Question(
        "Model",
        "Ready within (s)",
        f"The run fails if the endpoint takes longer. {_SECONDS}",
        _DURATION,
    ),
    "namespace": Question("Logging", "Namespace", "Requests and responses of a namespace share one topic.", _NAME),
    "group": Question(
        "Logging", "Monitor group", "Models of one group share a streaming driver; an own group costs ~460 MB.", _NAME
    ),
    "serving.replicas": Question("In a cluster", "Replicas (number)", "Of the endpoint; one machine runs one process."),
    "serving.max_replicas": Question(
        "In a cluster", "Most replicas (number)", "While processors are busy. Empty: never more than the field above."
    ),
    "serving.cpu": Question(
        "In a cluster", "Processors (cores)", "Of one replica: `2`, `500m`. Empty: as the runtime says."
    ),
    "serving.memory": Question(
        "In a cluster", "Memory (bytes)", "Of one replica: `512Mi`, `2Gi`. Empty: as the runtime says."
    ),
    "serving.transformer": Question(
        "In a cluster", "Transformer (image)", "Turns what clients send into rows of the model. Empty: none."
    ),
    "serving.explainer": Question("In a cluster", "Explainer (image)", "Answers `:explain`. Empty: none."),
    "serving.canary_uri": Question(
        "In a cluster", "Canary (address)", "Folder of another model that gets a part of the requests, unwatched."
    ),
    "serving.canary_percent": Question("In a cluster", "Canary (per cent)", "Its part of the requests, 1 to 99."),
    "online.source": Question(
        "Online features",
        "View (reference)",
        "Of an online store: `local://flights`. Empty: nothing is looked up, and nothing else of this section is used.",
    ),
    "online.keys": Question("Online features", "Keys", "What a request states of its entity. One name a line."),
    "online.features": Question(
        "Online features",
        "Features (JSON object)",
        'Each with what is done where it is not there: `{"airline": "default", "gate": "null", "origin": "refuse"}`.',
    ),
    "online.defaults": Question(
        "Online features", "Defaults (JSON object)", 'Of features with the policy default: `{"airline": "WN"}`.'
    ),
    "online.age_limit": Question(
        "Online features", "Age limit (s)", f"What is older is stale. Empty: nothing is. {_SECONDS}", _DURATION
    ),
    "online.within": Question("Online features", "Within (s)", "How long a look-up may take: `50ms`.", _DURATION),
    "online.private": Question(
        "Online features", "Private keys", "Leave the endpoint only as a keyed hash. One name a line."
    ),
    "skew.table": Question(
        "Online features",
        "Table of features (address)",
        "What the store is filled from: `parquet:/folder`, `delta:s3a://bucket/rows`. With it, served values are held "
        "against those of the table at the same time.",
    ),
    "skew.time": Question("Online features", "Column of times of that table (name)", "From when on a row is so."),
    "skew.behind": Question(
        "Online features", "Behind (s)", "How much later than its table the store may be filled: `1h`.", _DURATION
    ),
    "skew.tolerated": Question(
        "Online features", "Other than the table (share)", f"Served values of a feature. {_SHARE}", _SHARES
    ),
    "baseline.source": Question(
        OPEN,
        "Training data (reference)",
        "What the feature store calls it: `local://delays?version=1&split=train`. "
        f"Drift of a field is judged from {MIN_BASELINE:,} values on.",
    ),
    "baseline.label": Question(
        "Baseline", "Column of labels (name)", "True outcomes of the training rows, to compare later ones with."
    ),
    "baseline.score": Question("Baseline", "Column of scores (name)", "From 0 to 1, of the class 1. Empty: none."),
    "baseline.time_column": Question(
        "Baseline",
        "Column of times (name)",
        "Time of each training row. With it, windows that vary by themselves, or by the hour, raise no false alarms.",
    ),
    "baseline.utc_offset": Question(
        "Baseline", "Clock (hours ahead of UTC)", "Of the clock that the features follow: 1 for Berlin in winter."
    ),
    "baseline.refresh": Question(
        "Baseline",
        "New baselines",
        "`auto`: promoted where no check failed, otherwise a person is asked. `approve`: always asked. `never`.",
    ),
    "windowing.length": Question(
        OPEN,
        "Length (s)",
        f"How much time one verdict covers: four times as long sees shifts half as large. {_SECONDS}",
        _DURATION,
    ),
    "windowing.slide": Question(
        "Windows",
        "Slide (s)",
        f"Step between window starts; must divide the length. Empty: the length. {_SECONDS}",
        _DURATION,
    ),
    "windowing.lateness": Question(
        "Windows", "Lateness (s)", f"How long late rows are still counted before a window closes. {_SECONDS}", _DURATION
    ),
    "watch.features": Question(
        "What to watch",
        "Features",
        "One name a line. Empty: all features of the training data.",
        {"type": "array", "items": {"type": "string", "minLength": 1}},
    ),
    "watch.predictions": Question("What to watch", "Predictions", "Watch what the model answers as well."),
    "watch.detectors": Question(
        "What to watch", "Further detectors", "One name a line: `median`, `tails`, or one of an installed package."
    ),
    "watch.statistics": Question(
        "What to watch",
        "Further statistics",
        "One name a line: `distinct`, `quantiles`, or one of an installed package.",
    ),
    "watch.outliers_per_day": Question(
        "What to watch", "Outliers (events/day)", "How many outlying events to see at most while nothing changes."
    ),
    "watch.outlier_method": Question(
        "What to watch",
        "Outlier scores",
        "How numbers are scored, from the next baseline on: `ecod` by their tails, `hbos` also in gaps between heaps.",
    ),
    "watch.outliers": Question(
        "What to watch",
        "Outliers told",
        "With the batch that counts them, or in `realtime` before that: on the topic within some ten milliseconds.",
    ),
    "watch.rows_per_day": Question("What to watch", "Traffic (rows/day)", "Expected rows; sets the outlier rate."),
    "watch.segments": Question(
        "What to watch",
        "Segments (JSON list)",
        '`["airline", {"column": "distance", "cuts": [500, 1000]}]`: rows are judged by airline and by distance, too.',
    ),
    "watch.poisoning": Question(
        "What to watch", "Labels against sure answers", "Tested by themselves, too; needs labels and scores."
    ),
    "watch.dependence": Question(
        "What to watch",
        "Dependence",
        "`auto` judges how every two features go together, of any kinds; `off` does not.",
    ),
    "watch.expectations": Question(
        "What to watch",
        "Expectations (JSON list)",
        '`["derived"]` asks for what follows from the baseline; own suites are objects with name, made, expectations.',
    ),
    "watch.margin": Question(
        "What to watch", "Margin (standard deviations)", "Smallest change worth a mail; smaller ones are only shown."
    ),
    "watch.long_spans": Question(
        "What to watch",
        "Long spans",
        "What windows are added up to and judged as again: `hour`, `day`, `week`. One a line; empty: windows alone.",
    ),
    "events.invalid": Question("Events", "Unreadable (share)", f"Told when certainly more are. {_SHARE}", _SHARES),
    "events.late": Question(
        "Events", "Late (share)", f"Those that come after their window was final. {_SHARE}", _SHARES
    ),
    "events.duplicate": Question("Events", "Duplicate (share)", f"Copies; they are folded. {_SHARE}", _SHARES),
    "events.dropped": Question("Events", "Dropped (share)", f"Those that the logger gave up. {_SHARE}", _SHARES),
    "events.failed_look_ups": Question(
        "Events",
        "Failed look-ups (share)",
        f"The store did not have the features, or too old. {_SHARE}",
        _SHARES,
    ),
    "events.unanswered": Question(
        "Events", "Without an answer (share)", f"Requests on which the model failed. {_SHARE}", _SHARES
    ),
    "events.slow": Question(
        "Events", "Slow answers (share)", f"Those that took longer than the next field says. {_SHARE}", _SHARES
    ),
    "events.slow_after": Question(
        "Events", "Slow after (s)", "How long an answer may take: `500ms`, `2s`. Empty: shown, not judged.", _DURATION
    ),
    "events.ahead": Question("Events", "Dated ahead (share)", f"Those more than 30 s in the future. {_SHARE}", _SHARES),
    "labels.source": Question(
        "Labels",
        "True outcomes",
        "`topic`: sent to the logger, or to the topic of labels. Or a table: `parquet:`, `delta:`, `iceberg:`, "
        "`jdbc://`. Empty: none, and nothing else of this section is used.",
    ),
    "labels.match": Question(
        "Labels", "Found by", "The id of the event and the number of the row, or what the prediction is about and when."
    ),
    "labels.prediction": Question(
        "Labels", "Prediction (name)", "What the label is compared with. Empty: that of the baseline, or the only one."
    ),
    "labels.field": Question("Labels", "Column of labels (name)", "Of a table."),
    "labels.event_id": Question("Labels", "Column of event ids (name)", "Of a table. Empty: `event_id`."),
    "labels.row": Question("Labels", "Column of rows (name)", "Of a table. Empty: every label is that of row 0."),
    "labels.keys": Question(
        "Labels", "Keys of the entity", "One name a line. Empty: those of look-ups, or of the table of predictions."
    ),
    "labels.time": Question("Labels", "Column of times (name)", "Of a table by entity: the time a label is about."),
    "labels.tolerance": Question(
        "Labels", "Tolerance (s)", f"By entity: between the event's time and the label's. {_SECONDS}", _DURATION
    ),
    "labels.known_at": Question(
        "Labels", "Column of arrival (name)", "Of a table: since when a label is known. Empty: when it was first read."
    ),
    "labels.horizon": Question(
        "Labels", "Horizon (s)", "How long after the event a label may come: `7d`. Later ones only count.", _DURATION
    ),
    "labels.charts": Question(
        "Labels", "Further charts", "Detectors of river over labelled events, one name a line: `adwin`. Empty: none."
    ),
    "attribution.via": Question(
        "Explanations",
        "Explained by",
        "`artefact`: the model's folder, read by a worker beside the endpoint. `endpoint`: the server is asked. `off`: "
        "nothing is explained, and nothing else of this section is used.",
    ),
    "attribution.rows_per_minute": Question(
        "Explanations", "Rows (per minute)", "So many predictions are explained, whatever the traffic is."
    ),
    "attribution.calls_per_minute": Question(
        "Explanations", "Calls (rows/minute)", "By the endpoint: rows that it is asked about at most."
    ),
    "attribution.window": Question(
        "Explanations", "Length of windows (s)", f"1 minute to 1 day; one verdict needs 200 rows. {_SECONDS}", _DURATION
    ),
    "attribution.margin": Question(
        "Explanations",
        "Margin (of the prediction's standard deviation)",
        "Smallest change of a part of the prediction worth a mail; smaller ones are only shown.",
    ),
    "attribution.baseline": Question(
        "Explanations",
        "Held-out rows (reference)",
        "That the model was not fitted on: `local://delays?split=holdout`. Empty: the first 20,000 explained rows.",
    ),
    "attribution.identity": Question(
        "Explanations",
        "Identity",
        "How it is told that answers are those of the registered version: computed again (`replay`), the same rows "
        "asked about each hour (`canaries`), held against a model of the answers (`surrogate`), or not (`off`).",
    ),
    "attribution.on_request": Question(
        "Explanations",
        "Single rows on request",
        "Whether clients of the endpoint may have rows explained (`:explain`). It tells them how the model decides.",
    ),
    "adversarial.probing": Question(
        "How it is asked", "Crowds of nearly equal rows", "As when somebody looks for where an answer turns."
    ),
    "adversarial.combinations": Question(
        "How it is asked", "Unusual combinations", "Rows whose numbers go together as hardly any of training do."
    ),
    "adversarial.off_grid": Question(
        "How it is asked", "Values finer than any of training", "More digits than training has, as no form sends them."
    ),
    "adversarial.client_header": Question(
        "How it is asked",
        "Header of the client (name)",
        "HTTP header that says who asks; a crowd is told with its largest client, by a keyed hash. Empty: none.",
    ),
    "false_alarms.count": Question(
        OPEN,
        "False alarms (number)",
        "How often you accept an alert although nothing has changed, per the period. With 12 numbers, 69 rows a "
        "window, 25,000 of training: 1 a week sees a shift of 0.68 sigma in one window, of 0.16 within 16; 10 a "
        "week 0.62 and 0.14.",
    ),
    "false_alarms.per": Question(OPEN, "False alarms per", "The period of the number above; a month is 30 days."),
    "false_alarms.hold_for": Question(
        "Alerts", "Hold for (share of baselines)", "0: on average; or text, `95%`: at a price in power.", _SHARES
    ),
    "alerts.emails": Question(OPEN, "Tell (e-mail addresses)", "One address a line. Empty: nobody is mailed."),
    "alerts.routes": Question(
        "Alerts",
        "Routes (JSON list)",
        '`[{"severity": "critical", "to": ["slack:oncall"]}]`: the first that fits takes an alert; the rest goes to '
        "the addresses.",
    ),
    "alerts.severity": Question(
        "Alerts", "Severity by kind (JSON object)", '`{"drift": "info"}`. Empty: by kind and size.'
    ),
    "alerts.digest": Question(
        "Alerts", "Digest (days, time, zone)", "`daily 08:00 Europe/Berlin`: what is `info` is told then."
    ),
    "alerts.outliers": Question(
        "Alerts",
        "Single events",
        "`page` mails a single event that is extremely far out within seconds; `show` only lists it.",
    ),
    "alerts.outlier_pages_per_week": Question(
        "Alerts", "Mails about single events (per week)", "There are no more of them, whatever comes."
    ),
    "alerts.mail_after": Question(
        "Alerts", "Mail only what lasts for (s)", "0: at once. What is over before is shown and not mailed.", _DURATION
    ),
    "alerts.repeat_after": Question(
        "Alerts",
        "Repeat after (s)",
        f"No further mail about the same alert before, unless it becomes more severe. {_SECONDS}",
        _DURATION,
    ),
    "archive.keep": Question(
        "Archive", "Keep (s)", f"How long rows are kept as files; 0: none are. {_SECONDS}", _DURATION
    ),
    "archive.private": Question(
        "Archive",
        "Private fields (JSON object)",
        'No value of them is written: `{"passenger": "hash", "income": "drop"}`. A hash is keyed.',
    ),
    "spec_version": Question("Advanced JSON", "Spec version", "Version of this form's fields.", {"const": 1}),
}
"""Every leaf of the spec, in the order in which it is asked."""


def params(known: FormChoices | None = None) -> dict[str, Param]:
    """Build the onboarding form: a parameter for each leaf of MonitorSpec, the advanced object, and the dry run.

    `known`: what is suggested for names and addresses; None: what reconcile knew last.
    """
    defaults = _flatten(_SAMPLE.to_json())
    leaves = dict(_leaves(MonitorSpec.model_json_schema()))
    more = _suggestions(form_choices.read() if known is None else known)
    form = {
        path: _param(question, leaves[path] | more.get(path, {}), _shown(path, defaults[path]))
        for path, question in QUESTIONS.items()
    }
    form[ADVANCED] = Param(
        {},
        description="A JSON object in the shape of a spec file, laid over the answers above: "
        '`{"windowing": {"length": "5m"}}`.',
        type=["object", "null"],
        title="Advanced (JSON object)",
        section="Advanced JSON",
    )
    form[DRY_RUN] = dry_run(OPEN)
    return form


def _suggestions(known: FormChoices) -> dict[str, dict[str, Any]]:
    """Return by field what is suggested for it; each takes any other text as well."""
    return {
        "model.name": suggested(known.models),
        "baseline.source": suggested(known.sources),
        "online.source": suggested(known.views),
        "attribution.baseline": suggested(known.sources),
    }


def dry_run(section: str) -> Param:
    """Return the question whether only the plan is wanted."""
    return Param(
        False,
        description="Try it first: only the plan, of what would change, be started and be judged. It stands in the "
        "note of the run (a long one whole in the log of its task `plan`); nothing is started.",
        type=["boolean", "null"],
        title="Dry run",
        section=section,
    )


def spec_of(answers: Mapping[str, Any]) -> MonitorSpec:
    """Read the form's answers. Raises InvalidSpec with one sentence per problem; unknown answers are refused too."""
    data: dict[str, Any] = {}
    for path, value in answers.items():
        # An emptied field has its default.
        if path not in {ADVANCED, CHANGES_OF, DRY_RUN} and value is not None:
            _put(data, path, _given(path, value))
    return MonitorSpec.parse(_overlaid(data, answers.get(ADVANCED) or {}))


def params_of(spec: MonitorSpec) -> dict[str, Any]:
    """Return the answers that ask for `spec`: the inverse of `spec_of`."""
    return {path: _shown(path, value) for path, value in _flatten(spec.to_json()).items()}


_UNSTATED: Final = "unstated"
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
_NUMBERS_AS_TEXT: Final = frozenset(
    path
    for path, question in QUESTIONS.items()
    if question.schema is not None and question.schema in (_DURATION, _SHARES)
)
"""Fields of a number that may be stated with its unit."""
_SAMPLE: Final = MonitorSpec.parse(
    {"model": {"name": _UNSTATED, "uri": _UNSTATED}, "baseline": {"source": _UNSTATED}},
)


def _param(question: Question, schema: Mapping[str, Any], default: Any) -> Param:
    told = {"title": question.title, "section": question.section}
    merged = {**_DIALECT, **_typed({**schema, **(question.schema or {})}), **told}
    if default == _UNSTATED:
        return Param(description=question.help, **merged)
    return Param(description=question.help, default=default, **(merged | {"type": _optional(merged["type"])}))


def _typed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema by which the form draws the field that people expect, where what it takes leaves a choice.

    Numbers or text, such as `60` and `1m`, are a line of text with suggestions; names of a few are chosen.
    """
    types, chosen = schema["type"], schema.get("items", {}).get("enum")
    if isinstance(types, list) and {"number", "string"} <= set(types):
        return {**schema, "type": ["string", *(each for each in types if each != "string")]}
    return {**schema, "examples": [str(each) for each in chosen]} if chosen else dict(schema)


def _optional(types: str | list[str]) -> list[str]:
    """Return types with that of an emptied field: without it the form marks a field as required."""
    named = [types] if isinstance(types, str) else types
    return named if "null" in named else [*named, "null"]


def _leaves(schema: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in schema["properties"].items():
        if "$ref" not in part:
            yield name, _plain(part)
            continue
        section = schema["$defs"][part["$ref"].rsplit("/", 1)[-1]]
        for leaf, inner in section["properties"].items():
            yield f"{name}.{leaf}", _plain(inner)


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Say `anyOf` as one list of types, which the form can draw; drop what Param states itself."""
    kept = {
        key: value for key, value in schema.items() if key not in {"default", "description", "title", "anyOf", "const"}
    }
    for choice in schema.get("anyOf", ()):
        types = choice["type"] if isinstance(choice["type"], list) else [choice["type"]]
        kept["type"] = [*kept.get("type", []), *types]
        kept.update({key: value for key, value in choice.items() if key not in {"type", "const"}})
    return kept


def _flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in data.items():
        path = f"{prefix}{name}"
        is_section = isinstance(value, Mapping) and path not in OBJECTS
        flat.update(_flatten(value, f"{path}.") if is_section else {path: value})
    return flat


def _shown(path: str, value: Any) -> Any:
    """Return a default as the form shows it: `all` features are an empty list, which a person can add to."""
    return [] if path == FEATURES and value == "all" else value


def _given(path: str, value: Any) -> Any:
    """Undo `_shown`: an empty list of features means all of them. A number in a field of text is that number."""
    if path == FEATURES and value == []:
        return "all"
    is_number = path in _NUMBERS_AS_TEXT and isinstance(value, str) and _NUMBER.fullmatch(value.strip())
    return float(value) if is_number else value


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    section, _, leaf = path.rpartition(".")
    target = data.setdefault(section, {}) if section else data
    target[leaf] = value


def _overlaid(data: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(data)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _overlaid(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
