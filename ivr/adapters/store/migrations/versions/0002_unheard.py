"""answered attempts that ended and of which no listen came, in a table of their own"""

from alembic import op
import sqlalchemy as sa


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('unheard',
    sa.Column('attempt_id', sa.String(length=40), nullable=False),
    sa.Column('campaign_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ended_at_ms', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['attempt_id'], ['attempts.id'], name=op.f('fk_unheard_attempt_id_attempts')),
    sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_unheard_campaign_id_campaigns')),
    sa.PrimaryKeyConstraint('attempt_id', name=op.f('pk_unheard'))
    )
    op.execute(
        "INSERT INTO unheard (attempt_id, campaign_id, ended_at_ms) "
        "SELECT attempts.id, attempts.campaign_id, attempts.ended_at_ms FROM attempts "
        "LEFT JOIN listens ON listens.attempt_id = attempts.id "
        "WHERE attempts.state = 'ended' AND attempts.outcome = 'answered' AND listens.attempt_id IS NULL"
    )


def downgrade() -> None:
    op.drop_table('unheard')
