"""calls to the call-back line are counted"""

from alembic import op
import sqlalchemy as sa


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('callbacks',
    sa.Column('id', number, nullable=False),
    sa.Column('at_ms', sa.BigInteger(), nullable=False),
    sa.Column('line', sa.String(length=16), nullable=False),
    sa.Column('campaign_id', number, nullable=True),
    sa.Column('length_ms', sa.Integer(), nullable=False),
    sa.Column('message', sa.Integer(), nullable=False),
    sa.Column('source', sa.Integer(), nullable=False),
    sa.Column('request', sa.Integer(), nullable=False),
    sa.Column('stopped', sa.Boolean(), nullable=False),
    sa.Column('hidden', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_callbacks_campaign_id_campaigns')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_callbacks'))
    )
    op.create_index(op.f('ix_callbacks_campaign_id'), 'callbacks', ['campaign_id'])


def downgrade() -> None:
    op.drop_index(op.f('ix_callbacks_campaign_id'), table_name='callbacks')
    op.drop_table('callbacks')
