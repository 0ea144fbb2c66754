"""several messages in one campaign, each played to its share of the audience"""

from alembic import op
import sqlalchemy as sa


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('versions',
    sa.Column('campaign_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('share', sa.Float(), nullable=False),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_versions_campaign_id_campaigns')),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_versions_message_id_messages')),
    sa.PrimaryKeyConstraint('campaign_id', 'number', name=op.f('pk_versions'))
    )
    # With a constant default neither database touches the rows that are there, however many.
    op.add_column('targets', sa.Column('version', sa.SmallInteger(), nullable=False, server_default='0'))


def downgrade() -> None:
    op.drop_column('targets', 'version')
    op.drop_table('versions')
