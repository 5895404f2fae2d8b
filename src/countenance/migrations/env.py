"""What Alembic runs: the connection is handed over by store.database, never opened here."""

from alembic import context

from countenance.store.schema import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
