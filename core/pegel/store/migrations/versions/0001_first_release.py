"""The first tables: registry, baselines, results, alerts, actions, and the state of streaming drivers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _real(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=True)


def _instant(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _serial(name: str) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, nullable=False, autoincrement=True)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def upgrade() -> None:
    """Create every table."""
    _registry()
    _baselines()
    _windows()
    _long_spans()
    _findings()
    _attributions()
    _performance()
    _labels()
    _events()
    _heartbeats()
    _alerts()
    _dispatch()
    _unwatched()
    _actions()
    _claims()
    _offsets()
    _stream_state()


def _registry() -> None:
    op.create_table("counters", _text("name"), _count("value"), _key("counters", "name"))
    op.create_table(
        "monitors",
        *(_text("model"), _integer("version")),
        *(_text("group"), _text("fingerprint"), _text("spec"), _instant("changed_at")),
        _key("monitors", "model", "version"),
    )


def _baselines() -> None:
    op.create_table(
        "baselines",
        *(_text("id"), _text("model"), _integer("version"), _instant("created_at")),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        _key("baselines", "id"),
    )
    op.create_table(
        "current_baselines",
        *(_text("model"), _integer("version"), _text("baseline_id")),
        _key("current_baselines", "model", "version"),
    )
    op.create_table(
        "promotions",
        *(_serial("seq"), _text("model"), _integer("version"), _text("baseline_id"), _text("previous", null=True)),
        *(_instant("at"), _text("by"), _text("why")),
        _key("promotions", "seq"),
    )
    _index("promotions", "model", "version")
    op.create_table(
        "refreshes",
        *(_serial("seq"), _text("model"), _integer("version"), _text("baseline_id"), _text("compared_with")),
        *(_text("recount", null=True), _text("review"), _instant("at")),
        *(_text("end", null=True), _instant("ended_at", null=True)),
        *(_text("by"), _text("why")),
        _key("refreshes", "seq"),
    )
    _index("refreshes", "model", "version", "at")
    op.create_table(
        "refresh_tries",
        *(_text("model"), _integer("version"), _instant("tried_at"), _instant("settled_at", null=True)),
        *(_instant("refused_since", null=True), _instant("tells_from", null=True), _text("reason")),
        _key("refresh_tries", "model", "version"),
    )


def _windows() -> None:
    op.create_table(
        "windows",
        *(_text("model"), _integer("version"), _text("segment")),
        *(_instant("span_start"), _instant("span_end"), _integer("revision"), _text("origin")),
        sa.Column("final", sa.Boolean(), nullable=False),
        *(_count(name) for name in ("requests", "responses", "joined", "rows")),
        *(_count(name) for name in ("late", "duplicates", "invalid", "clamped")),
        _count("orphans"),
        sa.Column("latencies", sa.LargeBinary(), nullable=False),
        _text("verdict"),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        *(_text("baseline_id", null=True), _text("layout_hash", null=True)),
        *(_text("spec_fingerprint"), _text("code_version"), _text("judgement")),
        *(_text("feature_verdicts", null=True), _instant("emitted_at"), _text("remarks")),
        _key("windows", "model", "version", "segment", "span_start", "span_end", "revision", "origin"),
    )
    _index("windows", "model", "version", "segment", "span_end")
    op.create_table(
        "row_quality",
        *(_text("model"), _integer("version"), _text("segment")),
        *(_instant("span_start"), _instant("span_end"), _integer("revision"), _text("origin")),
        *(_count("looked_at"), _count("rows"), _text("outcomes"), _text("expectations", null=True), _instant("at")),
        _key("row_quality", "model", "version", "segment", "span_start", "span_end", "revision", "origin"),
    )
    op.create_table(
        "skew",
        *(_text("model"), _integer("version"), _instant("span_start"), _instant("span_end")),
        *(_count("compared"), _count("unknown"), _text("differing"), _instant("at")),
        _key("skew", "model", "version", "span_start", "span_end"),
    )


def _attributions() -> None:
    op.create_table(
        "attributions",
        *(_text("model"), _integer("version"), _instant("span_start"), _instant("span_end"), _integer("revision")),
        *(_count("rows"), _count("replayed"), _count("differing")),
        *(_text("verdict"), _text("identity"), _text("why"), _instant("since"), _text("baseline_id", null=True)),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        *(_text("sums", null=True), _text("facts"), _text("features")),
        *(_text("spec_fingerprint"), _text("code_version"), _instant("emitted_at")),
        _key("attributions", "model", "version", "span_start", "span_end", "revision"),
    )
    _index("attributions", "model", "version", "span_end")
    op.create_table(
        "learned_rows",
        *(_text("model"), _integer("version"), _instant("start"), _count("rows")),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _key("learned_rows", "model", "version", "start"),
    )
    op.create_table(
        "identities",
        *(_text("model"), _integer("version"), _text("identity"), _text("artefact", null=True), _text("source")),
        *(_count("differing"), _count("replayed"), _count("fewest")),
        *(_text("frozen", null=True), _text("why"), _instant("asked_at", null=True), _instant("at")),
        _key("identities", "model", "version", "identity"),
    )


def _performance() -> None:
    op.create_table(
        "performance",
        *(_text("model"), _integer("version"), _text("segment")),
        *(_instant("span_start"), _instant("span_end"), _integer("revision")),
        *(_count("answered"), _count("labelled"), sa.Column("settled", sa.Boolean(), nullable=False)),
        *(_text("counts"), _text("coverage", null=True), _text("estimate", null=True)),
        *(_text("verdict"), _text("judgement"), _text("figures", null=True)),
        *(_text("baseline_id", null=True), _instant("at")),
        _key("performance", "model", "version", "segment", "span_start", "span_end", "revision"),
    )
    _index("performance", "model", "version", "segment", "span_end")
    _index("performance", "model", "version", "settled", "span_start")
    op.create_table(
        "concept_charts",
        *(_text("model"), _integer("version"), _text("segment"), _text("chart")),
        *(_text("state"), _text("baseline_id"), _instant("up_to")),
        sa.Column("aside", sa.Text()),
        _key("concept_charts", "model", "version", "segment", "chart"),
    )


def _long_spans() -> None:
    op.create_table(
        "long_spans",
        *(_text("model"), _integer("version"), _text("segment"), _text("rhythm")),
        *(_instant("span_start"), _instant("span_end"), _text("baseline_id"), _integer("revision"), _text("origin")),
        *(_instant("part_start"), _instant("part_end"), _text("inputs")),
        *(_count(name) for name in ("windows", "recounted", "late_known", "late_missing")),
        _text("notes"),
        sa.Column("final", sa.Boolean(), nullable=False),
        *(_count(name) for name in ("requests", "responses", "joined", "rows")),
        *(_count(name) for name in ("late", "duplicates", "invalid", "clamped")),
        _count("orphans"),
        sa.Column("latencies", sa.LargeBinary(), nullable=False),
        _text("verdict"),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        _text("layout_hash", null=True),
        *(_text("spec_fingerprint"), _text("code_version"), _text("judgement"), _instant("emitted_at")),
        _text("remarks"),
        _key(
            "long_spans",
            *("model", "version", "segment", "rhythm", "span_start", "span_end", "baseline_id", "revision", "origin"),
        ),
    )
    _index("long_spans", "model", "version", "rhythm", "span_end")


def _labels() -> None:
    op.create_table(
        "label_positions",
        *(_text("namespace"), _text("topic_id"), _integer("partition"), _count("up_to"), _instant("at")),
        _key("label_positions", "namespace", "topic_id", "partition"),
    )
    op.create_table(
        "held_labels",
        *(_text("model"), _integer("version"), _text("topic_id"), _integer("partition"), _count("from_offset")),
        _key("held_labels", "model", "version", "topic_id", "partition"),
    )
    op.create_table(
        "label_refusals",
        *(_text("namespace"), _text("model"), _text("kind"), _count("count")),
        _key("label_refusals", "namespace", "model", "kind"),
    )
    op.create_table(
        "label_joins",
        *(_text("model"), _integer("version"), _text("topic_id"), _integer("partition"), _count("up_to")),
        _key("label_joins", "model", "version", "topic_id", "partition"),
    )
    op.create_table(
        "label_hours",
        *(_text("model"), _integer("version"), _instant("start"), _count("written")),
        _key("label_hours", "model", "version", "start"),
    )
    op.create_table(
        "label_days",
        *(_text("model"), _integer("version"), _integer("day")),
        *(_count(name) for name in ("received", "subjects", "matched")),
        sa.Column("is_over", sa.Boolean(), nullable=False),
        _key("label_days", "model", "version", "day"),
    )
    op.create_table(
        "table_reads",
        *(_text("model"), _integer("version"), _instant("at"), _instant("up_to", null=True)),
        *(_instant("newest", null=True), _count("untimed"), _text("charts", null=True)),
        *(_text("problem"), _instant("problem_since", null=True)),
        _key("table_reads", "model", "version"),
    )


def _findings() -> None:
    op.create_table(
        "findings",
        *(_serial("seq"), _text("id"), _text("model"), _integer("version"), _text("segment")),
        *(_instant("span_start"), _instant("span_end"), _integer("revision"), _text("origin")),
        _text("feature"),
        *(_text(name) for name in ("kind", "rhythm", "detector", "verdict", "test", "what")),
        *(_real(name) for name in ("statistic", "p_value", "p_relevant", "threshold", "budget_share", "effect")),
        *(_text("effect_unit"), _count("n"), _count("m"), _text("baseline_id"), _text("finding")),
        _key("findings", "seq"),
        sa.UniqueConstraint("id", name="uq_findings_id"),
        sqlite_autoincrement=True,
    )
    _index("findings", "model", "version", "span_end", "seq")
    _index("findings", "model", "version", "feature", "span_end", "seq")
    _index("findings", "model", "version", "seq")
    op.create_table(
        "inboxes",
        *(_text("model"), _integer("version"), _count("newest"), _count("cursor")),
        _key("inboxes", "model", "version"),
    )


def _events() -> None:
    op.create_table(
        "outliers",
        *(_text("model"), _integer("version"), _text("event_id"), _integer("row")),
        *(_text("origin"), _instant("event_time")),
        *(sa.Column(name, sa.Double(), nullable=False) for name in ("score", "cutoff", "p_value")),
        _text("reasons"),
        sa.Column("record", sa.Text(), nullable=True),
        sa.Column("made", sa.Text(), nullable=True),
        _key("outliers", "model", "version", "event_id", "row"),
    )
    _index("outliers", "model", "version", "event_time")
    op.create_table(
        "ledger",
        *(_text("model"), _integer("version"), _instant("minute"), _text("group")),
        *(_count(name) for name in ("judged", "late", "invalid", "duplicate")),
        *(_count(name) for name in ("dropped", "dropped_at_most", "dropped_at_least")),
        *(_count(name) for name in ("set_aside", "probe", "elsewhere", "notice", "asked", "unanswered", "orphans")),
        *(_count(name) for name in ("store_unavailable", "entity_unknown", "vector_stale")),
        _key("ledger", "model", "version", "minute", "group"),
    )
    _index("ledger", "group", "minute")
    op.create_table(
        "invalid",
        *(_text("model"), _integer("version"), _instant("minute"), _text("kind"), _count("count"), _text("sample")),
        _key("invalid", "model", "version", "minute", "kind"),
    )
    op.create_table(
        "archived",
        *(_text("model"), _integer("version"), _text("topic"), _integer("partition")),
        *(_count("from_offset"), _count("up_to_offset"), _text("topic_id", null=True)),
        *(_count("rows"), _count("files"), _instant("at")),
        _key("archived", "model", "version", "topic", "partition", "from_offset"),
    )
    op.create_table(
        "erasures",
        *(
            _serial("seq"),
            _text("subject"),
            _text("by"),
            _instant("at"),
            _text("removed"),
            _text("known_by", null=True),
        ),
        _key("erasures", "seq"),
    )


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        *(_text("group"), _integer("generation"), _text("fingerprint"), _count("batch_id"), _count("lag")),
        *(_instant("event_time_head", null=True), _instant("at"), _instant("started_at")),
        *(_instant("progressed_at", null=True), _count("pid")),
        *(_text("state"), _text("doing"), _text("missing"), _text("error", null=True), _text("note")),
        *(_text("specs"), _text("baselines")),
        _key("heartbeats", "group"),
    )
    op.create_table(
        "worker_beats",
        *(_text("namespace"), _instant("at"), _instant("started_at")),
        *(_instant("progressed_at", null=True), _instant("newest_event", null=True)),
        *(_count("pid"), _text("state"), _text("models")),
        _key("worker_beats", "namespace"),
    )


def _alerts() -> None:
    op.create_table(
        "alerts",
        *(_text("id"), _text("model"), _integer("version"), _text("kind")),
        *(_instant("opened_at"), _instant("over_at", null=True), _instant("since"), _instant("last_end")),
        *(_text("severity"), _text("features"), _count("feature_count")),
        *(_instant("mailed_at", null=True), _instant("acknowledged_until", null=True)),
        *(_text("acknowledged_by"), _text("acknowledged_why"), _text("held_by"), _text("alert")),
        _key("alerts", "id"),
    )
    _index("alerts", "model", "version", "opened_at")
    _index("alerts", "over_at")
    op.create_table(
        "alert_events",
        *(_serial("seq"), _text("alert"), _text("model"), _integer("version"), _text("kind"), _instant("at")),
        *(_text("by"), _text("why"), _instant("until", null=True), _text("details")),
        _key("alert_events", "seq"),
    )
    _index("alert_events", "alert")
    _index("alert_events", "at")
    _index("alert_events", "model", "version")
    op.create_table(
        "silences",
        *(_serial("seq"), _text("model", null=True), sa.Column("version", sa.Integer())),
        *(_text("segment", null=True), _text("feature", null=True), _text("kind", null=True)),
        *(_instant("since", null=True), _instant("until", null=True), _text("every", null=True)),
        *(_text("why"), _text("by"), _instant("said_at"), _instant("ended_at", null=True), _text("ended_by")),
        _key("silences", "seq"),
        sqlite_autoincrement=True,
    )


def _dispatch() -> None:
    op.create_table(
        "dispatch_failures",
        *(_serial("seq"), _text("model"), _integer("version"), _text("reason")),
        *(_instant("first_at"), _instant("at"), _count("times")),
        _key("dispatch_failures", "seq"),
    )
    _index("dispatch_failures", "model", "version", "at")
    op.create_table(
        "job_results",
        *(_text("id"), _text("state"), _text("sentence"), _text("result", null=True), _instant("at")),
        _key("job_results", "id"),
    )


def _unwatched() -> None:
    op.create_table(
        "health_alerts",
        *(_text("kind"), _text("about"), _text("group"), _text("models"), _instant("since"), _text("severity")),
        *(_text("reason"), _instant("mailed_at", null=True), _text("told"), _text("known_to"), _text("missed")),
        _key("health_alerts", "kind", "about"),
    )
    op.create_table(
        "health_events",
        *(_serial("seq"), _text("kind"), _text("about"), _text("models"), _text("event")),
        *(_instant("at"), _instant("since"), _text("severity"), _text("reason")),
        _key("health_events", "seq"),
    )
    _index("health_events", "at")
    op.create_table(
        "last_mails",
        *(_text("address"), _instant("sent_at", null=True), _instant("waiting_since", null=True)),
        *(_instant("failing_since", null=True), _count("tries"), _text("why")),
        _key("last_mails", "address"),
    )
    op.create_table(
        "digests", *(_text("address"), _text("every"), _instant("until")), _key("digests", "address", "every")
    )


def _actions() -> None:
    op.create_table(
        "actions",
        *(_serial("seq"), _text("target"), _text("kind"), _text("reason"), _integer("generation"), _instant("at")),
        _key("actions", "seq"),
    )
    _index("actions", "target", "at")
    _index("actions", "at")
    op.create_table("views", _text("name"), _text("digest"), _key("views", "name"))
    op.create_table("passes", _text("name"), _instant("at"), _key("passes", "name"))
    op.create_table(
        "removals",
        *(_serial("seq"), _instant("at"), _text("model"), _integer("version"), _text("kind"), _instant("before")),
        *(_count("count"), _text("problem")),
        _key("removals", "seq"),
    )
    _index("removals", "at")


def _claims() -> None:
    op.create_table(
        "claims",
        *(_text("group"), _integer("generation"), _text("token"), _integer("unfinished_reads")),
        *(_instant("claimed_at"), _instant("committed_at", null=True), _text("last_commit", null=True)),
        _key("claims", "group"),
    )


def _offsets() -> None:
    partition = ("group", "topic", "partition")
    op.create_table(
        "offsets",
        *(_text("group"), _text("topic"), _integer("partition")),
        *(_count("start"), _count("end"), _count("records"), _text("topic_id", null=True), _instant("seen_at")),
        _key("offsets", *partition),
    )
    op.create_table(
        "gaps",
        *(_text("group"), _text("topic"), _integer("partition"), _count("start"), _count("end")),
        *(_text("reason"), _instant("at")),
        _key("gaps", *partition, "start"),
    )
    _index("gaps", "group", "at")
    op.create_table(
        "set_aside",
        *(_text("group"), _text("topic"), _integer("partition"), _count("offset"), _count("size_bytes")),
        *(_text("reason"), _instant("at")),
        _key("set_aside", *partition, "offset"),
    )
    _index("set_aside", "group", "at")
    op.create_table(
        "arrivals",
        *(_text("group"), _instant("minute"), _text("topic"), _integer("partition"), _count("records")),
        _key("arrivals", "group", "minute", "topic", "partition"),
    )


def _stream_state() -> None:
    op.create_table(
        "pane_parts",
        *(_serial("seq"), _text("group"), _text("model"), _integer("version"), _instant("pane")),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _key("pane_parts", "seq"),
    )
    _index("pane_parts", "group", "model", "version", "pane")
    op.create_table(
        "journal",
        *(_serial("seq"), _text("group")),
        sa.Column("changes", sa.LargeBinary(), nullable=False),
        _key("journal", "seq"),
    )
    _index("journal", "group")
    op.create_table(
        "monitor_states",
        *(_text("group"), _text("model"), _integer("version"), _text("windows"), _text("charts", null=True)),
        _key("monitor_states", "group", "model", "version"),
    )
    op.create_table(
        "remembered_rows",
        *(_text("group"), _text("model"), _integer("version"), _text("name")),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _key("remembered_rows", "group", "model", "version", "name"),
    )
    op.create_table(
        "failures",
        *(_text("group"), _text("model"), _integer("version"), _instant("since"), _text("reason")),
        *(_count("windows_lost"), _instant("ended_at", null=True)),
        _key("failures", "group", "model", "version", "since"),
    )
