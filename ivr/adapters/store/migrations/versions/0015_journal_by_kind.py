"""the journal can be looked up by kind"""

from alembic import op


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_journal_kind', 'journal', ['kind'])


def downgrade() -> None:
    op.drop_index('ix_journal_kind', table_name='journal')
