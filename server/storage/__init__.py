"""The database: engines, schema, writers and read models."""
