"""The read model of keyed sessions, and an index of the episodes that run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("session_digest", sa.String(64), nullable=False),
        sa.Column("episode_id", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("session_digest", name="pk_sessions"),
    )
    running = sa.text("ended_position IS NULL")
    op.create_index("ix_episodes_open", "episodes", ["started_at"], sqlite_where=running, postgresql_where=running)
