"""Faults are counted by kind from an index: the count is asked for every second, and the table only grows."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("injected_by_kind", "injected", ["kind"])


def downgrade() -> None:
    op.drop_index("injected_by_kind", "injected")
