"""consents and what they permit, sponsors' dossiers and caller IDs, the journal; suppressions by channel"""

from alembic import op
import sqlalchemy as sa


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def links() -> list[sa.Column[object]]:
    return [
        sa.Column('seq', ID, autoincrement=False, nullable=False),
        sa.Column('at_ms', sa.BigInteger(), nullable=False),
        sa.Column('body', sa.Text(), nullable=False),
        sa.Column('prev_hash', sa.String(length=64), nullable=False),
        sa.Column('hash', sa.String(length=64), nullable=False),
    ]


def upgrade() -> None:
    op.add_column('suppressions', sa.Column('channels', sa.String(length=64), nullable=False, server_default=''))
    op.add_column('suppressions', sa.Column('evidence', sa.Text(), nullable=False, server_default=''))
    op.add_column('suppressions', sa.Column('expires_at_ms', sa.BigInteger(), nullable=True))
    op.add_column('sponsors', sa.Column('dossier', sa.JSON(), nullable=False, server_default='{}'))
    op.create_table('consent_events',
    *links(),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('number_hmac', sa.String(length=64), nullable=False),
    sa.Column('sponsor_id', ID, nullable=False),
    sa.Column('proof', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['sponsor_id'], ['sponsors.id'], name=op.f('fk_consent_events_sponsor_id_sponsors')),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_consent_events')),
    sa.UniqueConstraint('proof', name=op.f('uq_consent_events_proof'))
    )
    op.create_index('ix_consent_events_number_hmac', 'consent_events', ['number_hmac'])
    op.create_table('purpose_grants',
    sa.Column('id', ID, nullable=False),
    sa.Column('contact_id', ID, nullable=False),
    sa.Column('sponsor_id', ID, nullable=False),
    sa.Column('purpose', sa.String(length=32), nullable=False),
    sa.Column('channel', sa.String(length=16), nullable=False),
    sa.Column('scope', sa.String(length=64), nullable=False, server_default=''),
    sa.Column('hours', sa.Text(), nullable=False, server_default=''),
    sa.Column('timezone', sa.String(length=64), nullable=False, server_default=''),
    sa.Column('basis', sa.String(length=32), nullable=False),
    sa.Column('basis_ref', sa.String(length=128), nullable=False),
    sa.Column('from_ms', sa.BigInteger(), nullable=False),
    sa.Column('to_ms', sa.BigInteger(), nullable=True),
    sa.Column('revoked_at_ms', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['contact_id'], ['contacts.id'], name=op.f('fk_purpose_grants_contact_id_contacts')),
    sa.ForeignKeyConstraint(['sponsor_id'], ['sponsors.id'], name=op.f('fk_purpose_grants_sponsor_id_sponsors')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purpose_grants'))
    )
    op.create_index('ix_purpose_grants_contact_id_sponsor_id', 'purpose_grants', ['contact_id', 'sponsor_id'])
    op.create_table('journal',
    *links(),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('subject', sa.String(length=260), nullable=False),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_journal'))
    )
    op.create_index('ix_journal_subject', 'journal', ['subject'])
    op.create_table('caller_id_grants',
    sa.Column('id', ID, nullable=False),
    sa.Column('sponsor_id', ID, nullable=False),
    sa.Column('number', sa.String(length=16), nullable=False),
    sa.Column('evidence', sa.Text(), nullable=False),
    sa.Column('evidence_sha256', sa.String(length=64), nullable=False, server_default=''),
    sa.Column('from_ms', sa.BigInteger(), nullable=False),
    sa.Column('to_ms', sa.BigInteger(), nullable=True),
    sa.Column('granted_by', sa.String(length=64), nullable=False),
    sa.Column('revoked_at_ms', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['sponsor_id'], ['sponsors.id'], name=op.f('fk_caller_id_grants_sponsor_id_sponsors')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_caller_id_grants'))
    )
    op.create_index(op.f('ix_caller_id_grants_sponsor_id'), 'caller_id_grants', ['sponsor_id'])


def downgrade() -> None:
    for name in ('caller_id_grants', 'journal', 'purpose_grants', 'consent_events'):
        op.drop_table(name)
    op.drop_column('sponsors', 'dossier')
    for name in ('expires_at_ms', 'evidence', 'channels'):
        op.drop_column('suppressions', name)
