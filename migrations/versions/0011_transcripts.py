"""Adds what models said in an episode, as their clients share it: beside the events, and never part of what is hashed, signed or graded."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "transcripts",
        sa.Column("episode_id", sa.String(128), nullable=False),
        sa.Column("shared_at", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("episode_id", name="pk_transcripts"),
    )
