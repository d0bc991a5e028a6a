"""Silences say what they are about, and may come again; alerts have a history."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=null)


def _instant(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=null)


def _serial() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", kind, nullable=False, autoincrement=True)


def upgrade() -> None:
    """Make both tables; silences that were said are kept, in their order."""
    op.execute("CREATE TABLE silences_before AS SELECT * FROM silences")
    op.drop_table("silences")
    _silences()
    op.execute(
        'INSERT INTO silences (model, version, until, why, "by", said_at, ended_by) '
        "SELECT model, version, until, why, \"by\", said_at, '' FROM silences_before ORDER BY seq"
    )
    op.drop_table("silences_before")
    _alert_events()
    _health_events()
    _nothing_held_back()


def downgrade() -> None:
    """Take the history away. Silences stay as they are: an earlier Pegel refuses such a table by name."""
    op.drop_table("health_events")
    op.drop_table("alert_events")


def _silences() -> None:
    op.create_table(
        "silences",
        _serial(),
        _text("model", null=True),
        sa.Column("version", sa.Integer()),
        _text("segment", null=True),
        _text("feature", null=True),
        _text("kind", null=True),
        _instant("since", null=True),
        _instant("until", null=True),
        _text("every", null=True),
        _text("why"),
        _text("by"),
        _instant("said_at"),
        _instant("ended_at", null=True),
        _text("ended_by"),
        sa.PrimaryKeyConstraint("seq", name="pk_silences"),
        sqlite_autoincrement=True,
    )


def _alert_events() -> None:
    op.create_table(
        "alert_events",
        _serial(),
        _text("alert"),
        _text("model"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("kind"),
        _instant("at"),
        _text("by"),
        _text("why"),
        _instant("until", null=True),
        _text("details"),
        sa.PrimaryKeyConstraint("seq", name="pk_alert_events"),
    )
    op.create_index("ix_alert_events_alert", "alert_events", ["alert"])
    op.create_index("ix_alert_events_at", "alert_events", ["at"])
    op.create_index("ix_alert_events_model_version", "alert_events", ["model", "version"])


def _health_events() -> None:
    op.create_table(
        "health_events",
        _serial(),
        _text("kind"),
        _text("about"),
        _text("models"),
        _text("event"),
        _instant("at"),
        _instant("since"),
        _text("severity"),
        _text("reason"),
        sa.PrimaryKeyConstraint("seq", name="pk_health_events"),
    )
    op.create_index("ix_health_events_at", "health_events", ["at"])


def _nothing_held_back() -> None:
    """Say of the alerts that are there, in their documents, that no mail is held back, and nobody missed one."""
    op.execute(
        """UPDATE alerts SET alert = '{"held_back":"","held_by":[],"severity":"info","mailed_severity"\\:null,'
        || '"known_to":[],"missed":{},' || substr(replace(alert, '_severities":', '_magnitudes":'), 2)
        WHERE alert LIKE '{"%'"""
    )
