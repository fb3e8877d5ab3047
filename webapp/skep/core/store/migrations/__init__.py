"""Alembic migrations of the store; `skep-core init` brings a database up to date."""
