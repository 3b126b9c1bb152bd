"""Adds the key of a scenario, what it is generated from, so that one generated ahead is found."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_scenarios_seed_task_id", "scenarios", ["seed", "task_id"])
