"""Adds grades under other rubrics, kept beside the recorded ones, and results of the server's audits of attempts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "regrades",
        sa.Column("episode_id", sa.String(128), nullable=False),
        sa.Column("rubric_version", sa.String(32), nullable=False),
        sa.Column("round_id", sa.String(64), nullable=True),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("brier", sa.Float(), nullable=True),
        sa.Column("is_right", sa.Boolean(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("regraded_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("episode_id", "rubric_version", name="pk_regrades"),
    )
    op.create_index("ix_regrades_round_id_rubric_version", "regrades", ["round_id", "rubric_version"])
    op.create_table(
        "rubrics",
        sa.Column("rubric_version", sa.String(32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rubric_version", name="pk_rubrics"),
    )
    op.create_table(
        "audits",
        sa.Column("episode_id", sa.String(128), nullable=False),
        sa.Column("head_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("audited_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("episode_id", name="pk_audits"),
    )
