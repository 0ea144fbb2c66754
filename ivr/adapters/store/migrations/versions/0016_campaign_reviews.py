"""campaigns are submitted, and judged by a second person"""

from alembic import op
import sqlalchemy as sa


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('campaign_reviews',
    sa.Column('campaign_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('submitted_by', sa.String(length=64), nullable=False),
    sa.Column('submitted_at_ms', sa.BigInteger(), nullable=False),
    sa.Column('judged_by', sa.String(length=64), server_default='', nullable=False),
    sa.Column('judged_at_ms', sa.BigInteger(), nullable=True),
    sa.Column('approved', sa.Boolean(), nullable=True),
    sa.Column('reason', sa.Text(), server_default='', nullable=False),
    sa.ForeignKeyConstraint(
        ['campaign_id'], ['campaigns.id'], name=op.f('fk_campaign_reviews_campaign_id_campaigns')
    ),
    sa.PrimaryKeyConstraint('campaign_id', name=op.f('pk_campaign_reviews'))
    )


def downgrade() -> None:
    op.drop_table('campaign_reviews')
