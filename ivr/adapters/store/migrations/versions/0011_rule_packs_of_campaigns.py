"""campaigns say whose rules hold, what their message is, and which election it is about"""

from alembic import op
import sqlalchemy as sa


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

COLUMNS = (('pack', 8, 'base'), ('message_class', 32, ''), ('election', 64, ''), ('territory', 64, ''))


def upgrade() -> None:
    for name, length, default in COLUMNS:
        op.add_column('campaigns', sa.Column(name, sa.String(length=length), nullable=False, server_default=default))


def downgrade() -> None:
    for name, _, _ in reversed(COLUMNS):  # column by column: a table that others refer to cannot be made anew
        op.drop_column('campaigns', name)
