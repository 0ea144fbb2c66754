"""PostgreSQL sweeps the targets often: each claim leaves a dead entry in front of those still due"""

from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE targets SET (autovacuum_vacuum_scale_factor = 0.02)')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE targets RESET (autovacuum_vacuum_scale_factor)')
