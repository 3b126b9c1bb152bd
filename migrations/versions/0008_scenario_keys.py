"""Scenarios are found by what they are generated from, so that one that was generated ahead is not generated again."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_scenarios_seed_task_id", "scenarios", ["seed", "task_id"])
