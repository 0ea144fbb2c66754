"""lists of contacts that a sponsor's people may choose"""

from alembic import op
import sqlalchemy as sa


revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('sponsor_batches',
    sa.Column('sponsor_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('batch_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lent_at_ms', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['source_batches.id'], name=op.f('fk_sponsor_batches_batch_id_source_batches')),
    sa.ForeignKeyConstraint(['sponsor_id'], ['sponsors.id'], name=op.f('fk_sponsor_batches_sponsor_id_sponsors')),
    sa.PrimaryKeyConstraint('sponsor_id', 'batch_id', name=op.f('pk_sponsor_batches'))
    )
    op.create_index(op.f('ix_sponsor_batches_batch_id'), 'sponsor_batches', ['batch_id'])


def downgrade() -> None:
    op.drop_table('sponsor_batches')
