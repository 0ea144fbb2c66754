"""where a batch comes from, what is known of a contact, and how many of each kind a batch holds"""

from collections.abc import Callable
from typing import Any

from alembic import op
import sqlalchemy as sa


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def text(name: str, kind: sa.types.TypeEngine[str] = sa.Text(), default: str = '') -> sa.Column[str]:
    return sa.Column(name, kind, nullable=False, server_default=default)


COLUMNS: dict[str, Callable[[], tuple[sa.Column[Any], ...]]] = {
    'source_batches': lambda: (
        text('source_type', sa.String(length=32), 'undeclared'),
        text('source_label_fr'),
        text('source_label_en'),
        text('original_controller'),
        text('original_purpose'),
        text('original_notice_sha256', sa.String(length=64)),
        text('consent_text_sha256', sa.String(length=64)),
        sa.Column('political_reuse_disclosed', sa.Boolean(), nullable=True),
        text('objection_channel'),
        sa.Column('collected_from', sa.Date(), nullable=True),
        sa.Column('collected_to', sa.Date(), nullable=True),
        sa.Column('obtained_at', sa.Date(), nullable=True),
        text('vendor'),
        text('vendor_country', sa.String(length=2)),
        text('transfer_mechanism'),
        text('contract_ref'),
        text('uploader', sa.String(length=64)),
        text('attestation'),
        sa.Column('delete_at', sa.Date(), nullable=True),
        text('state', sa.String(length=16), 'complete'),
        text('loaded_to', sa.String(length=16)),
        text('rows_by_reason', sa.JSON(), '{}'),
        sa.Column('counted_at_ms', sa.BigInteger(), nullable=True),
    ),
    'contacts': lambda: (
        sa.Column('departement', sa.String(length=3), nullable=True),
        sa.Column('commune', sa.String(length=5), nullable=True),
        sa.Column('postcode', sa.String(length=10), nullable=True),
        sa.Column('birth_year', sa.Integer(), nullable=True),
        sa.Column('language', sa.String(length=8), nullable=True),
        sa.Column('zone', sa.String(length=64), nullable=True),
    ),
    'batch_contacts': lambda: (
        sa.Column('row_hash', sa.BigInteger(), nullable=True),
        sa.Column('first_seen_at_ms', sa.BigInteger(), nullable=True),
    ),
    'campaigns': lambda: (text('audience'),),
}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for column in columns():
            op.add_column(table, column)
    op.create_table('batch_cells',
    sa.Column('batch_id', ID, nullable=False),
    sa.Column('departement', sa.String(length=3), nullable=False),
    sa.Column('commune', sa.String(length=5), nullable=False),
    sa.Column('postcode', sa.String(length=10), nullable=False),
    sa.Column('line_type', sa.String(length=16), nullable=False),
    sa.Column('language', sa.String(length=8), nullable=False),
    sa.Column('birth_year', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('contacts', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['batch_id'], ['source_batches.id'], name=op.f('fk_batch_cells_batch_id_source_batches')),
    sa.PrimaryKeyConstraint('batch_id', 'departement', 'commune', 'postcode', 'line_type', 'language', 'birth_year', name=op.f('pk_batch_cells')),
    sqlite_with_rowid=False
    )


def downgrade() -> None:
    op.drop_table('batch_cells')
    for table, columns in COLUMNS.items():
        for column in columns():
            op.drop_column(table, column.name)
