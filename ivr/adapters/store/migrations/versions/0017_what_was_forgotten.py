"""attempts say when what was heard of them was deleted"""

from alembic import op
import sqlalchemy as sa


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('attempts', sa.Column('forgotten_at_ms', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('attempts', 'forgotten_at_ms')
