"""attempts keep the number that was shown; calls before that are counted under no number and no batch"""

from alembic import op
import sqlalchemy as sa


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None

DIMENSIONS = ('caller_id', 'batch')
SUMS = (
    'calls, answered, heard, share, squares, stayed, cut, left_before, left_early, notice, repeated, stopped, fallback, '
    'end_unknown, billed_s'
)


def upgrade() -> None:
    op.create_index(op.f('ix_source_batches_imported_at_ms'), 'source_batches', ['imported_at_ms'])
    op.add_column('attempts', sa.Column('caller_id', sa.String(length=16), nullable=True))
    for dimension in DIMENSIONS:
        op.execute(
            f'INSERT INTO tally_cells (campaign_id, version, dimension, value, {SUMS}) '
            f"SELECT campaign_id, version, '{dimension}', '', {SUMS} FROM tally_cells WHERE dimension = 'all'"
        )


def downgrade() -> None:
    for dimension in DIMENSIONS:
        op.execute(f"DELETE FROM tally_cells WHERE dimension = '{dimension}'")
    op.drop_column('attempts', 'caller_id')
    op.drop_index(op.f('ix_source_batches_imported_at_ms'), 'source_batches')
