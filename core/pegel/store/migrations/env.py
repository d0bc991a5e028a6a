"""Alembic's entry: run the revisions on the connection that `pegel.store.database.migrate` hands over."""

from __future__ import annotations

from alembic import context

from pegel.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
