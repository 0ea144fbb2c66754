"""campaigns keep what they agreed to pay and their budget, calls what of them is billed"""

from alembic import op
import sqlalchemy as sa


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('campaigns', sa.Column('terms', sa.JSON(), nullable=False, server_default='{}'))
    op.add_column('campaigns', sa.Column('budget_cents', sa.BigInteger(), nullable=True))
    op.add_column('attempts', sa.Column('billed_s', sa.Integer(), nullable=True))
    op.add_column('tally_cells', sa.Column('billed_s', sa.BigInteger(), nullable=False, server_default='0'))


def downgrade() -> None:
    op.drop_column('tally_cells', 'billed_s')
    op.drop_column('attempts', 'billed_s')
    op.drop_column('campaigns', 'budget_cents')
    op.drop_column('campaigns', 'terms')
