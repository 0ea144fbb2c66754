"""Alembic's door: runs the migrations on the database it was given, one process at a time."""

from alembic import context

from ivr.adapters.store import counting, locks
from ivr.adapters.store.schema import metadata

with context.config.attributes["database"].write() as connection:
    locks.migrating(connection)
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
    if context.get_context().get_current_heads() == (context.script.get_current_head(),):
        counting.count_uncounted(connection)
