"""who uploaded a message, whose voice it is, what its checks found, who approved or refused it"""

from alembic import op
import sqlalchemy as sa


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

NAMES = (
    'renderings', 'uploaded_by', 'origin', 'sponsor', 'voice_consent', 'findings', 'measures', 'refused_by',
    'refused_at_ms', 'refused_reason',
)


def upgrade() -> None:
    # Column by column, as every database can: a table made anew would have to be dropped, and others refer to it.
    for column in (
        sa.Column('renderings', sa.JSON(), nullable=False, server_default='{}'),
        sa.Column('uploaded_by', sa.String(length=64), nullable=False, server_default=''),
        sa.Column('origin', sa.String(length=16), nullable=False, server_default='human'),
        sa.Column('sponsor', sa.String(length=200), nullable=False, server_default=''),
        sa.Column('voice_consent', sa.Text(), nullable=False, server_default=''),
        sa.Column('findings', sa.JSON(), nullable=False, server_default='[]'),
        sa.Column('measures', sa.JSON(), nullable=False, server_default='{}'),
        sa.Column('refused_by', sa.String(length=64), nullable=True),
        sa.Column('refused_at_ms', sa.BigInteger(), nullable=True),
        sa.Column('refused_reason', sa.Text(), nullable=True),
    ):
        op.add_column('messages', column)
    op.create_table('approvals',
    sa.Column('message_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('approved_by', sa.String(length=64), nullable=False),
    sa.Column('at_ms', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_approvals_message_id_messages')),
    sa.PrimaryKeyConstraint('message_id', 'approved_by', name=op.f('pk_approvals'))
    )


def downgrade() -> None:
    op.drop_table('approvals')
    for name in NAMES:
        op.drop_column('messages', name)
