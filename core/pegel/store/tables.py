"""The tables, as SQLAlchemy Core metadata. Their history is in `migrations`; a test says that both agree."""

from __future__ import annotations

import sqlalchemy as sa

from pegel.store.column_types import Document, Foreign, Instant
from pegel.store.plain_rows import PlainRows
from pegel.stream.outcomes import COUNTERS

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


FINDING_NUMBERS = ("statistic", "p_value", "p_relevant", "threshold", "budget_share", "effect")
"""Floats of a finding: what is no number is null on SQLite."""


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True)


def _monitor() -> tuple[sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("model", Foreign, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    )


def _partition() -> tuple[sa.Column[str], sa.Column[str], sa.Column[int]]:
    return (
        sa.Column("group", sa.Text, primary_key=True),
        sa.Column("topic", sa.Text, primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    )


# Numbers that only grow, by name: the registry's version.
counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _count("value"),
)

monitors = sa.Table(
    "monitors",
    metadata,
    *_monitor(),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("spec", Document, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
)

# Baselines as compressed JSON, immutable, under their content address.
baselines = sa.Table(
    "baselines",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("document", sa.LargeBinary, nullable=False),
)

current_baselines = sa.Table(
    "current_baselines",
    metadata,
    *_monitor(),
    sa.Column("baseline_id", sa.Text, nullable=False),
)

promotions = sa.Table(
    "promotions",
    metadata,
    _serial("seq"),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("baseline_id", sa.Text, nullable=False),
    sa.Column("previous", sa.Text),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", Foreign, nullable=False),
    sa.Column("why", Foreign, nullable=False),
    sa.Index(None, "model", "version"),
)

# New baselines that were compared with the current one: what was known of them, and what became of them.
refreshes = sa.Table(
    "refreshes",
    metadata,
    _serial("seq"),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("baseline_id", sa.Text, nullable=False),
    sa.Column("compared_with", sa.Text, nullable=False),
    sa.Column("recount", sa.Text),
    sa.Column("review", Document, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("end", sa.Text),
    sa.Column("ended_at", Instant),
    sa.Column("by", Foreign, nullable=False),
    sa.Column("why", Foreign, nullable=False),
    sa.Index(None, "model", "version", "at"),
)

# How the newest refresh of each model ended: what is settled, or since when one was refused, and from when on that is
# worth an alert.
refresh_tries = sa.Table(
    "refresh_tries",
    metadata,
    *_monitor(),
    sa.Column("tried_at", Instant, nullable=False),
    sa.Column("settled_at", Instant),
    sa.Column("refused_since", Instant),
    sa.Column("tells_from", Instant),
    sa.Column("reason", Foreign, nullable=False),
)

# Which row of a span a reader sees: that of the highest revision; of two with the same, that of the batch job.
windows = sa.Table(
    "windows",
    metadata,
    *_monitor(),
    sa.Column("segment", Foreign, primary_key=True),
    sa.Column("span_start", Instant, primary_key=True),
    sa.Column("span_end", Instant, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("final", sa.Boolean, nullable=False),
    *(_count(name) for name in ("requests", "responses", "joined", "rows")),
    *(_count(name) for name in ("late", "duplicates", "invalid", "clamped")),
    _count("orphans"),
    sa.Column("latencies", sa.LargeBinary, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("summary", sa.LargeBinary, nullable=False),
    sa.Column("baseline_id", sa.Text),
    sa.Column("layout_hash", sa.Text),
    sa.Column("spec_fingerprint", sa.Text, nullable=False),
    sa.Column("code_version", sa.Text, nullable=False),
    sa.Column("judgement", Document, nullable=False),
    sa.Column("feature_verdicts", PlainRows),
    sa.Column("emitted_at", Instant, nullable=False),
    sa.Column("remarks", Document, nullable=False),
    sa.Index(None, "model", "version", "segment", "span_end"),
)

# Hours, days and weeks, each put together from windows: the columns of a window, and of what it was made. One row for
# each baseline that judges a part of the span. A reader sees the rows of the highest revision, as of windows.
long_spans = sa.Table(
    "long_spans",
    metadata,
    *_monitor(),
    sa.Column("segment", Foreign, primary_key=True),
    sa.Column("rhythm", sa.Text, primary_key=True),
    sa.Column("span_start", Instant, primary_key=True),
    sa.Column("span_end", Instant, primary_key=True),
    sa.Column("baseline_id", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("part_start", Instant, nullable=False),
    sa.Column("part_end", Instant, nullable=False),
    sa.Column("inputs", sa.Text, nullable=False),
    *(_count(name) for name in ("windows", "recounted", "late_known", "late_missing")),
    sa.Column("notes", Document, nullable=False),
    sa.Column("final", sa.Boolean, nullable=False),
    *(_count(name) for name in ("requests", "responses", "joined", "rows")),
    *(_count(name) for name in ("late", "duplicates", "invalid", "clamped")),
    _count("orphans"),
    sa.Column("latencies", sa.LargeBinary, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("summary", sa.LargeBinary, nullable=False),
    sa.Column("layout_hash", sa.Text),
    sa.Column("spec_fingerprint", sa.Text, nullable=False),
    sa.Column("code_version", sa.Text, nullable=False),
    sa.Column("judgement", Document, nullable=False),
    sa.Column("emitted_at", Instant, nullable=False),
    sa.Column("remarks", Document, nullable=False),
    sa.Index(None, "model", "version", "rhythm", "span_end"),
)

# What rows said of expectations that the counts of a window could not tell: written after the window itself.
row_quality = sa.Table(
    "row_quality",
    metadata,
    *_monitor(),
    sa.Column("segment", Foreign, primary_key=True),
    sa.Column("span_start", Instant, primary_key=True),
    sa.Column("span_end", Instant, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, primary_key=True),
    *(_count(name) for name in ("looked_at", "rows")),
    sa.Column("outcomes", Document, nullable=False),
    sa.Column("expectations", PlainRows),
    sa.Column("at", Instant, nullable=False),
)

# What an online store served beside its table, by hours and days whose rows were read from the archive. `differing`:
# served values that the table did not have, by feature, of `compared` vectors each.
skew = sa.Table(
    "skew",
    metadata,
    *_monitor(),
    sa.Column("span_start", Instant, primary_key=True),
    sa.Column("span_end", Instant, primary_key=True),
    *(_count(name) for name in ("compared", "unknown")),
    sa.Column("differing", Document, nullable=False),
    sa.Column("at", Instant, nullable=False),
)

# Final windows of explained rows: what the model made of its inputs, and whether its answers are those of the artefact.
attributions = sa.Table(
    "attributions",
    metadata,
    *_monitor(),
    sa.Column("span_start", Instant, primary_key=True),
    sa.Column("span_end", Instant, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    *(_count(name) for name in ("rows", "replayed", "differing")),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("identity", sa.Text, nullable=False),
    sa.Column("why", Foreign, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("baseline_id", sa.Text),
    sa.Column("summary", sa.LargeBinary, nullable=False),
    sa.Column("sums", Document),
    sa.Column("facts", Document, nullable=False),
    sa.Column("features", Document, nullable=False),
    sa.Column("spec_fingerprint", sa.Text, nullable=False),
    sa.Column("code_version", sa.Text, nullable=False),
    sa.Column("emitted_at", Instant, nullable=False),
    sa.Index(None, "model", "version", "span_end"),
)

# Explained rows by window, of which a baseline of attributions is learned; they go once it is there.
learned_rows = sa.Table(
    "learned_rows",
    metadata,
    *_monitor(),
    sa.Column("start", Instant, primary_key=True),
    _count("rows"),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# What an endpoint answered when its version was new: by that it is told whether it is the same version still. `frozen`
# are the rows that are asked about again, and what was answered; `asked_at` is when that was done last.
identities = sa.Table(
    "identities",
    metadata,
    *_monitor(),
    sa.Column("identity", sa.Text, primary_key=True),
    sa.Column("artefact", sa.Text),
    sa.Column("source", Foreign, nullable=False),
    *(_count(name) for name in ("differing", "replayed", "fewest")),
    sa.Column("frozen", Document),
    sa.Column("why", Foreign, nullable=False),
    sa.Column("asked_at", Instant),
    sa.Column("at", Instant, nullable=False),
)

# Only final windows have findings. `seq` is the order in which findings became visible; a reader's cursor is the one
# that it read up to.
findings = sa.Table(
    "findings",
    metadata,
    _serial("seq"),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("segment", Foreign, nullable=False),
    sa.Column("span_start", Instant, nullable=False),
    sa.Column("span_end", Instant, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("feature", Foreign, nullable=False),
    *(sa.Column(name, sa.Text, nullable=False) for name in ("kind", "rhythm", "detector", "verdict", "test")),
    sa.Column("what", Foreign, nullable=False),
    *(sa.Column(name, sa.Double, nullable=True) for name in FINDING_NUMBERS),
    sa.Column("effect_unit", sa.Text, nullable=False),
    *(_count(name) for name in ("n", "m")),
    sa.Column("baseline_id", sa.Text, nullable=False),
    sa.Column("finding", Document, nullable=False),
    sa.Index(None, "model", "version", "span_end", "seq"),
    sa.Index(None, "model", "version", "feature", "span_end", "seq"),
    sa.Index(None, "model", "version", "seq"),
    sqlite_autoincrement=True,
)

# Per monitor with findings: the `seq` of its newest one, and the cursor of the dispatcher. A writer of
# findings locks its monitor's row first, so that they become visible in the order of their `seq`.
inboxes = sa.Table(
    "inboxes",
    metadata,
    *_monitor(),
    _count("newest"),
    _count("cursor"),
)

outliers = sa.Table(
    "outliers",
    metadata,
    *_monitor(),
    sa.Column("event_id", Foreign, primary_key=True),
    sa.Column("row", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("event_time", Instant, nullable=False),
    sa.Column("score", sa.Double, nullable=False),
    sa.Column("cutoff", sa.Double, nullable=False),
    sa.Column("p_value", sa.Double, nullable=False),
    sa.Column("reasons", Document, nullable=False),
    sa.Column("record", Document, nullable=True),
    sa.Column("made", Document, nullable=True),
    sa.Index(None, "model", "version", "event_time"),
)

ledger = sa.Table(
    "ledger",
    metadata,
    *_monitor(),
    sa.Column("minute", Instant, primary_key=True),
    sa.Column("group", sa.Text, primary_key=True),
    *(_count(name) for name in COUNTERS),
    sa.Index(None, "group", "minute"),
)

invalid = sa.Table(
    "invalid",
    metadata,
    *_monitor(),
    sa.Column("minute", Instant, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    _count("count"),
    sa.Column("sample", Foreign, nullable=False),
)

# Which records of a partition are archived of a model, in ranges that follow one another. An empty one says from where
# on the model was watched. `rows` and `files`: what the archive had more by it, and how many files were written for it.
archived = sa.Table(
    "archived",
    metadata,
    *_monitor(),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("from_offset", sa.BigInteger, primary_key=True, autoincrement=False),
    _count("up_to_offset"),
    sa.Column("topic_id", sa.Text),
    *(_count(name) for name in ("rows", "files")),
    sa.Column("at", Instant, nullable=False),
)

# What was erased of whom, by whom: names and hashes, never a value. `known_by`: by what the archive leaves out rows of
# before it, hashes by name or the id of an event; null where there was no secret to hash by.
erasures = sa.Table(
    "erasures",
    metadata,
    _serial("seq"),
    sa.Column("subject", Foreign, nullable=False),
    sa.Column("by", Foreign, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("removed", Document, nullable=False),
    sa.Column("known_by", Document),
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.Text, nullable=False),
    sa.Column("batch_id", sa.BigInteger, nullable=False),
    sa.Column("lag", sa.BigInteger, nullable=False),
    sa.Column("event_time_head", Instant),
    sa.Column("at", Instant, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("progressed_at", Instant),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("doing", sa.Text, nullable=False),
    sa.Column("missing", sa.Text, nullable=False),
    sa.Column("error", Foreign),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("specs", Document, nullable=False),
    sa.Column("baselines", Document, nullable=False),
)

# What the attribution worker of a namespace says of itself. `models`: what became of the chosen events of each.
worker_beats = sa.Table(
    "worker_beats",
    metadata,
    sa.Column("namespace", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("started_at", Instant, nullable=False),
    sa.Column("progressed_at", Instant),
    sa.Column("newest_event", Instant),
    sa.Column("pid", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("models", Document, nullable=False),
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("over_at", Instant),
    *(sa.Column(name, Instant, nullable=False) for name in ("since", "last_end")),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("features", Foreign, nullable=False),
    _count("feature_count"),
    *(sa.Column(name, Instant) for name in ("mailed_at", "acknowledged_until")),
    *(sa.Column(name, Foreign, nullable=False) for name in ("acknowledged_by", "acknowledged_why")),
    sa.Column("held_by", sa.Text, nullable=False),
    sa.Column("alert", Document, nullable=False),
    sa.Index(None, "model", "version", "opened_at"),
    sa.Index(None, "over_at"),
)

# Answers beside their labels, per span that ends with an hour or a day: counts, what is estimated of answers without
# labels, and what was judged. A reader sees the highest revision; labels that come later make a new one.
performance = sa.Table(
    "performance",
    metadata,
    *_monitor(),
    sa.Column("segment", Foreign, primary_key=True),
    sa.Column("span_start", Instant, primary_key=True),
    sa.Column("span_end", Instant, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    *(_count(name) for name in ("answered", "labelled")),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("counts", Document, nullable=False),
    sa.Column("coverage", Document),
    sa.Column("estimate", Document),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("judgement", Document, nullable=False),
    sa.Column("figures", PlainRows),
    sa.Column("baseline_id", sa.Text),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "model", "version", "segment", "span_end"),
    sa.Index(None, "model", "version", "settled", "span_start"),
)

# Charts over labelled events: each has taken in every event before `up_to`, once. `aside`: the state that could not be
# read, because of which it began anew.
concept_charts = sa.Table(
    "concept_charts",
    metadata,
    *_monitor(),
    sa.Column("segment", Foreign, primary_key=True),
    sa.Column("chart", sa.Text, primary_key=True),
    sa.Column("state", Document, nullable=False),
    sa.Column("baseline_id", sa.Text, nullable=False),
    sa.Column("up_to", Instant, nullable=False),
    sa.Column("aside", Document),
)

# Up to where the topic of labels of a namespace is kept, exclusive; by its id, because one that is made again has other
# records under old numbers. What was kept of a former topic stays known.
label_positions = sa.Table(
    "label_positions",
    metadata,
    sa.Column("namespace", Foreign, primary_key=True),
    sa.Column("topic_id", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    _count("up_to"),
    sa.Column("at", Instant, nullable=False),
)

# From where on (inclusive) the topic of labels is to be read again for a model whose keys nobody could hash meanwhile.
held_labels = sa.Table(
    "held_labels",
    metadata,
    *_monitor(),
    sa.Column("topic_id", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    _count("from_offset"),
)

# What came on it and is no label, by kind; of labels that nobody asked for also by the key of their model version.
label_refusals = sa.Table(
    "label_refusals",
    metadata,
    sa.Column("namespace", Foreign, primary_key=True),
    sa.Column("model", Foreign, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    _count("count"),
)

# Up to where labels are in the figures of a model, exclusive. Those of a table have the partition -1 of no topic.
label_joins = sa.Table(
    "label_joins",
    metadata,
    *_monitor(),
    sa.Column("topic_id", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    _count("up_to"),
)

# Which hours are in the figures of a model, by the number of the writer that archived their rows.
label_hours = sa.Table(
    "label_hours",
    metadata,
    *_monitor(),
    sa.Column("start", Instant, primary_key=True),
    _count("written"),
)

# How far the table of a model that is only scored in batches is read, and why it could not be, the last time.
# `charts`: what the newest window left; `up_to`: windows that end until then are judged.
table_reads = sa.Table(
    "table_reads",
    metadata,
    *_monitor(),
    sa.Column("at", Instant, nullable=False),
    sa.Column("up_to", Instant),
    sa.Column("newest", Instant),
    _count("untimed"),
    sa.Column("charts", Document),
    sa.Column("problem", Foreign, nullable=False),
    sa.Column("problem_since", Instant),
)

# Labels by the day on which they came, in days since 1970: about how many predictions, and of how many a row is known.
label_days = sa.Table(
    "label_days",
    metadata,
    *_monitor(),
    sa.Column("day", sa.Integer, primary_key=True, autoincrement=False),
    *(_count(name) for name in ("received", "subjects", "matched")),
    sa.Column("is_over", sa.Boolean, nullable=False),
)

# What could not be told to people, and why; the same reason again raises `times`.
dispatch_failures = sa.Table(
    "dispatch_failures",
    metadata,
    _serial("seq"),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("reason", Foreign, nullable=False),
    sa.Column("first_at", Instant, nullable=False),
    sa.Column("at", Instant, nullable=False),
    _count("times"),
    sa.Index(None, "model", "version", "at"),
)

# How a job that was submitted elsewhere ended, in its own words: `done` with a result, or `refused` with a sentence.
job_results = sa.Table(
    "job_results",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("sentence", Foreign, nullable=False),
    sa.Column("result", Document),
    sa.Column("at", Instant, nullable=False),
)

# About what people want no mails, and when: of what it is about an empty column says nothing. No number is given twice:
# one that somebody wrote down means what it meant.
silences = sa.Table(
    "silences",
    metadata,
    _serial("seq"),
    sa.Column("model", Foreign),
    sa.Column("version", sa.Integer),
    sa.Column("segment", Foreign),
    sa.Column("feature", Foreign),
    sa.Column("kind", sa.Text),
    sa.Column("since", Instant),
    sa.Column("until", Instant),
    sa.Column("every", sa.Text),
    sa.Column("why", Foreign, nullable=False),
    sa.Column("by", Foreign, nullable=False),
    sa.Column("said_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("ended_by", Foreign, nullable=False),
    sqlite_autoincrement=True,
)

# The life of each alert, a line for each event; nothing in it is ever changed.
alert_events = sa.Table(
    "alert_events",
    metadata,
    _serial("seq"),
    sa.Column("alert", sa.Text, nullable=False),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("by", Foreign, nullable=False),
    sa.Column("why", Foreign, nullable=False),
    sa.Column("until", Instant),
    sa.Column("details", Document, nullable=False),
    sa.Index(None, "alert"),
    sa.Index(None, "at"),
    sa.Index(None, "model", "version"),
)

# What housekeeping removed: rows, folders or baselines from before an instant, and why others stayed or it failed.
removals = sa.Table(
    "removals",
    metadata,
    _serial("seq"),
    sa.Column("at", Instant, nullable=False),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("before", Instant, nullable=False),
    _count("count"),
    sa.Column("problem", Foreign, nullable=False),
    sa.Index(None, "at"),
)

# The views that were made, by what they say: see `view_making`.
views = sa.Table(
    "views",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
)

# When a workflow last came to its end: whoever looks from outside sees that it no longer does.
passes = sa.Table(
    "passes",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("at", Instant, nullable=False),
)

actions = sa.Table(
    "actions",
    metadata,
    _serial("seq"),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", Foreign, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "target", "at"),
    sa.Index(None, "at"),
)

# What is wrong with the watching itself: since when that was seen, whether people were mailed, and who has the mail
# that is due. `about`: a group, or the key of a monitor.
health_alerts = sa.Table(
    "health_alerts",
    metadata,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("about", Foreign, primary_key=True),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("models", Document, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("reason", Foreign, nullable=False),
    sa.Column("mailed_at", Instant),
    sa.Column("told", Document, nullable=False),
    sa.Column("known_to", Document, nullable=False),
    sa.Column("missed", Document, nullable=False),
)

# What happened to what was wrong with the watching: opened, grown, over. Kept for some months.
health_events = sa.Table(
    "health_events",
    metadata,
    _serial("seq"),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("about", Foreign, nullable=False),
    sa.Column("models", Document, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("since", Instant, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("reason", Foreign, nullable=False),
    sa.Index(None, "at"),
)

# When an address was sent its last message, after which it is left alone for a while, and since when something waits
# for company. `failing_since`: since when nothing was accepted that was due to it, `tries` that failed since then, and
# `why` the last one did.
last_mails = sa.Table(
    "last_mails",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("sent_at", Instant),
    sa.Column("waiting_since", Instant),
    sa.Column("failing_since", Instant),
    _count("tries"),
    sa.Column("why", Foreign, nullable=False),
)

# Until when the digests of an addressee have told, by the time of a week at which they are sent.
digests = sa.Table(
    "digests",
    metadata,
    sa.Column("address", sa.Text, primary_key=True),
    sa.Column("every", sa.Text, primary_key=True),
    sa.Column("until", Instant, nullable=False),
)

# Who may write for a group. `unfinished_reads`: drivers that began to read since the last commit and did not end by a
# clean stop; a commit sets it to 1, because its writer may still die. `last_commit`: by what the last one is known.
claims = sa.Table(
    "claims",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("unfinished_reads", sa.Integer, nullable=False),
    sa.Column("claimed_at", Instant, nullable=False),
    sa.Column("committed_at", Instant),
    sa.Column("last_commit", sa.Text),
)

offsets = sa.Table(
    "offsets",
    metadata,
    *_partition(),
    *(_count(name) for name in ("start", "end", "records")),
    sa.Column("topic_id", sa.Text),
    sa.Column("seen_at", Instant, nullable=False),
)

gaps = sa.Table(
    "gaps",
    metadata,
    *_partition(),
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    _count("end"),
    sa.Column("reason", Foreign, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "group", "at"),
)

set_aside = sa.Table(
    "set_aside",
    metadata,
    *_partition(),
    sa.Column("offset", sa.BigInteger, primary_key=True, autoincrement=False),
    _count("size_bytes"),
    sa.Column("reason", Foreign, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Index(None, "group", "at"),
)

arrivals = sa.Table(
    "arrivals",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    sa.Column("minute", Instant, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    _count("records"),
)

# Parts of open panes, in the order of `seq`, several in a row; they go when the pane is closed.
pane_parts = sa.Table(
    "pane_parts",
    metadata,
    _serial("seq"),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("model", Foreign, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("pane", Instant, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Index(None, "group", "model", "version", "pane"),
)

# What the last commits changed of open windows, all monitors in one row, until it is moved to the two tables around.
journal = sa.Table(
    "journal",
    metadata,
    _serial("seq"),
    sa.Column("group", sa.Text, nullable=False),
    sa.Column("changes", sa.LargeBinary, nullable=False),
    sa.Index(None, "group"),
)

monitor_states = sa.Table(
    "monitor_states",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    *_monitor(),
    sa.Column("windows", Document, nullable=False),
    sa.Column("charts", Document),
)

# Rows of the windows before, in which crowds are looked for: those of each window and horizon once, under its name.
remembered_rows = sa.Table(
    "remembered_rows",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    *_monitor(),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

failures = sa.Table(
    "failures",
    metadata,
    sa.Column("group", sa.Text, primary_key=True),
    *_monitor(),
    sa.Column("since", Instant, primary_key=True),
    sa.Column("reason", Foreign, nullable=False),
    _count("windows_lost"),
    sa.Column("ended_at", Instant),
)
