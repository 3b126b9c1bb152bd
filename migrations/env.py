"""Alembic environment. The program passes its connection; run it by hand with ``mlops-debug db upgrade``."""

from __future__ import annotations

from alembic import context

from server.storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
