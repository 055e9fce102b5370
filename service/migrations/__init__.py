"""Alembic's environment: `env.py` runs it, `versions/` holds one module per change of the tables."""
