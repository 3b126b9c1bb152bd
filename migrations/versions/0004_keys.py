"""API keys, and the key and round of an episode in its read model."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("scopes", sa.String(64), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("revoked_at", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("prefix", name="pk_keys"),
        sa.UniqueConstraint("name", name="uq_keys_name"),
    )
    # Null in what was recorded before: it was practice with open access.
    op.add_column("episodes", sa.Column("key_prefix", sa.String(16), nullable=True))
    op.add_column("episodes", sa.Column("round", sa.String(64), nullable=True))
    keyed, ranked = sa.text("key_prefix IS NOT NULL"), sa.text("round IS NOT NULL")
    op.create_index(
        "ix_episodes_key_prefix_task_id_ended_position",
        "episodes",
        ["key_prefix", "task_id", "ended_position"],
        sqlite_where=keyed,
        postgresql_where=keyed,
    )
    op.create_index("ix_episodes_round", "episodes", ["round"], sqlite_where=ranked, postgresql_where=ranked)
