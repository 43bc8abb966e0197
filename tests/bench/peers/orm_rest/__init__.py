"""`POST /v1/cases` as FastAPI with a SQLAlchemy ORM session: the same tables, rules, guarantees and answer."""
