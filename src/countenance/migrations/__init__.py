"""Versions of the database schema; Alembic runs them, store.database calls Alembic."""
