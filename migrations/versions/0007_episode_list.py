"""Indexes of the list of episodes: by beginning, and of those that are over by score and steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_episodes_started", "episodes", ["started_at", "episode_id", "task_id"])
    op.create_index("ix_episodes_agent_started", "episodes", ["agent", "started_at", "episode_id"])
    is_over = sa.text("ended_position IS NOT NULL")
    for name, columns in (
        ("ix_episodes_over", ["started_at", "episode_id", "task_id", "end_reason", "score", "step_count"]),
        ("ix_episodes_score", ["score", "episode_id", "task_id", "end_reason", "step_count"]),
        ("ix_episodes_steps", ["step_count", "episode_id", "task_id", "end_reason", "score"]),
        ("ix_episodes_agent_score", ["agent", "score", "episode_id"]),
        ("ix_episodes_agent_steps", ["agent", "step_count", "episode_id"]),
    ):
        op.create_index(name, "episodes", columns, sqlite_where=is_over, postgresql_where=is_over)
