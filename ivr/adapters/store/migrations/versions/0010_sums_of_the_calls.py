"""sums of the calls and counts of the targets, kept with every change: reports read them alone

Calls that were made before are counted when the tables are those of this version: see migrations/env.py.
"""

from alembic import op
import sqlalchemy as sa


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
SUMS = (
    'calls', 'answered', 'heard', 'share', 'squares', 'stayed', 'cut', 'left_before', 'left_early', 'notice',
    'repeated', 'stopped', 'fallback', 'end_unknown',
)
TABLES = ('tally_cells', 'tally_instants', 'tally_stops', 'target_counts')
KEY = 'campaign_id, version, state, outcome, rule, origin'


def campaign(table: str) -> tuple[sa.Column[int], sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column('campaign_id', ID, nullable=False),
        sa.Column('version', sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f(f'fk_{table}_campaign_id_campaigns')),
    )


def upgrade() -> None:
    op.create_table('tally_cells',
    *campaign('tally_cells'),
    sa.Column('dimension', sa.String(length=16), nullable=False),
    sa.Column('value', sa.String(length=64), nullable=False),
    *(sa.Column(name, sa.BigInteger(), nullable=False) for name in SUMS),
    sa.PrimaryKeyConstraint('campaign_id', 'version', 'dimension', 'value', name=op.f('pk_tally_cells')),
    sqlite_with_rowid=False
    )
    op.create_table('tally_instants',
    *campaign('tally_instants'),
    sa.Column('fate', sa.String(length=8), nullable=False),
    sa.Column('at_ms', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('campaign_id', 'version', 'fate', 'at_ms', name=op.f('pk_tally_instants')),
    sqlite_with_rowid=False
    )
    op.create_table('tally_stops',
    *campaign('tally_stops'),
    sa.Column('segment', sa.String(length=16), nullable=False),
    sa.Column('second', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('calls', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('campaign_id', 'version', 'segment', 'second', name=op.f('pk_tally_stops')),
    sqlite_with_rowid=False
    )
    op.create_table('target_counts',
    *campaign('target_counts'),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('origin', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('targets', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('campaign_id', 'version', 'state', 'outcome', 'rule', 'origin', name=op.f('pk_target_counts')),
    sqlite_with_rowid=False
    )
    op.execute(
        f'INSERT INTO target_counts ({KEY}, targets) '
        'SELECT campaign_id, version, state, outcome, rule, 0, count(*) FROM targets '
        'GROUP BY campaign_id, version, state, outcome, rule'
    )
    if op.get_bind().dialect.name == 'postgresql':
        count_on_postgresql()
    else:
        count_on_sqlite()


def count_on_sqlite() -> None:
    def add(row: str, one: str) -> str:
        return (
            f'INSERT INTO target_counts ({KEY}, targets) '
            f'VALUES ({row}.campaign_id, {row}.version, {row}.state, {row}.outcome, {row}.rule, 0, {one}) '
            f'ON CONFLICT ({KEY}) DO UPDATE SET targets = targets + {one};'
        )

    moved = 'OLD.version <> NEW.version OR OLD.state <> NEW.state OR OLD.outcome <> NEW.outcome OR OLD.rule <> NEW.rule'
    for name, when, then in (
        ('insert', 'AFTER INSERT ON targets', add('NEW', '1')),
        ('update', f'AFTER UPDATE OF version, state, outcome, rule ON targets WHEN {moved}', add('OLD', '-1') + add('NEW', '1')),
        ('delete', 'AFTER DELETE ON targets', add('OLD', '-1')),
    ):
        op.execute(f'CREATE TRIGGER targets_counted_{name} {when} BEGIN {then} END')


def count_on_postgresql() -> None:
    """Each transaction has rows of its own, so that nobody waits for another; `fold` brings them together."""
    columns = 'campaign_id, version, state, outcome, rule'
    added = f'SELECT {columns}, 1 AS one FROM new_rows'
    taken = f'SELECT {columns}, -1 AS one FROM old_rows'
    for name, tables, rows in (
        ('insert', 'NEW TABLE AS new_rows', added),
        ('update', 'OLD TABLE AS old_rows NEW TABLE AS new_rows', f'{added} UNION ALL {taken}'),
        ('delete', 'OLD TABLE AS old_rows', taken),
    ):
        op.execute(
            f'CREATE FUNCTION targets_counted_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
            f'INSERT INTO target_counts ({KEY}, targets) '
            f'SELECT {columns}, txid_current(), sum(one) FROM ({rows}) AS moved '
            f'GROUP BY {columns} HAVING sum(one) <> 0 ORDER BY {columns} '
            f'ON CONFLICT ({KEY}) DO UPDATE SET targets = target_counts.targets + excluded.targets; '
            'RETURN NULL; END $$'
        )
        op.execute(
            f'CREATE TRIGGER targets_counted_{name} AFTER {name.upper()} ON targets '
            f'REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION targets_counted_{name}()'
        )
    op.execute('ALTER TABLE tally_cells SET (fillfactor = 50)')  # rows change in place, and often
    op.execute('ALTER TABLE tally_instants SET (fillfactor = 50)')


def downgrade() -> None:
    on_postgresql = op.get_bind().dialect.name == 'postgresql'
    for name in ('insert', 'update', 'delete'):
        op.execute(f'DROP TRIGGER targets_counted_{name}' + (' ON targets' if on_postgresql else ''))
        if on_postgresql:
            op.execute(f'DROP FUNCTION targets_counted_{name}()')
    for table in TABLES:
        op.drop_table(table)
