"""Alembic's door: runs the migrations on the URL it was given."""

from alembic import context

from ivr.adapters.store.engine import Database
from ivr.adapters.store.schema import metadata

url = context.config.get_main_option("sqlalchemy.url")
assert url is not None  # noqa: S101 - set by engine._alembic
database = Database(url)
with database.write() as connection:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    context.run_migrations()
database.close()
