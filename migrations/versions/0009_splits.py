"""Adds the split of scenarios and rounds. Earlier rows were generated for ``train``, as an older server still does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("scenarios", "rounds"):
        op.add_column(table, sa.Column("split", sa.String(16), nullable=False, server_default="train"))
