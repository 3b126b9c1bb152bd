"""Alembic's entry. The program hands in its connection; ``mlops-debug db upgrade`` is the way to run it by hand."""

from __future__ import annotations

from alembic import context

from server.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
