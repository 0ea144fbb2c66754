"""retries, several trunks for a campaign, limits changed while running, several PBXs"""

from alembic import op
import sqlalchemy as sa


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Column by column, as every database can: a table made anew would have to be dropped, and others refer to it.
    op.add_column('campaigns', sa.Column('trunks', sa.JSON(), nullable=False, server_default='[]'))
    op.add_column('campaigns', sa.Column('weight', sa.Float(), nullable=False, server_default='1'))
    op.add_column('campaigns', sa.Column('priority', sa.Integer(), nullable=False, server_default='0'))
    op.add_column('campaigns', sa.Column('retry', sa.Text(), nullable=False, server_default=''))
    op.add_column('campaigns', sa.Column('expires_at_ms', sa.BigInteger(), nullable=True))
    op.add_column('campaigns', sa.Column('release_at_ms', sa.BigInteger(), nullable=True))
    campaigns = sa.table('campaigns', sa.column('id'), sa.column('trunk'), sa.column('trunks', sa.JSON()))
    connection = op.get_bind()
    trunks = dict(connection.execute(sa.select(campaigns.c.id, campaigns.c.trunk)).all())
    for key, trunk in trunks.items():
        connection.execute(sa.update(campaigns).where(campaigns.c.id == key).values(trunks=[trunk]))
    op.drop_column('campaigns', 'trunk')
    op.add_column('targets', sa.Column('due_at_ms', sa.BigInteger(), nullable=False, server_default='0'))
    op.create_index('ix_targets_campaign_id_state_due_at_ms', 'targets', ['campaign_id', 'state', 'due_at_ms'])
    op.drop_index('ix_targets_campaign_id_state', 'targets')
    op.add_column('attempts', sa.Column('trunk', sa.String(length=64), nullable=False, server_default=''))
    op.add_column('attempts', sa.Column('blame', sa.String(length=8), nullable=False, server_default=''))
    attempts = sa.table('attempts', sa.column('campaign_id'), sa.column('trunk'))
    for key, trunk in trunks.items():
        connection.execute(sa.update(attempts).where(attempts.c.campaign_id == key).values(trunk=trunk))
    op.add_column('halts', sa.Column('release_at_ms', sa.BigInteger(), nullable=True))
    op.create_table('limits',
    sa.Column('scope', sa.String(length=80), nullable=False),
    sa.Column('rate_cps', sa.Float(), nullable=True),
    sa.Column('channels', sa.Integer(), nullable=True),
    sa.Column('changed_at_ms', sa.BigInteger(), nullable=False),
    sa.Column('changed_by', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('scope', name=op.f('pk_limits'))
    )
    op.create_table('pbxs',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('beat', sa.BigInteger(), nullable=False),
    sa.Column('beat_at_ms', sa.BigInteger(), nullable=False),
    sa.Column('ready', sa.Boolean(), nullable=False),
    sa.Column('channels', sa.Integer(), nullable=False),
    sa.Column('live', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_pbxs'))
    )
    op.create_table('allotments',
    sa.Column('scope', sa.String(length=80), nullable=False),
    sa.Column('pbx', sa.String(length=32), nullable=False),
    sa.Column('wants', sa.Boolean(), nullable=False),
    sa.Column('rate_cps', sa.Float(), nullable=False),
    sa.Column('channels', sa.Integer(), nullable=False),
    sa.Column('live', sa.Integer(), nullable=False),
    sa.Column('worst_second', sa.Integer(), nullable=False),
    sa.Column('worst_at_ms', sa.BigInteger(), nullable=False),
    sa.Column('breaker', sa.String(length=16), nullable=False, server_default=''),
    sa.PrimaryKeyConstraint('scope', 'pbx', name=op.f('pk_allotments'))
    )


def downgrade() -> None:
    for name in ('allotments', 'pbxs', 'limits'):
        op.drop_table(name)
    op.drop_column('halts', 'release_at_ms')
    op.drop_column('attempts', 'blame')
    op.drop_column('attempts', 'trunk')
    op.create_index('ix_targets_campaign_id_state', 'targets', ['campaign_id', 'state'])
    op.drop_index('ix_targets_campaign_id_state_due_at_ms', 'targets')
    op.drop_column('targets', 'due_at_ms')
    op.add_column('campaigns', sa.Column('trunk', sa.String(length=64), nullable=False, server_default=''))
    campaigns = sa.table('campaigns', sa.column('id'), sa.column('trunk'), sa.column('trunks', sa.JSON()))
    connection = op.get_bind()
    for key, trunks in connection.execute(sa.select(campaigns.c.id, campaigns.c.trunks)).all():
        connection.execute(sa.update(campaigns).where(campaigns.c.id == key).values(trunk=trunks[0]))
    for name in ('trunks', 'weight', 'priority', 'retry', 'expires_at_ms', 'release_at_ms'):
        op.drop_column('campaigns', name)
