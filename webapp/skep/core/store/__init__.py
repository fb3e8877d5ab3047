"""Cluster state in SQLAlchemy models, and every query on them. Opens no transaction itself."""
